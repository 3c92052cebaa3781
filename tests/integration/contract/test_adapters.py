"""Adapters as users write them: what a real API server takes, and what it refuses with the fix."""

from __future__ import annotations

import pytest

from integration.api import Object
from integration.contract.rig import Kubectl, Refused, llm_model, service

HUB = "hf://acme/lora"


def lora(*adapters: Object, **fields: object) -> Object:
    """Return a service with these adapters."""
    return service(model={"uri": "pvc://models", "lora": {"adapters": list(adapters), **fields}})


def adapter(uri: str = HUB, name: str = "a", **fields: object) -> Object:
    return {"name": name, "uri": uri, **fields}


ACCEPTED = [
    ("no adapters yet", lora()),
    ("room for larger ones", lora(maxRank=256, maxAdapters=16)),
    (
        "one of each source",
        lora(*(adapter(uri, f"a{i}") for i, uri in enumerate((HUB, "ms://a/b", "pvc://c/d")))),
    ),
    ("a directory of the node", lora(adapter("file:///srv/adapters/a"))),
    ("a revision and a token", lora(adapter(revision="v1", tokenSecretRef={"name": "hub"}))),
    ("a name as models have them", lora(adapter(name="acme/support:v2"))),
    ("as many as there may be", lora(*(adapter(f"{HUB}{i}", f"a{i}") for i in range(64)))),
    ("the LLMModel of an adapter", llm_model(type="Adapter")),
]
REFUSED = [
    ("an image", lora(adapter("oci://a/b")), ["model.lora.adapters.uri has a scheme", "pvc://CLAIM/PATH"]),
    ("a bucket", lora(adapter("s3://a/b")), ["model.lora.adapters.uri has a scheme"]),
    (
        "a name without its owner",
        lora(adapter("hf://tiny")),
        ["must be hf://ORG/NAME", "as the hub spells them"],
    ),
    ("a way up", lora(adapter("pvc://models/../x")), ["must not contain '..'"]),
    ("a claim that is none", lora(adapter("pvc://Models/x")), ["must be pvc://CLAIM/PATH"]),
    (
        "a revision of a volume",
        lora(adapter("pvc://a/b", revision="v1")),
        ["revision is for hf:// and ms:// only"],
    ),
    (
        "a token for a volume",
        lora(adapter("pvc://a/b", tokenSecretRef={"name": "x"})),
        ["tokenSecretRef is for hf:// and ms:// only"],
    ),
    ("one name twice", lora(adapter(), adapter("pvc://a/b")), ["Duplicate value"]),
    (
        "a name that a status could not show",
        lora(adapter(name="~next")),
        ["model.lora.adapters.name must be"],
    ),
    ("a rank that vLLM does not have", lora(maxRank=24), ["spec.model.lora.maxRank", "supported values"]),
    ("room for none", lora(maxAdapters=0), ["greater than or equal to 1"]),
    ("more than there may be", lora(*(adapter(name=f"a{i}") for i in range(65))), ["at most 64 items"]),
    (
        "adapters of another engine",
        service(model={"uri": "pvc://models", "lora": {}}, engine={"type": "Custom", "image": "engine"}),
        ["model.lora is told to vLLM"],
    ),
    ("an LLMModel of another type", llm_model(type="Dataset"), ["spec.type", "supported values"]),
]


@pytest.mark.parametrize("given", [case[1] for case in ACCEPTED], ids=[case[0] for case in ACCEPTED])
def test_it_is_accepted(given: Object, kubectl: Kubectl) -> None:
    assert kubectl.submit(given)["kind"] == given["kind"]


def test_what_is_not_said_has_a_default(kubectl: Kubectl) -> None:
    stored = kubectl.submit(service(model={"uri": "pvc://models", "lora": {}}))["spec"]["model"]["lora"]
    assert stored == {"maxRank": 16, "maxAdapters": 4, "adapters": []}


@pytest.mark.parametrize(
    ("given", "fragments"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_it_is_refused_with_the_fix(given: Object, fragments: list[str], kubectl: Kubectl) -> None:
    with pytest.raises(Refused) as refused:
        kubectl.submit(given)
    for fragment in fragments:
        assert fragment in str(refused.value)
