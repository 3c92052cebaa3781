"""When requests are due."""

import random

import pytest

from tidegate_bench.arrivals import Arrivals, due_times


def test_arrivals_come_in_order_within_their_time_and_at_their_rate() -> None:
    moments = due_times(Arrivals(per_second=2000, seconds=5, chunks=1, fresh=False), random.Random(1))
    assert moments == sorted(moments)
    assert moments[0] > 0 and moments[-1] < 5
    assert len(moments) == pytest.approx(10_000, rel=0.05)


def test_the_same_seed_gives_the_same_arrivals_and_another_others() -> None:
    arrivals = Arrivals(per_second=100, seconds=1, chunks=1, fresh=True)
    first, again, other = (due_times(arrivals, random.Random(seed)) for seed in (1, 1, 2))
    assert first == again != other
