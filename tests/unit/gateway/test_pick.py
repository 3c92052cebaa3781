"""Which worker is asked."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_gateway.directory import Worker
from tidegate_gateway.pick import Loads, RetryBudget, pick

WORKERS = [Worker(f"u{i}", "ns", "m", f"p{i}", "10.0.0.1") for i in range(5)]


def loads(*counts: int) -> Loads:
    made = Loads()
    for worker, count in zip(WORKERS, counts, strict=False):
        for _ in range(count):
            made.acquire(worker)
    return made


def test_no_worker_is_no_choice() -> None:
    assert pick([], Loads(), (), random.Random(1)) is None
    assert pick(WORKERS[:1], Loads(), {"u0"}, random.Random(1)) is None


@settings(deadline=None, max_examples=60)
@given(
    counts=st.lists(st.integers(0, 5), min_size=5, max_size=5), failed=st.sets(st.integers(0, 4), max_size=4)
)
def test_the_least_busy_of_those_that_did_not_fail_is_asked(counts: list[int], failed: set[int]) -> None:
    chosen = pick(WORKERS, loads(*counts), {f"u{i}" for i in failed}, random.Random(1))
    assert chosen is not None
    index = WORKERS.index(chosen)
    assert index not in failed
    assert counts[index] == min(count for i, count in enumerate(counts) if i not in failed)


def test_ties_are_spread() -> None:
    rng = random.Random(1)
    seen = [pick(WORKERS, loads(1, 0, 0, 0, 1), (), rng) for _ in range(300)]
    assert min(seen.count(worker) for worker in WORKERS[1:4]) > 60


def test_counts_return_to_nothing() -> None:
    made = loads(2, 1)
    for worker in (WORKERS[0], WORKERS[1], WORKERS[0]):
        made.release(worker)
    assert made.by_worker == {}
    assert made.by_service == {("ns", "m"): 0}


def test_retries_are_a_tenth_of_requests_after_a_burst() -> None:
    budget = RetryBudget(ratio=0.1, burst=10)
    assert [budget.take() for _ in range(11)] == [True] * 10 + [False]
    for _ in range(101):
        budget.note_request()
    assert [budget.take() for _ in range(11)] == [True] * 10 + [False]
