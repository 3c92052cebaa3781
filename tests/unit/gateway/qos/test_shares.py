"""What a class that waits is owed."""

from dataclasses import replace
from math import inf

import pytest

from tidegate_gateway.directory import DEFAULT_CLASSES
from tidegate_gateway.qos import shares
from tidegate_gateway.qos.lanes import CLASSES, Lane, connect
from tidegate_gateway.qos.pools import Pool
from unit.gateway.qos.rig import made


def lanes(minute_tokens: float, *min_shares: float) -> list[Lane]:
    """Return the three classes of one pool that admits so much."""
    pool = Pool("shared", 0.0)
    pool.minute_tokens = minute_tokens
    found = [Lane(rank, pool) for rank in range(3)]
    for lane, share in zip(found, min_shares or (0.7, 0.25, 0.05), strict=True):
        lane.policy = replace(DEFAULT_CLASSES[lane.name], min_share=share)
    connect(found, {"shared": pool}, False)
    shares.refresh(pool)
    return found


def wait(lane: Lane, tokens: int = 100) -> None:
    """Let one request of a class wait."""
    shares.begin_waiting(lane, 1000.0)
    lane.band.push(made(lane.name, tokens))


def is_owed(lane: Lane) -> bool:
    return shares.is_owed(lane, lane.band.head())


def admit(lane: Lane, tokens: int = 100, now: float = 1000.0) -> None:
    shares.charge(lane, lane.home, tokens, now)


def test_a_class_is_owed_once_its_share_makes_up_for_its_next_request() -> None:
    high, _, low = lanes(inf)
    wait(low)
    admitted = 0
    while not is_owed(low):
        admit(high)
        admitted += 1
    # One of 20 is 5 %.
    assert admitted == 19


def test_what_it_gets_is_paid_off() -> None:
    high, _, low = lanes(inf)
    wait(low)
    for _ in range(19):
        admit(high)
    admit(low)
    assert not is_owed(low)
    assert low.debt == pytest.approx(0)


def test_who_does_not_wait_is_owed_nothing() -> None:
    high, _, low = lanes(inf)
    for _ in range(100):
        admit(high)
    wait(low)
    assert not is_owed(low)
    for _ in range(100):
        admit(high)
    low.band.remove(low.band.head())
    shares.end_waiting(low)
    wait(low)
    assert not is_owed(low)


def test_a_share_of_nothing_is_never_owed() -> None:
    high, _, low = lanes(1000.0, 1.0, 0.0, 0.0)
    wait(low)
    for _ in range(100):
        admit(high)
    assert not is_owed(low)


def test_what_was_given_while_nobody_else_wanted_it_counts_for_a_moment() -> None:
    high, _, low = lanes(100_000.0)
    wait(low)
    for _ in range(1000):
        admit(low)
    admitted = 0
    while not is_owed(low):
        admit(high)
        admitted += 1
    # 250 tokens of lead and 95 of its next request, at 5 tokens for each 100.
    assert admitted == 69


def test_a_lead_from_before_the_pool_was_known_is_cut_to_size() -> None:
    _, _, low = lanes(inf)
    admit(low, 100_000)
    assert low.debt < -90_000
    low.home.minute_tokens = 100_000.0
    shares.refresh(low.home)
    assert low.debt == -250


def test_a_lead_is_paid_back_while_the_class_does_not_wait_and_forgotten_after_a_minute() -> None:
    high, _, low = lanes(100_000.0)
    admit(low, 1000)
    assert low.debt == -250
    admit(high, 1000)
    assert low.debt == -200
    shares.begin_waiting(low, 1061.0)
    assert low.debt == 0


def test_a_request_larger_than_a_minute_is_owed_within_it() -> None:
    high, _, low = lanes(10_000.0)
    wait(low, 1_000_000)
    admitted = 0
    while not is_owed(low):
        admit(high)
        admitted += 1
    assert 3000 < admitted * 100 < 6000


def test_a_debt_does_not_grow_beyond_a_part_of_a_window() -> None:
    high, _, low = lanes(10_000.0)
    wait(low)
    for _ in range(1000):
        admit(high)
    assert low.debt == pytest.approx(0.4 * 0.05 * 10_000)


@pytest.mark.parametrize(
    ("says", "min_shares", "want"),
    [
        ("margins come from the highest", (0.7, 0.25, 0.05), (0.675, 0.2625, 0.0625)),
        ("or from what nobody was promised", (0.5, 0.25, 0.05), (0.5, 0.2625, 0.0625)),
        ("no margin for a share of nothing", (0.7, 0.3, 0.0), (0.6875, 0.3125, 0.0)),
        ("a tenth of the highest at most", (0.1, 0.45, 0.45), (0.09, 0.455, 0.455)),
        ("more than everything is divided", (0.7, 0.7, 0.6), (0.325, 0.3625, 0.3125)),
    ],
)
def test_shares_with_margins(says: str, min_shares: tuple[float, ...], want: tuple[float, ...]) -> None:
    high, *_ = found = lanes(20_000.0, *min_shares)
    for tally in high.home.tallies:
        tally.requests, tally.tokens = 10, 1000
    shares.refresh(high.home)
    # 2 x 100 tokens of 20,000, and the lead.
    assert [lane.share for lane in found] == pytest.approx(want), says
    assert len(found) == len(CLASSES)
