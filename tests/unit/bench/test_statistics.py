"""From values to figures."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_bench.statistics import (
    BUCKETS_MS,
    delayed_ack_share,
    histogram,
    interval,
    paired_difference,
    paired_ratio,
    quantile,
)

VALUES = st.lists(st.floats(0.01, 1000), min_size=1, max_size=40)


@settings(deadline=None, max_examples=10)
@given(VALUES)
def test_an_interval_holds_its_median_and_stays_within_the_values(values: list[float]) -> None:
    figure = interval(values, 1)
    assert min(values) <= figure.low <= figure.value <= figure.high <= max(values)


def test_the_same_rounds_give_the_same_interval() -> None:
    values = [1.0, 2.0, 5.0, 3.0, 8.0]
    assert interval(values, 7) == interval(values, 7)


def test_an_outlier_moves_the_interval_and_not_the_median() -> None:
    calm, wild = (interval([1.0, 1.1, 0.9, 1.0, 1.05, 0.95, last], 7) for last in (1.0, 50.0))
    assert wild.value == pytest.approx(calm.value, rel=0.05)


def test_only_what_stands_in_one_round_is_compared() -> None:
    # A machine that slows down by a factor of a hundred changes no ratio.
    ours, theirs = [1.0, 10.0, 100.0], [2.0, 20.0, 200.0]
    assert paired_ratio(ours, theirs, 1).low == paired_ratio(ours, theirs, 1).high == 0.5
    assert paired_difference([3.0, 13.0], [1.0, 11.0], 1).value == 2.0


@pytest.mark.parametrize(
    ("share", "want"),
    [(0.0, 1), (0.5, 5), (0.9, 9), (0.99, 10), (1.0, 10)],
    ids=["least", "median", "p90", "p99 of ten is the greatest", "greatest"],
)
def test_a_quantile_is_a_value_that_was_seen(share: float, want: int) -> None:
    assert quantile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], share) == want


@given(VALUES)
def test_a_histogram_counts_every_value_once(values: list[float]) -> None:
    assert sum(histogram(values)) == len(values)


def test_a_histogram_counts_a_value_below_its_bound() -> None:
    counts = histogram([0.05, 42.0, 44.9, 1e6])
    assert {bound: count for bound, count in zip((*BUCKETS_MS, None), counts, strict=True) if count} == {
        0.1: 1,
        45: 2,
        None: 1,
    }


@pytest.mark.parametrize(
    ("values", "want"),
    [([1.0, 2.0], 0.0), ([44.0, 1.0], 0.5), ([34.9, 50.0], 0.0), ([], 0.0)],
    ids=["fast", "one waited for an acknowledgement", "just outside", "nothing measured"],
)
def test_the_share_near_forty_milliseconds(values: list[float], want: float) -> None:
    assert delayed_ack_share(values) == want
