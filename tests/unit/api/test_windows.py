"""Windows of the calendar: each moment lies in exactly one, and the next one begins where it ends."""

from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_api.windows import Window, window_end, window_start

CASES = [
    ("an hour", "Hour", "2026-11-21T14:59:59", "2026-11-21T14:00:00", "2026-11-21T15:00:00"),
    ("the last hour of a year", "Hour", "2026-12-31T23:10:00", "2026-12-31T23:00:00", "2027-01-01T00:00:00"),
    ("a day", "Day", "2026-11-21T14:59:59", "2026-11-21T00:00:00", "2026-11-22T00:00:00"),
    ("a moment that begins one", "Day", "2026-11-21T00:00:00", "2026-11-21T00:00:00", "2026-11-22T00:00:00"),
    ("a week begins on Monday", "Week", "2026-11-21T14:00:00", "2026-11-16T00:00:00", "2026-11-23T00:00:00"),
    ("a week over two years", "Week", "2027-01-02T00:00:00", "2026-12-28T00:00:00", "2027-01-04T00:00:00"),
    ("a month", "Month", "2026-11-21T14:00:00", "2026-11-01T00:00:00", "2026-12-01T00:00:00"),
    (
        "the last month of a year",
        "Month",
        "2026-12-31T00:00:00",
        "2026-12-01T00:00:00",
        "2027-01-01T00:00:00",
    ),
    ("a leap February", "Month", "2028-02-29T00:00:00", "2028-02-01T00:00:00", "2028-03-01T00:00:00"),
]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "moment", "start", "end"), [pytest.param(*case[1:], id=case[0]) for case in CASES]
)
def test_a_window(window: Window, moment: str, start: str, end: str) -> None:
    assert (window_start(window, utc(moment)), window_end(window, utc(moment))) == (utc(start), utc(end))


def test_a_moment_of_another_zone_is_taken_to_utc_first() -> None:
    tokyo = datetime(2026, 11, 22, 8, 59, tzinfo=timezone(timedelta(hours=9)))
    assert window_start("Day", tokyo) == utc("2026-11-21T00:00:00")


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        window_start("Day", datetime(2026, 11, 21))


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(get_args(Window)),
)
def test_windows_lie_side_by_side(moment: datetime, window: Window) -> None:
    start, end = window_start(window, moment), window_end(window, moment)
    assert start <= moment < end
    assert window_start(window, start) == start
    assert window_start(window, end) == end
    assert window_end(window, start) == end
