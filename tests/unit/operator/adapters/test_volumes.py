"""What adapters change about workers' Pods: which volumes they mount, and what does not replace them."""

from dataclasses import replace
from typing import Any

import pytest

from objects import CLAIM, Object, observed, planned, service
from tidegate_api.names import SHARED_POOL
from tidegate_operator.adapters.declared import Place, Volume
from tidegate_operator.adapters.pods import path_in
from tidegate_operator.build import build
from tidegate_operator.build.pod import pod_template
from tidegate_operator.errors import Stalled
from tidegate_operator.facts import Observed
from tidegate_operator.resolve import resolve
from tidegate_operator.rollout.inputs import inputs
from unit.operator.adapters.rig import HUB, SETTINGS, adapter, claim, llmmodel, with_adapters

OTHER = "pvc://more/support"


def facts(of: Object, *claims: str, models: tuple[Object, ...] = (), children: Any = ()) -> Observed:
    """Return facts with these claims."""
    seen = observed(of, children=children)
    return replace(seen, models=models, claims={name: claim(name) for name in (CLAIM, *claims)})


def template(seen: Observed) -> Object:
    """Return what workers run."""
    resolved = resolve(seen, SETTINGS)
    return pod_template(resolved, resolved.pools[0])


def version(seen: Observed) -> str:
    """Return what tells whether that is another version than before."""
    return inputs(seen.service, resolve(seen, SETTINGS))[SHARED_POOL]


def mounted(seen: Observed) -> dict[str, Object]:
    """Return the volumes of adapters by where they are mounted."""
    spec = template(seen)["spec"]
    sources = {one["name"]: {k: v for k, v in one.items() if k != "name"} for one in spec["volumes"]}
    mounts = spec["containers"][0]["volumeMounts"]
    assert all(one["readOnly"] for one in mounts if one["name"].startswith("adapters-"))
    return {one["mountPath"]: sources[one["name"]] for one in mounts if one["name"].startswith("adapters-")}


def children(seen: Observed) -> tuple[Object, ...]:
    """Return what was made of these facts, as the cluster has it."""
    return tuple(build(planned(seen, SETTINGS)))


def test_without_the_field_workers_are_as_they_were() -> None:
    spec = template(facts(service()))["spec"]
    assert "--enable-lora" not in spec["containers"][0]["args"]
    assert all(one["name"] != "VLLM_ALLOW_RUNTIME_LORA_UPDATING" for one in spec["containers"][0]["env"])


def test_with_it_the_engine_has_room_and_can_be_told() -> None:
    container = template(facts(with_adapters(maxRank=32, maxAdapters=2)))["spec"]["containers"][0]
    words = " ".join(container["args"])
    assert "--enable-lora --max-lora-rank 32 --max-loras 2 --max-cpu-loras 8" in words
    assert {"name": "VLLM_ALLOW_RUNTIME_LORA_UPDATING", "value": "True"} in container["env"]


MOUNTS = [
    pytest.param(with_adapters(adapter()), (), {}, id="one on the claim of the model needs nothing"),
    pytest.param(
        with_adapters(adapter(uri=OTHER)),
        ("more",),
        [{"persistentVolumeClaim": {"claimName": "more"}}],
        id="one on another claim needs that",
    ),
    pytest.param(
        with_adapters(adapter(uri=OTHER)),
        (),
        [],
        id="a claim that is not there would keep workers from starting",
    ),
    pytest.param(
        with_adapters(adapter(uri=HUB)),
        ("tidegate-models",),
        [{"persistentVolumeClaim": {"claimName": "tidegate-models"}}],
        id="one of a hub needs the cache",
    ),
    pytest.param(
        with_adapters(adapter("a", "file:///srv/adapters/a"), adapter("b", "file:///srv/adapters/b/c")),
        (),
        [{"hostPath": {"path": "/srv/adapters"}}],
        id="two directories of the node need what they are allowed below",
    ),
    pytest.param(
        with_adapters(adapter("chat", OTHER)), ("more",), [], id="one whose name is taken needs nothing"
    ),
]


