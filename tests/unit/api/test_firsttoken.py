"""Buckets of times to the first token: every time has one, and a quantile is read back to a few percent."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_api.firsttoken import FACTOR, LAST, bucket, quantile, upper

TIMES = st.floats(0.0011, 3000)


@pytest.mark.parametrize(
    ("seconds", "index"),
    [
        (0.0, 0),
        (0.0005, 0),
        (0.001, 0),
        (0.00109, 1),
        (0.0011001, 2),
        (0.05, 42),
        (3600, LAST),
        (86400, LAST),
    ],
)
def test_a_time_has_the_bucket_whose_end_it_does_not_exceed(seconds: float, index: int) -> None:
    assert bucket(seconds) == index


@given(TIMES)
def test_a_time_lies_within_its_bucket(seconds: float) -> None:
    index = bucket(seconds)
    assert upper(index - 1) * 0.999999 < seconds <= upper(index) * 1.000001


def test_an_hour_needs_fewer_than_170_buckets() -> None:
    assert 3600 <= upper(LAST) < 3600 * FACTOR
    assert LAST < 170


@given(st.lists(TIMES, min_size=1, max_size=200), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_quantile_is_within_a_bucket_of_the_true_one(times: list[float], q: float) -> None:
    ordered = sorted(times)
    at_least = ordered[max(0, -int(-q * len(times) // 1) - 1)]
    found = quantile(Counter(map(bucket, times)), q)
    assert at_least / FACTOR * 0.999 <= found <= at_least * FACTOR * 1.001


def test_times_that_lie_evenly_are_read_back_to_two_percent() -> None:
    times = [0.1 + 0.001 * i for i in range(1000)]
    counts = Counter(map(bucket, times))
    assert quantile(counts, 0.5) == pytest.approx(0.6, rel=0.02)
    assert quantile(counts, 0.9) == pytest.approx(1.0, rel=0.02)


@given(st.lists(TIMES, min_size=1, max_size=50), st.lists(TIMES, min_size=1, max_size=50))
def test_counts_of_two_gateways_are_added_up(one: list[float], other: list[float]) -> None:
    together = Counter(map(bucket, one)) + Counter(map(bucket, other))
    assert quantile(together, 0.9) == quantile(Counter(map(bucket, one + other)), 0.9)


@given(st.lists(TIMES, min_size=1, max_size=50))
def test_a_higher_quantile_is_never_a_shorter_time(times: list[float]) -> None:
    counts = Counter(map(bucket, times))
    found = [quantile(counts, q / 10) for q in range(1, 11)]
    assert found == sorted(found)


@pytest.mark.parametrize("counts", [{}, {3: 0}])
def test_of_no_times_there_is_no_quantile(counts: dict[int, int]) -> None:
    with pytest.raises(ValueError, match="no time was counted"):
        quantile(counts, 0.5)


def test_a_bucket_without_counts_is_passed_over() -> None:
    assert quantile({3: 0, 5: 1, 9: 0}, 0.5) == pytest.approx(upper(5) * FACTOR**-0.5)
    assert quantile({5: 1, 9: 0}, 1.0) == pytest.approx(upper(5))
