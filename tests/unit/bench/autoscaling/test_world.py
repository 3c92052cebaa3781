"""Pools under traffic: nothing is lost, nothing is made up, and a seed says it all."""

from collections.abc import Callable

import pytest

from tidegate_bench.autoscaling.faults import Faults, Span
from tidegate_bench.autoscaling.model import START
from tidegate_bench.autoscaling.outcome import outcome
from tidegate_bench.autoscaling.policies import hpa
from tidegate_bench.autoscaling.policies.hpa import Hpa
from tidegate_bench.autoscaling.policies.keda import Keda
from tidegate_bench.autoscaling.policies.kpa import Kpa
from tidegate_bench.autoscaling.policies.ours import Ours
from tidegate_bench.autoscaling.policies.planner import Planner
from tidegate_bench.autoscaling.policies.policy import Limits, Observation, Policy
from tidegate_bench.autoscaling.policies.static import Static
from tidegate_bench.autoscaling.policies.wva import WvaV1, WvaV2
from tidegate_bench.autoscaling.traces import Trace, bursts
from tidegate_bench.autoscaling.world import Lane, lane, run

# Ten minutes of it, so that a run takes less than a second.
TRACE = Trace("bursts", tuple(ask for ask in bursts(5).asks if ask[0] < 600), 600.0, 120.0)
LAWS: dict[str, Callable[[], Policy]] = {
    "static": lambda: Static(3),
    "hpa": lambda: Hpa(hpa.kv, 0.3),
    "keda": lambda: Keda(5),
    "kpa": lambda: Kpa(36),
    "wva v1": WvaV1,
    "wva v2": WvaV2,
    "planner": lambda: Planner(TRACE, 0.8),
    "ours": Ours,
}


class Script:
    """A law that says what it was told to say, by time."""

    interval_seconds = 10.0

    def __init__(self, *steps: tuple[float, int]) -> None:
        self.steps = steps
        self.seen: list[Observation] = []

    def decide(self, observation: Observation) -> int:
        self.seen.append(observation)
        return [replicas for since, replicas in self.steps if since <= observation.now][-1]


def played(policy: Policy, trace: Trace = TRACE, seed: int = 1, **options: object) -> Lane:
    one = lane(trace, policy, seed, **options)  # type: ignore[arg-type]
    run([one])
    return one


@pytest.mark.parametrize("law", LAWS)
def test_every_request_ends_exactly_once(law: str) -> None:
    one = played(LAWS[law]())
    assert len(one.requests) == len(TRACE.asks)
    assert all(request.end is not None and not request.refused for request in one.requests)
    everyone = [*one.pool.departed, *one.pool.replicas]
    assert sum(replica.engine.counters.finished for replica in everyone) == len(TRACE.asks)
    assert one.pool.gateway.finished_requests == one.pool.gateway.first_tokens == len(TRACE.asks)
    assert one.pool.in_flight == one.pool.cut == 0


@pytest.mark.parametrize("law", LAWS)
def test_the_same_seed_gives_the_same_run(law: str) -> None:
    one, other = played(LAWS[law]()), played(LAWS[law]())
    assert outcome(one) == outcome(other)
    assert one.changes == other.changes


def test_another_seed_gives_other_cold_starts() -> None:
    starts = [[r.ready_at for r in played(Script((0, 6)), seed=seed).pool.replicas] for seed in (1, 2)]
    assert starts[0] != starts[1]


def test_a_replica_answers_only_after_its_cold_start_but_costs_from_the_beginning() -> None:
    one = played(Script((0, 1), (300, 2)), replicas=1)
    first, second = one.pool.replicas
    assert (first.created, first.ready_at) == (0.0, 0.0)
    assert 300 <= second.created < 310
    assert second.ready_at == pytest.approx(second.created + START.median_seconds, rel=0.5)
    assert min(scrape.at for scrape in second.scrapes) >= second.ready_at
    hours = one.pool.hours(0, 900)
    assert hours == pytest.approx((900 + 900 - second.created) / 3600)


def test_a_static_pool_costs_what_it_is() -> None:
    assert outcome(played(Static(3), replicas=3)).replica_hours == pytest.approx(3.0)


def test_who_leaves_ends_its_requests_first_and_takes_no_more() -> None:
    one = played(Script((0, 3), (400, 1)), replicas=3)
    gone = one.pool.departed
    assert len(gone) == 2
    assert all(400 < replica.gone < 560 for replica in gone)
    assert any(replica.gone > 415 for replica in gone), "one of them had requests to end"
    assert one.pool.cut == 0


def test_who_cannot_end_in_time_is_cut_and_counted() -> None:
    one = lane(TRACE, Script((0, 3), (400, 1)), 1, replicas=3)
    one.pool.drain_seconds = 1.0
    run([one])
    assert one.pool.cut > 0
    assert one.pool.in_flight == 0
    assert outcome(one).cut == one.pool.cut == sum(request.refused for request in one.requests)


def test_a_stuck_pod_stays_pending_until_its_fault_is_over() -> None:
    law = Script((0, 2))
    one = played(law, replicas=1, faults=Faults(stuck_pending=Span(0, 500)))
    late = one.pool.replicas[1]
    assert late.ready_at > 500 + 0.5 * START.median_seconds
    stuck = [seen.now for seen in law.seen if any(pod.stuck for pod in seen.pods)]
    assert 100 < min(stuck) < 200 < max(stuck) <= 510


def test_pools_never_hold_more_accelerators_than_there_are() -> None:
    class Greedy(Script):
        def decide(self, observation: Observation) -> int:
            held = sum(r.ready_at < 10**9 for one in lanes for r in one.pool.replicas)
            assert held <= 5
            return super().decide(observation)

    lanes = [
        lane(TRACE, Greedy((0, 2), (200, 4), (500, 1)), 1, replicas=2, name="a"),
        lane(TRACE, Greedy((0, 2), (300, 4)), 2, replicas=2, name="b"),
    ]
    run(lanes, accelerators=5)
    assert sum(replica.ready_at < 10**9 for replica in lanes[1].pool.replicas) == 4, "what is freed is used"


def test_held_requests_are_answered_once_somebody_is_ready() -> None:
    few = Trace("few", tuple((5.0 + i, 100, 10) for i in range(5)), 300.0, 0.0)
    one = played(Ours(limits=Limits(0, 4)), few, replicas=0)
    assert all(request.end is not None for request in one.requests)
    first = min(replica.ready_at for replica in [*one.pool.replicas, *one.pool.departed])
    assert all(request.first is not None and request.first > first for request in one.requests)
    assert first < 5.0 + 10.0 + 2 * START.median_seconds


@pytest.mark.parametrize("kind", ["prometheus_down", "series_lost"])
def test_a_law_sees_no_scrapes_while_prometheus_has_none(kind: str) -> None:
    law = Script((0, 2))
    played(law, replicas=2, faults=Faults(**{kind: Span(300, 600)}))
    for seen in law.seen:
        missing = 300 <= seen.now < 600
        assert seen.prometheus_up != (missing and kind == "prometheus_down")
        if missing:
            assert not any(pod.scrapes for pod in seen.pods)
        elif 60 < seen.now < 300:
            assert all(pod.scrapes and seen.now - pod.scrapes[-1].at <= 15 for pod in seen.pods)
