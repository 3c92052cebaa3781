"""The replicas that a pool has, who will never come up without help, and the next step to fewer of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from objects import EARLIER, NOW, Object, crash_loop, manifest, observed, pod, service, waiting
from tidegate_api.names import DELETION_COST_ANNOTATION, DRAINING_ANNOTATION
from tidegate_api.settings import Settings
from tidegate_operator.conditions.record import rfc3339
from tidegate_operator.conditions.scene import PoolScene, look
from tidegate_operator.retirement import step, unmark
from tidegate_operator.scaling.facts import Supply
from tidegate_operator.starts import Usual
from tidegate_operator.supply import draining_since, is_changing, start_seconds, supply

SCALED = service(scaling={"maxReplicas": 8})
NOW_SECONDS = NOW.timestamp()


def ago(seconds: float) -> str:
    return rfc3339(NOW - timedelta(seconds=seconds))


def worker(number: int, *, ready: bool = True, since: str | None = None, **more: Any) -> Object:
    made = pod(f"w{number}", ready=ready, **more)
    marks = {} if since is None else {DRAINING_ANNOTATION: since}
    own = {"namespace": "team-a", "uid": f"uid-{number}", "annotations": marks}
    return {**made, "metadata": {**made["metadata"], **own}}


def deployment(replicas: int, /, *conditions: Object, **status: Any) -> Object:
    made = manifest("Deployment", SCALED)
    told = {"observedGeneration": 1, "replicas": replicas, "updatedReplicas": replicas, **status}
    return {
        **made,
        "metadata": {**made["metadata"], "generation": 1},
        "spec": {**made["spec"], "replicas": replicas},
        "status": {**told, "conditions": list(conditions)},
    }


def pool(replicas: int, /, *pods: Object, **more: Any) -> PoolScene:
    return scene(replicas, *pods, **more).pools[0]


def scene(replicas: int, /, *pods: Object, conditions: tuple[Object, ...] = (), **status: Any) -> Any:
    facts = observed(SCALED, pods=pods, children=[deployment(replicas, *conditions, **status)])
    return look(facts, None, None, Settings())


def supplied(replicas: int, *pods: Object, **more: Any) -> Supply:
    seen = scene(replicas, *pods, **more)
    return supply(seen, seen.pools[0], Usual(60.0, 600.0)).supply


NO_NODE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no GPU is free"}
REFUSED = {
    "type": "ReplicaFailure",
    "status": "True",
    "message": 'pods "x" is forbidden: exceeded quota: gpus',
}

CASES: list[Any] = [
    pytest.param((2, worker(1), worker(2)), {}, Supply(2, 2), id="all answer"),
    pytest.param(
        (3, worker(1), worker(2, ready=False, created=ago(30))), {}, Supply(3, 1, pending=1), id="one starts"
    ),
    pytest.param(
        (2, worker(1), worker(2, since=EARLIER)), {}, Supply(2, 1, draining=1), id="one is about to go"
    ),
    pytest.param(
        (2, worker(1), worker(2, phase="Failed")), {}, Supply(2, 1), id="one has ended and is replaced"
    ),
    pytest.param(
        (2, worker(1), worker(2, ready=False, created=ago(60), conditions=[NO_NODE])),
        {},
        Supply(2, 1, pending=1),
        id="one waits for a node that may be on its way",
    ),
    pytest.param(
        (2, worker(1), worker(2, ready=False, created=ago(700))),
        {},
        Supply(2, 1, pending=1),
        id="one takes longer than any has",
    ),
]
STUCK: list[Any] = [
    pytest.param(
        (2, worker(1), worker(2, ready=False, created=ago(200), conditions=[NO_NODE])),
        {},
        "no GPU is free",
        id="one has waited long enough for a node",
    ),
    pytest.param(
        (2, worker(1), worker(2, ready=False, created=ago(5), main=waiting("ImagePullBackOff"))),
        {},
        "cannot be pulled",
        id="one has no image",
    ),
    pytest.param(
        (2, worker(1), worker(2, ready=False, created=ago(5), main=crash_loop(137, reason="OOMKilled"))),
        {},
        "more memory than its limit",
        id="one is killed for its memory",
    ),
    pytest.param((2, worker(1)), {"conditions": (REFUSED,)}, "exceeded quota", id="one is not allowed"),
]


@pytest.mark.parametrize(("pods", "more", "expected"), CASES)
def test_supply(pods: Any, more: dict[str, Any], expected: Supply) -> None:
    assert supplied(*pods, **more) == expected


@pytest.mark.parametrize(("pods", "more", "because"), STUCK)
def test_who_will_not_come_up_without_help(pods: Any, more: dict[str, Any], because: str) -> None:
    found = supplied(*pods, **more)
    assert (found.ready, found.pending, found.stuck) == (1, 0, 1)
    assert because in found.stuck_because


STARTS: list[Any] = [
    pytest.param(
        EARLIER, {"lastTransitionTime": "2026-11-21T11:01:30Z"}, {}, 90.0, id="from creation to ready"
    ),
    pytest.param(EARLIER, {"status": "False"}, {}, None, id="not ready yet"),
    pytest.param(EARLIER, {"lastTransitionTime": "2026-11-21T10:00:00Z"}, {}, None, id="before it was made"),
    pytest.param(
        EARLIER,
        {"lastTransitionTime": "2026-11-21T11:01:30Z"},
        {"restartCount": 1},
        None,
        id="with a crash between",
    ),
]


@pytest.mark.parametrize(("created", "condition", "container", "expected"), STARTS)
def test_how_long_a_start_took(
    created: str, condition: Object, container: Object, expected: float | None
) -> None:
    made = worker(1, created=created)
    made["status"]["conditions"] = [{"type": "Ready", "status": "True", **condition}]
    made["status"]["containerStatuses"][0] |= container
    assert start_seconds(made) == expected


@pytest.mark.parametrize(
    ("mark", "since"),
    [(None, None), ("2026-11-21T12:00:00Z", NOW_SECONDS), ("yes", 0.0)],
    ids=["none", "a time", "no time"],
)
def test_since_when_a_worker_drains(mark: str | None, since: float | None) -> None:
    assert draining_since(worker(1, since=mark)) == since


CHANGING: list[Any] = [
    pytest.param({}, False, id="nothing"),
    pytest.param({"updatedReplicas": 1}, True, id="a rollout"),
    pytest.param({"replicas": 3}, True, id="one more than wanted"),
    pytest.param({"replicas": 1, "updatedReplicas": 1}, False, id="fewer than wanted, by a quota"),
    pytest.param({"observedGeneration": 0}, True, id="a change that was not seen yet"),
]


@pytest.mark.parametrize(("status", "expected"), CHANGING)
def test_whether_workers_are_being_replaced(status: dict[str, Any], expected: bool) -> None:
    assert is_changing(pool(2, worker(1), worker(2), **status)) == expected


def stepped(of: PoolScene, wanted: int, **in_flight: int) -> tuple[int, dict[str, dict[str, str]]]:
    """Return the replicas to ask for, and the marks by Pod."""
    found = step(
        of,
        wanted,
        lambda one: in_flight.get(one["metadata"]["name"], 0),
        lambda _: None,
        drain_seconds=300,
        now=NOW_SECONDS,
    )
    return found.replicas, {one["metadata"]["name"]: one["metadata"]["annotations"] for one in found.marks}


def marks(since: str, cost: int) -> dict[str, str]:
    return {DRAINING_ANNOTATION: since, DELETION_COST_ANNOTATION: str(cost)}


def test_the_least_busy_is_marked_before_anything_goes() -> None:
    assert stepped(pool(2, worker(1), worker(2)), 1, w1=0, w2=3) == (2, {"w1": marks(rfc3339(NOW), -1)})


def test_a_mark_never_looks_older_than_it_is() -> None:
    found = step(
        pool(2, worker(1), worker(2)),
        1,
        lambda _: 0,
        lambda _: None,
        drain_seconds=300,
        now=NOW_SECONDS + 0.1,
    )
    [mark] = found.marks
    assert mark["metadata"]["annotations"][DRAINING_ANNOTATION] == "2026-11-21T12:00:01Z"


def test_one_that_has_finished_is_the_first_to_go() -> None:
    there = pool(2, worker(1), worker(2, since=ago(10)))
    # Not before Kubernetes can have seen which one it is.
    assert stepped(there, 1, w1=0) == (2, {"w2": marks(ago(10), -2)})
    first = worker(2, since=ago(10))
    first["metadata"]["annotations"] |= {DELETION_COST_ANNOTATION: "-2"}
    assert stepped(pool(2, worker(1), first), 1, w1=0) == (1, {})


def test_one_that_has_not_finished_stays_until_its_time_is_over() -> None:
    marked = worker(2, since=ago(200))
    marked["metadata"]["annotations"] |= {DELETION_COST_ANNOTATION: "-1"}
    assert stepped(pool(2, worker(1), marked), 1, w2=1) == (2, {})
    late = worker(2, since=ago(301))
    late["metadata"]["annotations"] |= {DELETION_COST_ANNOTATION: "-2"}
    assert stepped(pool(2, worker(1), late), 1, w2=1)[0] == 1


def test_one_that_is_needed_again_is_no_longer_marked() -> None:
    there = pool(2, worker(1), worker(2, since=ago(10)))
    assert stepped(there, 2) == (2, {"w2": {}})
    assert stepped(there, 3) == (3, {"w2": {}})


def test_one_that_nobody_has_removed_yet_keeps_its_mark_until_it_is_gone() -> None:
    """Its ReplicaSet is about to: unmarked by then, it would be as good to go as any busy one."""
    going = worker(2, since=ago(10))
    going["metadata"]["annotations"] |= {DELETION_COST_ANNOTATION: "-2"}
    spared = worker(3, since=ago(10))
    spared["metadata"]["annotations"] |= {DELETION_COST_ANNOTATION: "-1"}
    assert stepped(pool(2, worker(1), going, spared), 2) == (2, {"w3": {}})
    assert stepped(pool(2, worker(1), going), 2) == (2, {"w2": {}}), "nobody has to go any more"


def test_while_workers_are_being_replaced_none_is_taken_away() -> None:
    there = pool(2, worker(1), worker(2), worker(3), replicas=3)
    assert stepped(there, 1) == (2, {})


def test_a_pool_without_a_deployment_is_asked_for_as_it_is_wanted() -> None:
    assert stepped(replace(pool(2), deployment=None), 1) == (1, {})


def test_marks_of_somebody_else_are_not_ours_to_take() -> None:
    theirs = worker(1)
    theirs["metadata"]["annotations"] = {DELETION_COST_ANNOTATION: "7"}
    assert unmark(theirs) is None
    assert stepped(pool(1, theirs), 1) == (1, {})
