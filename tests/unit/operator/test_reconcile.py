"""The whole pipeline over a cluster in memory: what one reconcile writes, and that a second one writes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from objects import pod
from tidegate_api.settings import Settings
from tidegate_operator.cache import Cache, Change
from tidegate_operator.cluster import ClusterError, Object
from tidegate_operator.facts import Key
from tidegate_operator.kinds import ALL, CLAIM, DEPLOYMENT, LLM_SERVICE, SERVICE, Kind
from tidegate_operator.metrics import Metrics
from tidegate_operator.reconcile import AT_ONCE_SECONDS, LOOK_AGAIN_SECONDS, ROLLOUT_SECONDS, Reconciler
from tidegate_operator.resync import read_all
from tidegate_operator.urgency import ARRIVAL_SECONDS
from unit.operator.fakes import KEY, FakeCluster, child, service


class World:
    """A cluster in memory and a reconciler for it, whose cache is read anew before each run."""

    def __init__(self, *objects: Object) -> None:
        self.cluster = FakeCluster()
        for item in objects:
            self.cluster.seed(item)
        self.metrics = Metrics()
        self.in_the_way: dict[Key, set[tuple[Kind, str]]] = {}

    def reconciler(
        self, now: Callable[[], float] = time.monotonic, tell: Callable[[Change], None] = lambda _: None
    ) -> Reconciler:
        cache = Cache(tell)
        cache.gateway_ready, cache.in_the_way = 1, self.in_the_way
        return Reconciler(self.cluster, cache, Settings(), self.metrics, "operator-0", now)

    async def look(self, reconciler: Reconciler) -> float | None:
        await read_all(self.cluster, reconciler.cache, [None])
        self.cluster.calls.clear()
        return await reconciler.reconcile(KEY)

    async def reconcile(self, tell: Callable[[Change], None] = lambda _: None) -> float | None:
        return await self.look(self.reconciler(tell=tell))

    def there(self, kind: Kind, name: str = KEY.name) -> Object | None:
        return self.cluster.objects.get((kind, KEY.namespace, name))

    @property
    def status(self) -> dict[str, Any]:
        found = self.there(LLM_SERVICE)
        assert found
        status: dict[str, Any] = found["status"]
        return status

    def reason(self, kind: str) -> str:
        return next(str(one["reason"]) for one in self.status["conditions"] if one["type"] == kind)

    @property
    def kinds_written(self) -> list[tuple[str, str]]:
        return [(verb, kind) for verb, kind, _ in self.cluster.writes]


CLAIMED = child(CLAIM, "models", owner=None, status={"phase": "Bound"})


async def test_the_first_one_makes_the_children_then_speaks_once() -> None:
    world = World(service(), CLAIMED)
    assert await world.reconcile() is None
    assert world.kinds_written == [
        ("apply", "ServiceAccount"),
        ("apply", "Service"),
        ("apply", "Job"),
        ("apply", "ControllerRevision"),
        ("apply", "Deployment"),
        ("apply/status", "LLMService"),
    ]
    assert world.reason("ConfigValid") == "Valid"


async def test_the_second_one_writes_nothing() -> None:
    world = World(service(), CLAIMED)
    await world.reconcile()
    await world.reconcile()
    assert world.cluster.writes == []


async def test_a_rollout_is_stored_built_and_looked_at_until_it_is_over() -> None:
    world = World(service(), CLAIMED)
    await world.reconcile()
    live = world.there(LLM_SERVICE)
    assert live
    canary = {"steps": [{"weight": 10}]}
    world.cluster.seed(
        {**live, "spec": {**live["spec"], "engine": {"maxNumSeqs": 4}, "rollout": {"canary": canary}}}
    )
    assert await world.reconcile() == AT_ONCE_SECONDS
    assert ("apply", "Deployment") not in world.kinds_written
    assert world.status["rollout"]["phase"] == "Canary"
    assert await world.reconcile() == AT_ONCE_SECONDS
    assert world.there(DEPLOYMENT, "chat-shared-canary")
    assert await world.reconcile() == ROLLOUT_SECONDS
    assert world.cluster.writes == []


async def test_replicas_more_than_one_bring_a_budget_and_their_end_takes_it_away() -> None:
    world = World(service(replicas=2), CLAIMED)
    await world.reconcile()
    assert ("apply", "PodDisruptionBudget") in world.kinds_written
    found = world.there(LLM_SERVICE)
    assert found
    world.cluster.seed({**found, "spec": {**found["spec"], "replicas": 1}})
    await world.reconcile()
    assert ("delete", "PodDisruptionBudget") in world.kinds_written
    await world.reconcile()
    assert world.cluster.writes == []


async def test_a_class_of_its_own_brings_a_pool_and_its_end_takes_the_pool_away() -> None:
    high = {"name": "high", "pool": "Dedicated", "replicas": 2}
    world = World(service(qos={"classes": [high]}), CLAIMED)
    await world.reconcile()
    deployments = [
        name for verb, kind, name in world.cluster.writes if (verb, kind) == ("apply", "Deployment")
    ]
    assert deployments == ["chat-high", "chat-shared"]
    pods = (world.there(DEPLOYMENT, "chat-high") or {})["spec"]["template"]["spec"]
    assert pods["priorityClassName"] == "tidegate-high"
    assert [pool["name"] for pool in world.status["pools"]] == ["high", "shared"]
    await world.reconcile()
    assert world.cluster.writes == []
    found = world.there(LLM_SERVICE)
    assert found
    world.cluster.seed({**found, "spec": {**found["spec"], "qos": {"classes": []}}})
    await world.reconcile()
    gone = [(kind, name) for verb, kind, name in world.cluster.writes if verb == "delete"]
    assert sorted(gone) == [("Deployment", "chat-high"), ("PodDisruptionBudget", "chat-high")]
    assert [pool["name"] for pool in world.status["pools"]] == ["shared"]
    await world.reconcile()
    assert world.cluster.writes == []


async def test_the_shared_pool_goes_when_nobody_is_left_to_share_it() -> None:
    world = World(service(), CLAIMED)
    await world.reconcile()
    found = world.there(LLM_SERVICE)
    assert found
    own = [{"name": name, "pool": "Dedicated"} for name in ("high", "medium", "low")]
    world.cluster.seed({**found, "spec": {**found["spec"], "qos": {"classes": own}}})
    await world.reconcile()
    assert world.there(DEPLOYMENT, "chat-shared") is None
    assert [pool["name"] for pool in world.status["pools"]] == ["high", "medium", "low"]
    assert world.status["ready"] == "0/3"


async def test_one_that_is_gone_is_left_to_its_owner_references() -> None:
    world = World(child(SERVICE))
    assert await world.reconcile() is None
    assert world.cluster.calls == []


async def test_one_that_is_going_is_left_alone() -> None:
    going = service()
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    world = World(going)
    await world.reconcile()
    assert world.cluster.calls == []


async def test_what_is_in_the_way_stalls_it_and_is_looked_at_again() -> None:
    theirs = child(SERVICE, owner=None, spec={"selector": {"app": "mine"}})
    world = World(service(), CLAIMED, theirs)
    assert await world.reconcile() == LOOK_AGAIN_SECONDS
    # Where it is, only the refusal of a write tells.
    assert world.kinds_written[-3:] == [
        ("apply", "Service"),
        ("apply/status", "LLMService"),
        ("create", "Event"),
    ]
    assert world.reason("ConfigValid") == "NameConflict"
    untouched = world.there(SERVICE, "chat")
    assert untouched is not None and untouched["spec"] == theirs["spec"]
    assert "ownerReferences" not in untouched["metadata"]
    assert world.there(DEPLOYMENT, "chat-shared") is None
    await world.reconcile()
    assert world.cluster.writes == []
    del world.cluster.objects[SERVICE, KEY.namespace, "chat"]
    assert await world.reconcile() is None
    assert world.reason("ConfigValid") == "Valid"


async def test_a_spec_that_makes_no_sense_leaves_what_runs_as_it_is() -> None:
    world = World(service(), CLAIMED)
    await world.reconcile()
    found = world.there(LLM_SERVICE)
    before = world.there(DEPLOYMENT, "chat-shared")
    assert found
    world.cluster.seed(
        {**found, "spec": {**found["spec"], "engine": {"args": ["--no-such-flag"], "env": []}}}
    )
    await world.reconcile()
    assert world.reason("ConfigValid") == "UnknownFlag"
    assert world.there(DEPLOYMENT, "chat-shared") == before


async def test_an_event_that_cannot_be_posted_does_no_harm() -> None:
    world = World(service(), CLAIMED)
    world.cluster.answers = {"create": ClusterError(403, "Forbidden", "events are forbidden")}
    assert await world.reconcile() is None
    assert world.reason("ConfigValid") == "Valid"


@pytest.mark.parametrize("status", [404, 409])
async def test_one_that_is_deleted_while_it_is_reconciled_is_no_trouble(status: int) -> None:
    world = World(service(), CLAIMED)
    world.cluster.answers = {"apply/status": ClusterError(status, "", "gone")}
    assert await world.reconcile() is None


async def test_a_status_that_cannot_be_written_is_tried_again() -> None:
    world = World(service(), CLAIMED)
    world.cluster.answers = {"apply/status": ClusterError(503, "", "down")}
    with pytest.raises(ClusterError):
        await world.reconcile()


async def test_whether_it_is_ready_is_a_metric_until_it_is_gone() -> None:
    world = World(service(), CLAIMED)
    await world.reconcile()
    line = 'tidegate_operator_service_ready{namespace="team-a",service="chat"} 0.0'
    assert line in world.metrics.exposition().decode()
    del world.cluster.objects[LLM_SERVICE, KEY.namespace, KEY.name]
    await world.reconcile()
    assert line not in world.metrics.exposition().decode()


async def test_the_first_of_several_workers_is_told_with_the_others_and_alone_if_they_do_not_come() -> None:
    high = {"name": "high", "pool": "Dedicated"}
    world, now = World(service(qos={"classes": [high]}), CLAIMED), [100.0]
    await world.reconcile()
    for pool, number in (("high", 1), ("shared", 0)):
        deployment = world.there(DEPLOYMENT, f"chat-{pool}")
        assert deployment
        counts = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": number, "availableReplicas": number}
        world.cluster.seed({**deployment, "status": {**counts, "observedGeneration": 1}})
    answers = pod("chat-high-1", pool="high", ready=True)
    of = {"namespace": KEY.namespace, "uid": "uid-pod"}
    world.cluster.seed(
        {**answers, "apiVersion": "v1", "kind": "Pod", "metadata": {**answers["metadata"], **of}}
    )
    reconciler = world.reconciler(lambda: now[0])

    async def writes() -> list[str]:
        await world.look(reconciler)
        return [verb for verb, kind, _ in world.cluster.writes if kind == "LLMService"]

    assert await writes() == []
    now[0] += ARRIVAL_SECONDS - 0.1
    assert await writes() == []
    now[0] += 0.1
    assert await writes() == ["apply/status"]
    assert world.reason("Ready") == "Serving"


async def test_what_a_user_changes_while_the_status_is_written_is_not_overlooked() -> None:
    """The answer to the write is newer than what the watch brings, which is no news then."""
    world = World(service(), CLAIMED)
    heard: list[Change] = []

    def patched(verb: str, kind: str) -> None:
        live = world.there(LLM_SERVICE)
        if verb == "apply/status" and live is not None and not live["spec"]["suspend"]:
            world.cluster.seed({**live, "spec": {**live["spec"], "suspend": True}})

    world.cluster.before = patched
    await world.reconcile(heard.append)
    assert [change.after["spec"]["suspend"] for change in heard if change.after] == [True]
    heard.clear()
    await world.reconcile(heard.append)
    assert heard == []


def test_each_kind_is_spelt_once() -> None:
    assert (
        len({(kind.api_version, kind.kind) for kind in ALL}) == len({kind.plural for kind in ALL}) == len(ALL)
    )
