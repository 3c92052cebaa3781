"""Whether a model fits: what is told before it is started, what is refused, and which setting is named instead."""

from dataclasses import replace
from typing import Any

import pytest

from objects import condition, observed, planned, pod, service, status
from tidegate_api.fit.shape import to_json
from tidegate_api.settings import Settings
from tidegate_operator.errors import Withheld
from tidegate_operator.facts import Observed
from unit.fit import families
from unit.fit.families import Config, shape_of
from unit.operator.test_weights import URI, model

LLAMA_8B, LLAMA_70B = (families.LLAMA_3_8B, 16_060_522_496), (families.LLAMA_31_70B, 141_107_412_992)
SMOLLM2 = (families.SMOLLM2_135M, 269_060_552)
GEMMA3, QWEN3_NEXT = (families.GEMMA3_27B, 54_864_757_408), (families.QWEN3_NEXT_80B, 162_600_000_000)
LLAMA_8B_LONG = ({**families.LLAMA_3_8B, "max_position_embeddings": 131072}, 16_060_522_496)


def facts(known: tuple[Config, int], profile: str = "cpu:1", **spec: Any) -> Observed:
    """Return the facts about a service with a model of a hub of which a loader has read the config."""
    of_hub = model(shape=to_json(shape_of(*known)))
    return observed(service(model={"uri": URI}, resourceProfile=profile, **spec), model=of_hub)


def withheld(of: Observed) -> Withheld:
    found = planned(of, Settings()).withheld
    assert found is not None
    return found


def test_on_a_cpu_the_cache_is_what_is_set_aside() -> None:
    found = status(facts(SMOLLM2), Settings())["estimate"]
    assert found["weightsBytes"] == 269_060_552
    assert found["kvBytesPerToken"] == 23_040
    assert (found["kvCacheTokens"], found["maxConcurrency"]) == (46_592, "5.7")
    assert found["acceleratorMemoryBytes"] == 2**30
    assert "46592 tokens fit" in found["message"]


def test_on_a_gpu_the_cache_is_what_is_left_of_its_memory() -> None:
    found = status(facts(LLAMA_8B, "nvidia-h100-80gb:1"), Settings())["estimate"]
    assert found["acceleratorMemoryBytes"] == 79 * 2**30
    # 0.92 of 79 GiB, less 15 GiB of weights and what the engine itself takes.
    assert 50 * 2**30 < found["kvCacheTokens"] * found["kvBytesPerToken"] < 56 * 2**30


def test_nothing_is_reckoned_of_an_accelerator_whose_memory_nobody_told() -> None:
    found = status(facts(LLAMA_70B, "nvidia:1"), Settings())["estimate"]
    assert "kvCacheTokens" not in found
    assert "does not say its accelerators' memory" in found["message"]


def test_nor_of_a_cache_whose_layers_are_not_known() -> None:
    found = status(facts(QWEN3_NEXT, "nvidia-h100-80gb:4"), Settings())["estimate"]
    assert "kvBytesPerToken" not in found
    assert "a state instead of keys and values" in found["message"]


@pytest.mark.parametrize(
    ("of", "words"),
    [
        pytest.param(
            facts(LLAMA_70B, "nvidia-h100-80gb:1"),
            ["131.4 GiB", "79.0 GiB", "spec.resourceProfile to nvidia-h100-80gb:4"],
            id="weights of 70B on one: four, for its 131072 tokens",
        ),
        pytest.param(
            facts(LLAMA_70B, "nvidia-h100-80gb:1", engine={"maxModelLen": 8192}),
            ["spec.resourceProfile to nvidia-h100-80gb:2"],
            id="weights of 70B on one: two, for 8192",
        ),
        pytest.param(
            facts(LLAMA_8B_LONG, "nvidia-l4:1"),
            ["131072 tokens", "spec.engine.maxModelLen to", "spec.resourceProfile to nvidia-l4:2"],
            id="a cache for 131072 tokens on an L4",
        ),
        pytest.param(
            facts(SMOLLM2, resources={"limits": {"memory": "200Mi"}, "requests": {"memory": "100Mi"}}),
            ["0.3 GiB", "spec.resources.limits.memory to"],
            id="weights in a container that is too small",
        ),
        pytest.param(
            facts(LLAMA_8B_LONG, "cpu:8"),
            ["131072 tokens", "VLLM_CPU_KVCACHE_SPACE to 17 in spec.engine.env", "maxModelLen to 7168"],
            id="a cache for 131072 tokens in a GiB",
        ),
    ],
)
def test_what_can_never_work_is_refused_with_a_setting_that_does(of: Observed, words: list[str]) -> None:
    said = withheld(of)
    assert said.reason == "ModelDoesNotFit"
    for word in words:
        assert word in said.message
    found = status(of, Settings())
    assert (found["phase"], found["estimate"]["weightsBytes"] > 0) == ("Failed", True)


