"""Ends of keys: as users write them, as they read them, and what is refused."""

from datetime import UTC, datetime

import pytest

from tidegate_cli.expiry import expiry, remaining, rfc3339

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("90m", "2026-11-21T13:30:00Z"),
        ("12h", "2026-11-22T00:00:00Z"),
        ("30d", "2026-12-21T12:00:00Z"),
        ("2w", "2026-12-05T12:00:00Z"),
        ("2027-01-31T00:00:00Z", "2027-01-31T00:00:00Z"),
        ("2027-01-31T02:00:00+02:00", "2027-01-31T00:00:00Z"),
    ],
)
def test_an_end(text: str, end: str) -> None:
    assert rfc3339(expiry(text, NOW)) == end


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", "is no time: write 30d", id="nothing"),
        pytest.param("30", "is no time", id="a number without a unit"),
        pytest.param("0d", "is no time", id="no time at all"),
        pytest.param("-1d", "is no time", id="a time before now"),
        pytest.param("1y", "is no time", id="a unit that is not known"),
        pytest.param("tomorrow", "is no time", id="a word"),
        pytest.param("999999999w", "is no time", id="more than the calendar holds"),
        pytest.param("2027-01-31T00:00:00", "names no time zone", id="no time zone"),
        pytest.param("2026-11-21T12:00:00Z", "is over already", id="now"),
        pytest.param("2020-01-01T00:00:00Z", "is over already", id="long ago"),
    ],
)
def test_what_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        expiry(text, NOW)


@pytest.mark.parametrize(
    ("not_after", "words"),
    [
        (None, "never expires"),
        ("2026-12-21T12:00:00Z", "30d left"),
        ("2026-11-22T12:00:00Z", "24h left"),
        ("2026-11-21T13:59:59Z", "119m left"),
        ("2026-11-21T12:00:59Z", "59s left"),
        ("2026-11-21T12:00:00Z", "EXPIRED"),
        ("2026-11-20T12:00:00", "EXPIRED"),
        ("soon", "EXPIRED"),
    ],
)
def test_what_remains(not_after: str | None, words: str) -> None:
    assert remaining(not_after, NOW) == words
