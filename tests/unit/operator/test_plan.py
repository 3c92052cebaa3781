"""How many workers are wanted, and what is never taken over."""

from typing import Any

import pytest

from objects import UID, classes, dedicated, manifest, observed, planned, service
from tidegate_operator.errors import Stalled


@pytest.mark.parametrize(
    ("spec", "replicas"),
    [
        pytest.param({}, 1, id="one by default"),
        pytest.param({"replicas": 3}, 3, id="as many as are asked for"),
        pytest.param({"replicas": 0}, 0, id="none when none are asked for"),
        pytest.param({"replicas": 3, "suspend": True}, 0, id="none while suspended"),
    ],
)
def test_replicas(spec: dict[str, Any], replicas: int) -> None:
    plan = planned(observed(service(**spec)))
    assert [(pool.name, pool.replicas) for pool in plan.pools] == [("shared", replicas)]
    assert plan.replicas == replicas


def test_pools_are_asleep_together() -> None:
    asked = classes(dedicated("high", 2), replicas=3)
    awake = planned(observed(asked))
    assert [(pool.name, pool.replicas) for pool in awake.pools] == [("high", 2), ("shared", 3)]
    assert awake.replicas == 5
    asleep = planned(observed({**asked, "spec": {**asked["spec"], "suspend": True}}))
    assert [(pool.name, pool.replicas) for pool in asleep.pools] == [("high", 0), ("shared", 0)]


def test_a_foreign_deployment_where_a_pool_would_be_is_a_name_conflict() -> None:
    of = classes(dedicated("low"))
    made = manifest("Deployment", of, pool="low")
    theirs = {**made, "metadata": {**made["metadata"], "ownerReferences": []}}
    with pytest.raises(Stalled, match="NameConflict: Deployment 'chat-low' is there already"):
        planned(observed(of, children=[theirs]))
    assert planned(observed(children=[theirs])).replicas == 1


def foreign(kind: str, owner: dict[str, Any] | None) -> dict[str, Any]:
    made = manifest(kind)
    owners = [owner] if owner else []
    return {**made, "metadata": {**made["metadata"], "ownerReferences": owners}}


@pytest.mark.parametrize(
    ("kind", "owner", "says"),
    [
        pytest.param("Service", None, "never takes over", id="made by hand"),
        pytest.param(
            "Deployment",
            {"kind": "Application", "name": "x", "uid": "1", "controller": True},
            "belongs to Application 'x'",
            id="of another controller",
        ),
        pytest.param(
            "ServiceAccount",
            {"kind": "LLMService", "name": "chat", "uid": "old", "controller": True},
            "still being removed",
            id="of a deleted LLMService of this name",
        ),
        pytest.param(
            "Service",
            {"kind": "LLMService", "name": "chat", "uid": UID, "controller": False},
            "never takes over",
            id="owned but not controlled by this one",
        ),
    ],
)
def test_what_is_not_ours_is_a_name_conflict(kind: str, owner: dict[str, Any] | None, says: str) -> None:
    with pytest.raises(Stalled) as refused:
        planned(observed(children=[foreign(kind, owner)]))
    assert refused.value.reason == "NameConflict"
    assert refused.value.message.startswith(f"{kind} 'chat")
    assert says in refused.value.message


def test_what_is_ours_is_no_conflict() -> None:
    assert planned(observed(children=[manifest("Deployment"), manifest("Service")])).replicas == 1


def test_a_foreign_object_that_we_would_not_make_is_no_conflict() -> None:
    budget = manifest("PodDisruptionBudget", service(replicas=2))
    foreign_budget = {**budget, "metadata": {**budget["metadata"], "ownerReferences": []}}
    assert planned(observed(service(replicas=1), children=[foreign_budget])).replicas == 1
    with pytest.raises(Stalled, match="NameConflict"):
        planned(observed(service(replicas=2), children=[foreign_budget]))
