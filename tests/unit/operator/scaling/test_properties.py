"""What holds for any measurements whatever: bounds, determinism, and that more load never asks for less."""

from dataclasses import replace
from functools import cache, partial
from math import inf, nan
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_operator.scaling import law
from tidegate_operator.scaling.facts import Demand, Policy, Rules, Sample, Supply, Worker
from unit.operator.scaling.pools import COLD_START, NOON, Loop, policy, sample, term, warm, worker

# A pool that nobody changes, since nothing that is decided about it is carried out.
watched = cache(partial(warm, at_once=60))

any_number = st.one_of(st.integers(0, 400), st.sampled_from([nan, inf, -inf, -1, None, "x", 10**9]))
any_demand = st.none() | st.builds(Demand, *[any_number] * 10)
any_worker = st.builds(
    Worker,
    st.sampled_from(["a", "b", "c", "d"]),
    any_number,
    any_number,
    st.floats(0, 1) | any_number,
    any_number,
    any_number,
    any_number,
    any_number,
    st.none() | st.floats(0, 1) | st.just(nan),
)
any_workers = st.none() | st.lists(any_worker, max_size=4).map(tuple)
any_supply = st.builds(Supply, *[st.integers(0, 12)] * 5, st.sampled_from(["", "no node has room"]))
any_policy = st.builds(
    policy,
    min_replicas=st.integers(0, 4),
    max_replicas=st.integers(4, 9),
    qos_class=st.sampled_from(["high", "medium", "low"]),
    queue_depth_target=st.none() | st.floats(1, 20),
    concurrency_target=st.none() | st.floats(1, 100),
    ttft_slo_seconds=st.none() | st.floats(0.1, 5),
    scale_up=st.sampled_from([Rules(), Rules(30), Rules(select="Disabled")]),
    scale_down=st.sampled_from([Rules(), Rules(0), Rules(select="Disabled")]),
    idle_seconds=st.sampled_from([0.0, 30.0, 1800.0]),
)
ticks = st.lists(
    st.tuples(
        st.floats(-70, 70) | st.just(0.0),
        st.sampled_from([0.0, 10.0, nan, -5.0, 3600.0]),
        any_demand,
        any_workers,
        any_supply,
        st.none() | st.floats(NOON - 500, NOON + 500),
    ),
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(any_policy, ticks)
def test_whatever_is_measured_it_stays_within_bounds_and_never_falls_on_missing_data(
    asked: Policy, facts: list[tuple[Any, ...]]
) -> None:
    memory, again, now = law.EMPTY, law.EMPTY, NOON
    for late, interval, demand, workers, supply, mark in facts:
        now += 10
        seen = Sample(now - late, interval, demand, workers)
        decision, memory = law.decide(memory, seen, supply, asked, COLD_START, now, demand_mark=mark)
        twin, again = law.decide(again, seen, supply, asked, COLD_START, now, demand_mark=mark)
        assert (decision, memory) == (twin, again), "the same facts give the same decision"
        assert asked.min_replicas <= decision.wanted <= asked.max_replicas
        if {"demand", "workers"} & set(decision.missing):
            assert decision.wanted >= min(supply.desired, asked.max_replicas)
        assert decision.message.endswith(".")
        before = decision.clamps[0].before if decision.clamps else decision.wanted
        for one in decision.clamps:
            assert one.before == before, "each clamp begins where the one before it ended"
            before = one.after
        assert before == decision.wanted


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 400), st.integers(0, 400), st.integers(0, 200), st.integers(1, 6))
def test_more_that_wait_never_ask_for_fewer(few: int, more: int, at_once: int, replicas: int) -> None:
    few, more = sorted((few, more))
    loop = watched(replicas)
    wanted = [_decide(loop, at_once, queued).wanted for queued in (few, more)]
    assert wanted == sorted(wanted)


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 100))
def test_fuller_caches_never_ask_for_fewer(low: float, high: float, at_once: int) -> None:
    loop = watched(3)
    found = []
    for kv_used in sorted((low, high)):
        seen = sample(loop.now + 10, loop.ready, at_once)
        workers = tuple(replace(one, kv_used=kv_used) for one in seen.workers or ())
        found.append(_decide(loop, at_once, 0, replace(seen, workers=workers)).wanted)
    assert found == sorted(found)


def _decide(loop: Loop, at_once: int, queued: int, seen: Sample | None = None) -> Any:
    found, _ = law.decide(
        loop.memory,
        seen or sample(loop.now + 10, loop.ready, at_once, queued),
        Supply(loop.replicas, loop.ready, len(loop.starting)),
        loop.policy,
        COLD_START,
        loop.now + 10,
    )
    return found


def test_a_decision_names_queue_depth_and_cache_whenever_they_were_measured() -> None:
    for seen in (sample(NOON, 2, 20, 5), replace(sample(NOON, 2, 20), demand=None)):
        decision, _ = law.decide(law.EMPTY, seen, Supply(2, 2), policy(), COLD_START, NOON)
        assert {"QueueDepth", "KVCacheUtilization"} <= {one.name for one in decision.terms}


def test_a_sample_that_is_given_twice_counts_once() -> None:
    loop = warm()
    seen = sample(loop.now + 10, 3, 90)
    loop.decide(seen)
    once = loop.memory
    loop.decide(seen)
    assert (loop.memory.bins, loop.memory.learned) == (once.bins, once.learned)


def test_users_targets_are_kept_to_the_letter() -> None:
    asked = policy(queue_depth_target=5.0, kv_utilization_target=0.5, concurrency_target=8.0)
    workers = (worker("a", 10, kv_used=0.3, waiting=2), worker("b", 14, kv_used=0.4))
    seen = replace(sample(NOON, 2, 24, 8), workers=workers)
    decision, _ = law.decide(law.EMPTY, seen, Supply(2, 2), asked, COLD_START, NOON)
    assert term(decision, "QueueDepth") == 10 / 5
    assert term(decision, "Concurrency") == (8 + 26) / 8
    assert term(decision, "KVCacheUtilization") == 0.7 / 0.5
