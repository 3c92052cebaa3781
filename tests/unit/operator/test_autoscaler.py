"""The loop end to end, in memory: from counters and engines to replicas, marks, status and events."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import structlog

from tidegate_api.settings import Settings
from tidegate_operator.cluster import ClusterError
from tidegate_operator.facts import Key
from tidegate_operator.kinds import EVENT
from tidegate_operator.scaling.replay import replay
from unit.operator.fakes import KEY
from unit.operator.scaled import World, is_marked, name, scaled
from unit.operator.test_rivals import autoscaler


async def busy(world: World, times: int, requests: int = 400, waiting: int = 60) -> None:
    """Let far more come than what is there can serve."""
    for _ in range(times):
        world.arrive(requests, requests * 500, queued=waiting, running=100)
        world.engines.waiting, world.engines.running, world.engines.kv_used = waiting, 40, 0.95
        world.engines.output_tokens += 5000
        await world.look()


async def quiet(world: World, times: int) -> None:
    """Let nothing come."""
    world.arrive(0, queued=0, running=0)
    world.engines.waiting, world.engines.running, world.engines.kv_used = 0, 0, 0.0
    await world.look(times)


async def ready(**fields: Any) -> World:
    """Return a service whose first workers are ready and have nothing to do."""
    world = World(scaled(**fields))
    await world.look(9)
    return world


async def test_a_service_begins_with_its_least_and_says_why() -> None:
    world = await ready(minReplicas=2)
    assert world.replicas() == 2
    assert world.active() == ("True", "FollowingDemand")
    assert world.entry()["wanted"] == 2


async def test_more_load_is_more_workers_and_every_change_is_told() -> None:
    world = await ready()
    await busy(world, 3)
    assert world.replicas() > 1
    assert world.entry()["history"][-1]["from"] == 1
    events = [one["reason"] for (kind, _, _), one in world.cluster.objects.items() if kind == EVENT]
    assert "ScaledUp" in events
    exposed = world.metrics.exposition().decode()
    labels = 'namespace="team-a",pool="shared",service="chat"'
    assert f"tidegate_operator_desired_replicas{{{labels}}} {float(world.entry()['wanted'])}" in exposed
    assert 'direction="up"' in exposed


async def test_a_load_that_stays_the_same_writes_nothing() -> None:
    world = await ready()
    for _ in range(60):
        world.arrive(2, 200, running=1)
        world.engines.running, world.engines.output_tokens = 1, world.engines.output_tokens + 100
        await world.look()
    world.cluster.calls.clear()
    for _ in range(30):
        world.arrive(2, 200, running=1)
        world.engines.output_tokens += 100
        await world.look()
    assert world.cluster.writes == []


async def test_workers_that_start_are_waited_for_before_more_are_asked_for() -> None:
    """Not 2, 4, 8, 16 while Pods load."""
    world = await ready(maxReplicas=100)
    world.start_seconds = 600
    await busy(world, 1)
    first = world.replicas()
    await busy(world, 5)
    assert world.replicas() <= first + 8


async def test_a_worker_goes_only_after_it_was_marked_and_has_finished() -> None:
    world = await ready(behavior={"scaleDown": {"stabilizationWindowSeconds": 0}})
    await busy(world, 12)
    many = world.replicas()
    assert many > 2
    for pod in world.pods():
        world.gateways.in_flight[pod["metadata"]["uid"]] = 3
    await quiet(world, 20)
    assert world.replicas() == many
    marked = [pod for pod in world.pods() if is_marked(pod)]
    assert marked
    idle = marked[0]
    world.gateways.in_flight[idle["metadata"]["uid"]] = 0
    await quiet(world, 3)
    assert name(idle) not in [name(pod) for pod in world.pods()]
    assert world.replicas() == many - 1


async def test_a_worker_that_was_to_go_stays_when_load_returns() -> None:
    world = await ready(behavior={"scaleDown": {"stabilizationWindowSeconds": 0}})
    await busy(world, 12)
    for pod in world.pods():
        world.gateways.in_flight[pod["metadata"]["uid"]] = 3
    await quiet(world, 20)
    assert any(is_marked(pod) for pod in world.pods())
    there = {name(pod) for pod in world.pods()}
    await busy(world, 3)
    assert not any(is_marked(pod) for pod in world.pods())
    assert there <= {name(pod) for pod in world.pods()}


async def test_while_a_gateway_is_not_heard_no_worker_goes_before_its_drain_is_over() -> None:
    world = await ready(behavior={"scaleDown": {"stabilizationWindowSeconds": 0}})
    await busy(world, 12)
    for pod in world.pods():
        world.gateways.in_flight[pod["metadata"]["uid"]] = 3
    await quiet(world, 20)
    many = world.replicas()
    assert any(is_marked(pod) for pod in world.pods())
    world.gateways.fails = True
    await world.look(5)
    assert world.replicas() == many


async def test_a_mark_that_cannot_be_written_keeps_the_worker() -> None:
    world = await ready(behavior={"scaleDown": {"stabilizationWindowSeconds": 0}})
    await busy(world, 12)
    many = world.replicas()

    def refuse(verb: str, kind: str) -> None:
        if (verb, kind) == ("apply", "Pod"):
            raise ClusterError(403, "Forbidden", "no")

    world.cluster.before = refuse
    await quiet(world, 40)
    assert world.replicas() == many


async def test_who_is_to_go_first_must_be_written_before_anybody_goes() -> None:
    """Else Kubernetes would take any of them."""
    world = await ready(behavior={"scaleDown": {"stabilizationWindowSeconds": 0}})
    await busy(world, 12)
    for pod in world.pods():
        world.gateways.in_flight[pod["metadata"]["uid"]] = 3
    await quiet(world, 20)
    many = world.replicas()
    assert any(is_marked(pod) for pod in world.pods())

    def refuse(verb: str, kind: str) -> None:
        if (verb, kind) == ("apply", "Pod"):
            raise ClusterError(503, "", "down")

    world.cluster.before = refuse
    world.gateways.in_flight.clear()
    await quiet(world, 3)
    assert world.replicas() == many
    world.cluster.before = lambda verb, kind: None
    await quiet(world, 3)
    assert world.replicas() < many


async def test_marks_are_taken_back_when_somebody_else_takes_over() -> None:
    world = await ready(behavior={"scaleDown": {"stabilizationWindowSeconds": 0}})
    await busy(world, 12)
    for pod in world.pods():
        world.gateways.in_flight[pod["metadata"]["uid"]] = 3
    await quiet(world, 20)
    assert any(is_marked(pod) for pod in world.pods())
    many = world.replicas()
    world.change(scaling={"maxReplicas": 6, "mode": "External"})
    await world.look()
    assert not any(is_marked(pod) for pod in world.pods())
    assert world.replicas() == many


async def test_marks_are_taken_back_when_the_service_is_no_longer_scaled() -> None:
    world = await ready(behavior={"scaleDown": {"stabilizationWindowSeconds": 0}})
    await busy(world, 12)
    for pod in world.pods():
        world.gateways.in_flight[pod["metadata"]["uid"]] = 3
    await quiet(world, 20)
    many = world.replicas()
    world.change(scaling=None, replicas=many)
    await world.look()
    assert not any(is_marked(pod) for pod in world.pods())
    assert "scaling" not in world.status
    assert "desired_replicas{" not in world.metrics.exposition().decode()


async def test_a_deletion_cost_of_somebody_else_is_left_alone() -> None:
    world = await ready()
    pod = world.pods()[0]
    theirs = {"controller.kubernetes.io/pod-deletion-cost": "5"}
    world.cluster.seed({**pod, "metadata": {**pod["metadata"], "annotations": theirs}})
    world.cluster.calls.clear()
    await world.look(5)
    assert "Pod" not in [kind for _, kind, _ in world.cluster.writes]


async def test_to_zero_and_back() -> None:
    world = await ready(minReplicas=0, idleSeconds=300)
    await quiet(world, 100)
    assert world.replicas() == 0
    assert world.entry()["binding"] in ("Idle", "Asleep")
    assert (
        next(one for one in world.status["conditions"] if one["type"] == "Ready")["reason"] == "ScaledToZero"
    )
    world.cluster.calls.clear()
    await quiet(world, 20)
    assert world.cluster.writes == []

    world.now += 1
    world.ask_for()
    await world.see()
    world.autoscaler.woken(KEY)
    assert world.changed[-1] == KEY
    await world.reconcile()
    assert world.replicas() == 1
    assert world.entry()["binding"] == "HeldRequests"
    # It is not sent to sleep again while it starts, nor right after.
    world.play()
    await world.look(20)
    assert world.replicas() == 1


async def test_a_pool_that_has_not_begun_does_not_sleep() -> None:
    """Between an LLMService and its Deployment there are no replicas, and nobody asks for it."""
    world = World(scaled(minReplicas=0))
    await world.see()
    await world.autoscaler.round()
    await world.reconcile()
    await world.reconcile()
    assert world.replicas() == 1


async def test_a_mark_that_nobody_told_of_wakes_at_the_next_look() -> None:
    world = await ready(minReplicas=0, idleSeconds=300)
    await quiet(world, 100)
    world.ask_for()
    await world.look()
    assert world.replicas() == 1


async def test_someone_who_is_asked_for_and_cannot_be_read_is_passed_over() -> None:
    world = await ready()
    world.autoscaler.woken(Key("team-a", "nobody"))
    world.change(engine={"args": ["--no-such-flag"], "env": []})
    await world.see()
    world.autoscaler.woken(KEY)


async def test_prometheus_down_for_five_minutes_in_a_burst_takes_no_worker_away() -> None:
    """Neither Prometheus nor the workers are to be had: what the gateways count is enough to grow by."""
    world = await ready()
    await busy(world, 3)
    before = world.replicas()
    world.engines.fails = True
    seen = []
    for _ in range(30):
        world.arrive(400, 200_000, queued=60, running=100)
        await world.look()
        seen.append(world.replicas())
    assert min(seen) >= before
    assert seen == sorted(seen)
    world.arrive(0, queued=0, running=0)
    await world.look(30)
    assert world.replicas() == seen[-1]
    assert "HeldMissingMetrics" in world.clamps()
    assert world.active() == ("True", "WorkerUnread")


async def test_nothing_to_be_had_holds_then_falls_back_and_never_goes_down() -> None:
    world = await ready(fallback={"failureThreshold": 3, "replicas": 4})
    world.engines.fails = world.gateways.fails = True
    await world.look(2)
    assert world.replicas() == 1
    assert world.active() == ("False", "MetricsUnavailable")
    await world.look(3)
    assert world.replicas() == 4
    assert "fallback.replicas is 4" in world.entry()["history"][0]["message"]
    await world.look(60)
    assert world.replicas() == 4
    world.engines.fails = world.gateways.fails = False
    await quiet(world, 60)
    assert world.replicas() < 4
    assert world.active() == ("True", "FollowingDemand")


async def test_one_worker_that_cannot_be_read_keeps_all_of_them() -> None:
    world = await ready()
    await busy(world, 10)
    many = world.replicas()
    world.engines.silent = {name(world.pods()[0])}
    await quiet(world, 28)
    assert world.replicas() == many
    assert "HeldMissingMetrics" in world.clamps()
    world.engines.silent = set()
    await quiet(world, 60)
    assert world.replicas() < many


async def test_a_worker_that_cannot_be_read_for_long_is_named_and_holds_up_nobody_else() -> None:
    world = await ready()
    await busy(world, 10)
    many = world.replicas()
    assert many >= 4
    unread = name(world.pods()[0])
    world.engines.silent = {unread}
    await quiet(world, 28)
    assert world.replicas() == many
    assert world.active() == ("True", "MetricsIncomplete")
    await quiet(world, 60)
    assert world.replicas() == 2
    # It is as little used as any, and stays.
    assert unread in [name(pod) for pod in world.pods()]
    assert world.active() == ("True", "WorkerUnread")
    said = next(one["message"] for one in world.status["conditions"] if one["type"] == "ScalingActive")
    assert f"Pod '{unread}': no answer" in said
    assert "port 8000" in said
    events = [one for (kind, _, _), one in world.cluster.objects.items() if kind == EVENT]
    assert [one["type"] for one in events if one["reason"] == "WorkerUnread"] == ["Warning"]
    world.engines.silent = set()
    await quiet(world, 30)
    assert world.replicas() == 1
    assert world.active() == ("True", "FollowingDemand")


async def test_what_cannot_be_read_is_told_under_load_too_when_nobody_would_go_anyway() -> None:
    world = await ready(maxReplicas=4)
    await busy(world, 12)
    assert world.replicas() == 4
    world.engines.silent = {name(pod) for pod in world.pods()}
    await busy(world, 2)
    assert "HeldMissingMetrics" not in world.clamps(), "a look that failed is no news"
    await busy(world, 3)
    assert world.active() == ("True", "MetricsIncomplete")
    said = next(one["message"] for one in world.status["conditions"] if one["type"] == "ScalingActive")
    assert "4 of 4 ready replicas could not be read: chat-shared-1: no answer" in said
    world.engines.silent = set()
    await busy(world, 1)
    assert world.active() == ("True", "FollowingDemand")


async def test_a_worker_that_cannot_be_read_counts_as_full_as_soon_as_the_fallback_would_count() -> None:
    world = await ready(
        fallback={"failureThreshold": 9, "replicas": 1},
        behavior={"scaleDown": {"stabilizationWindowSeconds": 0}},
    )
    await busy(world, 10)
    world.engines.silent = {name(world.pods()[0])}
    await quiet(world, 8)
    assert world.active() == ("True", "MetricsIncomplete")
    await quiet(world, 3)
    assert world.active() == ("True", "WorkerUnread")


async def test_no_worker_goes_while_none_can_be_read_however_long_that_lasts() -> None:
    world = await ready(minReplicas=0, idleSeconds=300)
    await busy(world, 10)
    many = world.replicas()
    world.engines.fails = True
    await quiet(world, 120)
    assert world.replicas() == many
    assert world.active() == ("True", "WorkerUnread")


async def test_pods_that_never_come_up_stop_the_asking_and_are_named() -> None:
    world = await ready(maxReplicas=40)
    world.never_ready = True
    await busy(world, 1)
    for pod in world.pods():
        if pod["status"].get("phase") != "Running":
            unschedulable = {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": "0/3 nodes are available: insufficient nvidia.com/gpu.",
            }
            status = pod["status"]
            conditions = [status["conditions"][0], unschedulable]
            world.cluster.seed({**pod, "status": {**status, "conditions": conditions}})
    await busy(world, 22)
    asked = world.replicas()
    await busy(world, 10, waiting=900)
    assert world.replicas() == asked
    assert "ScaleUpStuck" in world.clamps()
    assert world.active() == ("True", "ResourceConstrained")
    message = next(one["message"] for one in world.entry()["clamps"] if one["reason"] == "ScaleUpStuck")
    assert "insufficient nvidia.com/gpu" in message


async def test_a_start_that_takes_much_longer_than_any_has_is_slow_until_the_kubelet_would_end_it() -> None:
    world = await ready(maxReplicas=40)
    world.never_ready = True
    await busy(world, 1)
    await busy(world, 20)
    assert "ScaleUpStuck" not in world.clamps()
    world.change(scaling={"maxReplicas": 39})
    await busy(world, 12)
    [late] = [one["message"] for one in world.entry()["clamps"] if one["reason"] == "SlowStart"]
    assert "has been loading the model for" in late
    assert "a start takes 60 s as a rule" in late
    assert world.active() == ("True", "FollowingDemand")
    await busy(world, 170, waiting=900)
    [stuck] = [one["message"] for one in world.entry()["clamps"] if one["reason"] == "ScaleUpStuck"]
    assert "its startup probe gives it 1800 s" in stuck
    assert world.active() == ("True", "ResourceConstrained")


async def test_an_operator_that_starts_anew_in_a_burst_changes_nothing_for_want_of_knowledge() -> None:
    world = await ready()
    await busy(world, 12)
    many = world.replicas()
    world.restart()
    world.cluster.calls.clear()
    await world.reconcile()
    assert world.cluster.writes == []
    assert world.replicas() == many
    # And then it does not take its own blindness for calm.
    await quiet(world, 3)
    assert world.replicas() == many


async def test_a_restart_does_not_learn_again_how_long_a_start_takes() -> None:
    world = await ready()
    await busy(world, 20)
    told = world.entry()["coldStartSeconds"]
    assert 60 <= told["p50"] <= 80
    world.restart()
    await quiet(world, 60)
    assert world.entry()["coldStartSeconds"]["p50"] == told["p50"]


async def test_a_gateway_that_starts_anew_is_no_burst_and_no_calm() -> None:
    world = await ready()
    for _ in range(10):
        world.arrive(2, 200, running=1)
        await world.look()
    before = world.replicas()
    world.gateways.boot += 1
    world.arrive(1_000_000, 10**9, running=1)
    await world.look(3)
    assert world.replicas() == before


async def test_advice_is_given_and_not_taken() -> None:
    world = await ready(mode="Advise")
    await busy(world, 6)
    assert world.replicas() == 1
    assert world.entry()["wanted"] > 1
    assert world.active() == ("False", "AdviseOnly")


@pytest.mark.parametrize("mode", ["Auto", "Advise", "External", "Off"])
async def test_changing_the_mode_never_changes_the_count(mode: str) -> None:
    world = await ready()
    await busy(world, 10)
    many = world.replicas()
    assert many > 1
    world.change(scaling={"maxReplicas": 6, "mode": mode})
    await world.reconcile()
    assert world.replicas() == many


async def test_a_foreign_autoscaler_is_named_and_left_to_it() -> None:
    world = await ready()
    world.cluster.seed(autoscaler("mine"))
    await busy(world, 6)
    assert world.replicas() == 1
    assert world.active() == ("False", "ScalingConflict")


async def test_what_all_have_together_goes_to_the_higher_class() -> None:
    classes = [{"name": "high", "pool": "Dedicated"}]
    settings = Settings.model_validate({"scaling": {"maxAccelerators": 5}})
    world = World({**scaled(), "qos": {"classes": classes}}, settings)
    await world.look(9)
    for _ in range(10):
        for pool in ("high", "shared"):
            world.arrive(400, 200_000, pool=pool, queued=60, running=100)
        world.engines.waiting, world.engines.running, world.engines.kv_used = 60, 40, 0.95
        await world.look()
    assert world.replicas("high") + world.replicas("shared") == 5
    assert world.replicas("high") > world.replicas("shared")
    assert "CappedByBudget" in world.clamps("shared")
    assert world.active() == ("True", "ResourceConstrained")


async def test_no_more_is_spent_than_is_allowed() -> None:
    world = await ready(costPerReplicaHour="4.10", maxHourlyCost="12.50")
    await busy(world, 10)
    assert world.replicas() == 3
    assert "CappedByCost" in world.clamps()


async def test_one_pool_that_the_law_chokes_on_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tidegate_operator.scaling import law

    world = World({**scaled(), "qos": {"classes": [{"name": "high", "pool": "Dedicated"}]}})
    await world.look(9)
    decide = law.decide

    def choking(memory: Any, sample: Any, supply: Any, policy: Any, *rest: Any, **more: Any) -> Any:
        if policy.qos_class == "high":
            raise ZeroDivisionError
        return decide(memory, sample, supply, policy, *rest, **more)

    monkeypatch.setattr(law, "decide", choking)
    with structlog.testing.capture_logs() as told:
        await busy(world, 4)
    assert [one["pool"] for one in told if one["event"] == "replicas not decided"] == ["high"] * 4
    assert world.replicas("high") == 1
    assert world.replicas("shared") > 1


async def test_a_pod_that_nobody_can_make_sense_of_stops_no_round() -> None:
    world = await ready()
    pod = world.pods()[0]
    world.cluster.seed(
        {**pod, "metadata": {**pod["metadata"], "creationTimestamp": "yesterday", "uid": "odd"}}
    )
    with structlog.testing.capture_logs() as told:
        await world.see()
        await world.autoscaler.round()
    assert "replicas not decided" in [one["event"] for one in told]
    assert world.replicas() == 1


async def test_the_records_of_the_last_hour_decide_the_same_again() -> None:
    world = await ready()
    await busy(world, 10)
    await quiet(world, 400)
    lines = list(world.autoscaler.records(KEY))
    assert len(lines) == 360
    assert json.loads(lines[0])["service"] == "team-a/chat"
    assert replay(lines) == []
    assert list(world.autoscaler.records(Key("team-a", "other"))) == []


async def test_gateways_that_cannot_be_listed_are_no_calm() -> None:
    world = await ready()
    await busy(world, 10)
    many = world.replicas()
    real = world.cluster.list

    async def refuse(kind: Any, namespace: str | None, selector: str = "") -> Any:
        if namespace is not None:
            raise ClusterError(503, "", "down")
        return await real(kind, namespace, selector)

    world.cluster.list = refuse  # type: ignore[method-assign]
    await quiet(world, 60)
    assert world.replicas() == many


class EnoughError(Exception):
    """The test has seen enough."""


async def test_it_looks_again_and_again_and_at_once_when_somebody_is_woken() -> None:
    world = await ready()
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            world.engines.read = enough  # type: ignore[method-assign]
        if len(slept) == 2:
            world.autoscaler.woken(KEY)
            await asyncio.Event().wait()

    async def enough(_: object) -> Any:
        raise EnoughError

    with pytest.raises(EnoughError):
        await world.autoscaler.for_ever(10, sleep)
    assert len(slept) == 3
    assert all(9 < seconds <= 10 for seconds in slept)
