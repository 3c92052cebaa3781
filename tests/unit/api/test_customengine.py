"""The two kinds of engines: what belongs to one is refused with the other, in words that say where it belongs."""

import pytest
from pydantic import ValidationError

from tidegate_api.serving import Engine
from tidegate_api.v1alpha1 import LLMServiceSpec

IMAGE = {"type": "Custom", "image": "example.com/engine:1"}
WRONG: list[tuple[str, dict[str, object], str]] = [
    ("a custom engine without an image", {"type": "Custom"}, "engine.image must be set"),
    ("a command of vLLM's", {"command": ["sh"]}, "is Tidegate's"),
    ("a port of vLLM's", {"port": 9000}, "is Tidegate's"),
    ("a path of vLLM's health", {"healthPath": "/ping"}, "is Tidegate's"),
    ("a path of vLLM's readiness", {"readyPath": "/ping"}, "is Tidegate's"),
    ("a length that only vLLM is told", {**IMAGE, "maxModelLen": 4096}, "tell the engine in engine.args"),
    ("weights that only vLLM quantizes", {**IMAGE, "quantization": "awq"}, "tell the engine in engine.args"),
    ("a cache that only vLLM has", {**IMAGE, "kvCacheDtype": "fp8"}, "tell the engine in engine.args"),
    ("a port that needs a right", {**IMAGE, "port": 80}, "greater than or equal to 1024"),
    ("a path that is none", {**IMAGE, "healthPath": "health"}, "match"),
]


@pytest.mark.parametrize(("_sentence", "fields", "says"), WRONG, ids=[one[0] for one in WRONG])
def test_what_belongs_to_the_other_kind_is_refused(
    _sentence: str, fields: dict[str, object], says: str
) -> None:
    with pytest.raises(ValidationError, match=says):
        Engine.model_validate(fields)


def test_a_custom_engine_says_how_it_is_started_and_asked() -> None:
    said = {"command": ["serve"], "port": 9000, "healthPath": "/ping", "readyPath": "/up", "maxNumSeqs": 4}
    engine = Engine.model_validate({**IMAGE, **said})
    assert engine.model_dump(by_alias=True, exclude_none=True) == {**IMAGE, **said, "args": [], "env": []}


def test_a_metric_that_no_custom_engine_has_is_no_reason_to_scale() -> None:
    scaling = {"maxReplicas": 2, "metrics": [{"type": "KVCacheUtilization", "target": 75}]}
    spec = {"model": {"uri": "pvc://m/a.gguf"}, "engine": IMAGE, "scaling": scaling}
    with pytest.raises(ValidationError, match="needs vLLM's metrics"):
        LLMServiceSpec.model_validate(spec)
    counted = {**scaling, "metrics": [{"type": "QueueDepth", "target": 4}]}
    assert LLMServiceSpec.model_validate({**spec, "scaling": counted}).scaling is not None