@pytest.mark.parametrize(
    ("of", "words"),
    [
        pytest.param(
            facts(SMOLLM2, "nvidia-l4:2"),
            ["9 attention heads", "2 by tensor", "work are 1, 3:"],
            id="by the profile's count",
        ),
        pytest.param(
            facts(SMOLLM2, engine={"args": ["-tp", "2"]}),
            ["9 attention heads"],
            id="by a flag, whatever its name",
        ),
        pytest.param(
            facts(LLAMA_8B, engine={"args": ["--pipeline-parallel-size=33"]}), ["32 layers"], id="by pipeline"
        ),
    ],
)
def test_a_spread_that_the_heads_do_not_allow_is_refused_with_the_numbers(
    of: Observed, words: list[str]
) -> None:
    said = withheld(of)
    assert said.reason == "InvalidParallelism"
    for word in words:
        assert word in said.message


@pytest.mark.parametrize(
    ("profile", "args", "is_refused"),
    [
        pytest.param("nvidia:2", ["--tensor-parallel-size=4"], True, id="more by tensor than there are"),
        pytest.param("nvidia:2", ["-tp=2", "-pp=2"], True, id="more by tensor and pipeline together"),
        pytest.param("nvidia:2", ["-dp=2", "-tp=2"], True, id="more by copies"),
        pytest.param("nvidia:4", ["-tp=2", "-pp=2"], False, id="as many as there are"),
        pytest.param("cpu:1", ["-tp=4"], False, id="processes on a CPU"),
    ],
)
def test_more_processes_than_gpus_are_refused_whatever_the_model(
    profile: str, args: list[str], is_refused: bool
) -> None:
    of = observed(service(model={"uri": "s3://bucket/x"}, resourceProfile=profile, engine={"args": args}))
    found = planned(of, Settings()).withheld
    assert (found is not None) is is_refused
    if found is not None:
        assert found.reason == "InvalidParallelism"
        assert "spec.resourceProfile to nvidia:4" in found.message


def test_what_may_not_work_is_started_and_told() -> None:
    # 22 GiB of an L4: 20.2 are usable, weights take 15, and the engine itself something that nobody knows exactly.
    of = facts(LLAMA_8B_LONG, "nvidia-l4:1", engine={"maxModelLen": 40000})
    plan = planned(of, Settings())
    assert plan.withheld is None
    assert plan.service.fitting is not None
    assert plan.service.fitting.warning is not None
    assert "It is started all the same" in plan.service.fitting.warning
    assert plan.service.fitting.warning == status(of, Settings())["estimate"]["message"]
    loading = replace(of, pods=(pod(),))
    assert condition(status(loading, Settings()), "ModelReady")["reason"] == "ModelFitsTightly"
    answers = replace(of, pods=(pod(ready=True),))
    assert condition(status(answers, Settings()), "ModelReady")["reason"] == "ModelFound"


@pytest.mark.parametrize(
    "engine",
    [
        pytest.param({"args": ["--cpu-offload-gb=100"]}, id="weights that are elsewhere"),
        pytest.param({"args": ["--max-model-len=-1"], "quantization": "fp8"}, id="a length that fits itself"),
    ],
)
def test_what_flags_change_in_ways_not_reckoned_with_is_not_refused(engine: Config) -> None:
    assert planned(facts(LLAMA_70B, "nvidia-h100-80gb:1", engine=engine), Settings()).withheld is None


def test_every_setting_that_is_named_works() -> None:
    said = withheld(facts(LLAMA_8B_LONG, "nvidia-l4:1")).message
    length = int(said.partition("maxModelLen to ")[2].split()[0])
    for changed in (
        facts(LLAMA_8B_LONG, "nvidia-l4:1", engine={"maxModelLen": length}),
        facts(LLAMA_8B_LONG, "nvidia-l4:2"),
    ):
        plan = planned(changed, Settings())
        assert plan.withheld is None
        assert plan.service.fitting is not None
        assert plan.service.fitting.warning is None


def test_suspended_nothing_is_refused() -> None:
    assert planned(facts(LLAMA_70B, "nvidia-h100-80gb:1", suspend=True), Settings()).withheld is None