@pytest.mark.parametrize(("of", "claims", "expected"), MOUNTS)
def test_what_is_mounted(of: Object, claims: tuple[str, ...], expected: list[Object]) -> None:
    assert list(mounted(facts(of, *claims, models=(llmmodel(),))).values()) == list(expected)


def test_an_adapter_of_a_hub_that_is_not_there_yet_does_not_make_workers_wait_for_the_cache() -> None:
    seen = facts(with_adapters(adapter(uri=HUB)), models=(llmmodel("Downloading"),))
    assert mounted(seen) == {}


def test_an_adapter_is_found_below_where_its_volume_is_mounted() -> None:
    seen = facts(with_adapters(adapter(uri=OTHER)), "more")
    (mount,) = mounted(seen)
    assert path_in(template(seen), Place(Volume("claim", "more"), "support")) == f"{mount}/support"
    assert path_in(template(seen), Place(Volume("claim", CLAIM), "")) == "/models"


SAME = [
    pytest.param(with_adapters(adapter()), with_adapters(), id="the last one is removed"),
    pytest.param(with_adapters(), with_adapters(adapter(), adapter("b")), id="two are added"),
    pytest.param(
        with_adapters(adapter(uri=OTHER)),
        with_adapters(adapter("b", "pvc://more/b")),
        id="another of a claim",
    ),
    pytest.param(
        with_adapters(adapter(uri=OTHER)), with_adapters(), id="the last one of a claim, which stays mounted"
    ),
    pytest.param(
        with_adapters(adapter(uri=HUB)),
        with_adapters(adapter(uri=HUB, revision="v2")),
        id="another revision, which comes into the same cache",
    ),
]


@pytest.mark.parametrize(("before", "after"), SAME)
def test_these_changes_replace_no_worker(before: Object, after: Object) -> None:
    old = facts(before, "more", "tidegate-models", models=(llmmodel(),))
    new = facts(after, "more", "tidegate-models", models=(llmmodel(),), children=children(old))
    assert version(new) == version(old)
    assert template(new) == template(old)


NEW = [
    pytest.param(service(), with_adapters(), id="adapters are turned on"),
    pytest.param(with_adapters(), service(), id="adapters are turned off"),
    pytest.param(with_adapters(), with_adapters(maxRank=64), id="a higher rank"),
    pytest.param(with_adapters(), with_adapters(adapter(uri=OTHER)), id="a claim that is not mounted yet"),
]


@pytest.mark.parametrize(("before", "after"), NEW)
def test_these_changes_are_a_new_version(before: Object, after: Object) -> None:
    old = facts(before, "more")
    new = facts(after, "more", children=children(old))
    assert version(new) != version(old)


def test_a_claim_that_a_leaderworkerset_mounts_stays_as_well() -> None:
    old = facts(with_adapters(adapter(uri=OTHER)), "more")
    leading = {
        "kind": "LeaderWorkerSet",
        "metadata": {"name": "chat-shared"},
        "spec": {"leaderWorkerTemplate": {"workerTemplate": template(old)}},
    }
    assert mounted(facts(with_adapters(), "more", children=[leading])) == mounted(old)


def test_a_claim_without_adapters_that_is_about_to_go_is_let_go() -> None:
    old = facts(with_adapters(adapter(uri=OTHER)), "more")
    new = facts(with_adapters(), children=children(old))
    assert mounted(new) == {}


FLAGS = [
    "--enable-lora",
    "--max-lora-rank=64",
    "--max-loras=2",
    "--max-cpu-loras=2",
    "--lora-modules=a=/models/a",
]


@pytest.mark.parametrize("flag", FLAGS)
def test_the_engines_own_flags_for_it_are_refused(flag: str) -> None:
    with pytest.raises(Stalled, match=r"spec\.model\.lora"):
        resolve(facts(service(engine={"args": [flag]})), SETTINGS)
