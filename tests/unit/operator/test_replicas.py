"""How many workers a pool's Deployment asks for, and who writes the number: nobody changes it by changing the mode."""

from typing import Any

import pytest

from objects import Object, classes, dedicated, manifest, observed, planned, service
from tidegate_api.names import OPERATOR_FIELD_MANAGER, SUSPENDED_REPLICAS_ANNOTATION
from tidegate_operator.build import build
from tidegate_operator.desired import Plan
from tidegate_operator.facts import Target
from tidegate_operator.scaling.facts import Decision

OURS, HPA = OPERATOR_FIELD_MANAGER, "kube-controller-manager"
SET = {"f:spec": {"f:replicas": {}}}


def scaled(mode: str = "Auto", **fields: Any) -> Object:
    return service(scaling={"maxReplicas": 8, "mode": mode, **fields})


def live(replicas: int | None, *managers: str, before: str | None = None) -> Object:
    """Return the pool's Deployment as it is; `managers` have set its replicas."""
    made = manifest("Deployment")
    entries = [{"manager": one, "fieldsV1": SET} for one in managers]
    other = {"manager": "somebody", "fieldsV1": {"f:spec": {"f:paused": {}}, "f:status": {"f:replicas": {}}}}
    metadata = {**made["metadata"], "managedFields": [*entries, other], "resourceVersion": "7"}
    if before is not None:
        metadata["annotations"] = {SUSPENDED_REPLICAS_ANNOTATION: before}
    spec = {key: value for key, value in made["spec"].items() if key != "replicas"}
    return {
        **made,
        "metadata": metadata,
        "spec": spec if replicas is None else {**spec, "replicas": replicas},
    }


def target(replicas: int, wanted: int | None = None) -> dict[str, Target]:
    found = replicas if wanted is None else wanted
    return {"shared": Target(replicas, Decision(0.0, 1, found, (), "Concurrency"))}


def plan(of: Object, *children: Object, **facts: Any) -> Plan:
    from dataclasses import replace

    return planned(replace(observed(of, children=children), **facts))


def written(plan: Plan) -> int | None:
    """Return the replicas in the manifest, None where it says nothing of them."""
    deployment = next(one for one in build(plan) if one["kind"] == "Deployment")
    found: int | None = deployment["spec"].get("replicas")
    return found


MODES = ("Auto", "Advise", "External", "Off")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("least", "first"), [(0, 1), (1, 1), (3, 3)])
def test_a_pool_begins_with_its_least_and_never_asleep(mode: str, least: int, first: int) -> None:
    found = plan(scaled(mode, minReplicas=least))
    assert (found.replicas, written(found), found.held) == (first, first, frozenset())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("there", [0, 1, 5, 40])
def test_no_mode_changes_what_is_there_before_something_is_decided(mode: str, there: int) -> None:
    """Also above the most and below the least: bounds are the law's business."""
    found = plan(scaled(mode), live(there, OURS))
    assert (found.replicas, written(found)) == (there, there)
    assert found.held == {"chat-shared"}


@pytest.mark.parametrize("mode", MODES)
def test_what_another_has_set_is_no_longer_written(mode: str) -> None:
    found = plan(scaled(mode), live(5, HPA))
    assert (found.replicas, written(found), found.held) == (5, None, frozenset())


@pytest.mark.parametrize("mode", MODES)
def test_what_another_has_set_beside_us_stays_without_us(mode: str) -> None:
    assert written(plan(scaled(mode), live(5, OURS, HPA))) is None


@pytest.mark.parametrize("mode", MODES)
def test_a_number_that_nobody_is_known_to_have_set_is_written_as_it_is(mode: str) -> None:
    """Left out it might fall back to 1."""
    assert written(plan(scaled(mode), live(5))) == 5


def test_a_number_that_is_not_there_is_the_default_of_the_api_server() -> None:
    assert plan(scaled("Off"), live(None)).replicas == 1


def test_in_auto_what_was_decided_is_written_whoever_has_set_it() -> None:
    found = plan(scaled(), live(5, HPA), targets=target(3))
    assert (found.replicas, written(found), found.held) == (3, 3, frozenset())


def test_workers_that_are_to_go_are_asked_for_until_they_have_drained() -> None:
    assert plan(scaled(), live(5, OURS), targets=target(5, wanted=3)).replicas == 5


@pytest.mark.parametrize("mode", ["Advise", "External", "Off"])
def test_in_other_modes_what_was_decided_is_not_acted_on(mode: str) -> None:
    assert plan(scaled(mode), live(5, OURS), targets=target(3)).replicas == 5


def test_where_another_scales_the_pool_we_stand_down() -> None:
    found = plan(scaled(), live(5, HPA), targets=target(3), rivals={"shared": "HorizontalPodAutoscaler 'x'"})
    assert (found.replicas, written(found)) == (5, None)


def test_the_number_of_a_fixed_service_is_the_users_whoever_has_set_another() -> None:
    found = plan(service(replicas=2), live(5, HPA), targets=target(3), rivals={"shared": "x"})
    assert (found.replicas, written(found), found.held) == (2, 2, frozenset())


@pytest.mark.parametrize("mode", MODES)
def test_a_suspended_pool_remembers_how_many_there_were(mode: str) -> None:
    asleep = {**scaled(mode), "spec": {**scaled(mode)["spec"], "suspend": True}}
    found = plan(asleep, live(5, HPA), targets=target(3))
    assert (found.replicas, written(found)) == (0, 0)
    deployment = next(one for one in build(found) if one["kind"] == "Deployment")
    assert deployment["metadata"]["annotations"][SUSPENDED_REPLICAS_ANNOTATION] == "5"
    again = plan(asleep, live(0, OURS, before="5"))
    assert again.pools[0].replicas_before == 5


@pytest.mark.parametrize("mode", MODES)
def test_a_suspended_pool_comes_back_with_as_many(mode: str) -> None:
    found = plan(scaled(mode), live(0, OURS, before="5"), targets=target(3))
    assert (found.replicas, written(found), found.held) == (5, 5, frozenset())
    deployment = next(one for one in build(found) if one["kind"] == "Deployment")
    assert SUSPENDED_REPLICAS_ANNOTATION not in deployment["metadata"].get("annotations", {})


def test_a_note_of_how_many_there_were_that_is_no_number_is_passed_over() -> None:
    assert plan(scaled("Off"), live(0, OURS, before="many")).replicas == 0


def test_each_pool_is_sized_by_itself() -> None:
    of = classes(dedicated("high", minReplicas=2), scaling={"maxReplicas": 8})
    shared = live(4, OURS)
    found = plan(of, shared, targets=target(6))
    assert {pool.name: pool.replicas for pool in found.pools} == {"high": 2, "shared": 6}
