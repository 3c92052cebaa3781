"""The traffic is what its name says, and the same for the same seed."""

from pathlib import Path

import pytest

from tidegate_bench.autoscaling.traces import MAKERS, Trace, denser, halves, read, spread, step


@pytest.mark.parametrize("name", MAKERS)
def test_a_seed_gives_one_trace(name: str) -> None:
    one, same, other = (MAKERS[name](seed) for seed in (1, 1, 2))
    assert one == same
    assert one.asks != other.asks


@pytest.mark.parametrize("name", MAKERS)
def test_requests_come_in_order_with_sizes_that_fit(name: str) -> None:
    asks = MAKERS[name](3).asks
    times = [at for at, _, _ in asks]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] < 3600
    assert 10_000 < len(asks) < 30_000
    assert all(1 <= prompt <= 8192 and 1 <= answer <= 2000 for _, prompt, answer in asks)


def test_bursts_spread_as_bursts_do_and_a_day_does_not() -> None:
    for seed in range(4):
        assert spread(MAKERS["diurnal"](seed)) < 0.6
        assert 0.6 < spread(MAKERS["bursts"](seed)) < 2.5
        assert 0.6 < spread(MAKERS["code"](seed)) < 2.5


def test_a_step_is_four_times_as_high_for_a_quarter_of_an_hour() -> None:
    times = [at for at, _, _ in step(1, begin=1500).asks]
    before = sum(600 <= at < 1500 for at in times)
    during = sum(1500 <= at < 2400 for at in times)
    assert during / before == pytest.approx(4, rel=0.1)


def test_a_file_is_read_by_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "conversation.csv"
    path.write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2023-11-16 18:15:46.6805900,374,44\n"
        "2023-11-16 18:15:47.9305900,90000,0\n"
    )
    found = read(path)
    assert found.name == "conversation"
    assert found.asks == ((0.0, 374, 44), (1.25, 8192, 1))
    assert found.seconds == 1.25


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n", "holds no requests"),
        ("when,a,b\n2023-11-16 18:15:46,1,2\n", "t.csv:2: expected TIMESTAMP"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,x,2\n", "t.csv:2: expected TIMESTAMP"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46\n", "t.csv:2: expected TIMESTAMP"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=told):
        read(path)


TRACE = Trace("t", ((0.0, 1, 1), (40.0, 2, 2), (60.0, 3, 3), (99.0, 4, 4)), 100.0)


def test_halves_are_by_time_and_each_begins_at_zero() -> None:
    first, second = halves(TRACE)
    assert first.asks == ((0.0, 1, 1), (40.0, 2, 2))
    assert second.asks == ((10.0, 3, 3), (49.0, 4, 4))
    assert (first.seconds, second.seconds) == (50.0, 50.0)
    assert first.warm_seconds < first.seconds


def test_a_denser_trace_has_each_request_so_many_times() -> None:
    found = denser(TRACE, 3)
    assert len(found.asks) == 12
    assert [at for at, _, _ in found.asks] == sorted(at for at, _, _ in found.asks)
    assert denser(TRACE, 1).asks == TRACE.asks
