"""How much of a budget is left, whatever the operator has and has not read yet."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_gateway.directory import Caller, TenantLimits
from tidegate_gateway.errors import Problem
from tidegate_gateway.limits.account import Reservation
from tidegate_gateway.limits.ledger import Ledger


def unix(stamp: str) -> float:
    return datetime.fromisoformat(stamp).replace(tzinfo=UTC).timestamp()


NOVEMBER, DECEMBER = unix("2026-11-01"), unix("2026-12-01")
NOON = unix("2026-11-21T12:00:00")


def caller(tokens: int = 100, **fields: Any) -> Caller:
    """The holder of a key whose tenant has a budget by the month, and what the operator wrote of it."""
    return Caller(
        "a" * 64, "ns", "team", "high", -100, None, limits=TenantLimits(budget_tokens=tokens, **fields)
    )


def written(used: int, since: float = NOVEMBER, *, tokens: int = 100, **seen: int) -> Caller:
    return caller(tokens, budget_used=used, budget_since=since, budget_seen=seen)


def use(ledger: Ledger, who: Caller, tokens: int, wall: float = NOON) -> None:
    found = ledger.reserve(who, tokens, 0.0, wall)
    assert isinstance(found, Reservation), found
    ledger.settle(found, tokens, 0, 0.0)


def left(ledger: Ledger, who: Caller, wall: float = NOON) -> int:
    """The largest request that would be admitted."""
    for size in range(200, 0, -1):
        found = ledger.reserve(who, size, 0.0, wall)
        if isinstance(found, Reservation):
            ledger.settle(found, 0, 0, 0.0)
            return size
    return 0


def test_a_budget_that_is_spent_says_when_it_begins_anew() -> None:
    ledger = Ledger("me")
    use(ledger, caller(), 90)
    problem = ledger.reserve(caller(), 20, 0.0, NOON)
    assert isinstance(problem, Problem)
    assert (problem.status, problem.code, problem.kind) == (429, "insufficient_quota", "insufficient_quota")
    assert "90 of 100 tokens of this month are used, and this request needs about 20" in problem.message
    assert "2026-12-01T00:00:00Z" in problem.message
    assert dict(problem.headers) == {"retry-after": str(int(DECEMBER - NOON)), "x-should-retry": "false"}
    use(ledger, caller(), 10)


def test_a_request_larger_than_the_whole_budget_is_not_told_to_wait() -> None:
    problem = Ledger("me").reserve(caller(), 101, 0.0, NOON)
    assert isinstance(problem, Problem)
    assert "101" in problem.message
    assert "retry-after" not in dict(problem.headers)


def test_open_requests_hold_their_part() -> None:
    ledger = Ledger("me")
    held = ledger.reserve(caller(), 60, 0.0, NOON)
    assert isinstance(held, Reservation)
    assert left(ledger, caller()) == 40
    ledger.settle(held, 5, 5, 0.0)
    assert left(ledger, caller()) == 90


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (caller(), 70),
        (written(0), 70),
        (written(30, me=30), 70),
        (written(20, me=20), 70),
        (written(50, me=30, other=20), 50),
        (written(50, other=50), 20),
        (written(90, since=unix("2026-10-01"), me=30), 70),
        (written(120, me=30), 0),
    ],
    ids=[
        "nothing is written yet",
        "the operator has not read this gateway",
        "it has read all",
        "it has read a part: the rest is added",
        "what others used counts",
        "what is not known to it is added to what others used",
        "what is of an earlier month does not count",
        "more than the budget leaves nothing",
    ],
)
def test_what_is_left_after_30_tokens_at_this_gateway(who: Caller, expected: int) -> None:
    ledger = Ledger("me")
    use(ledger, caller(), 30)
    assert left(ledger, who) == expected


def test_a_new_month_begins_with_nothing_used_even_if_the_operator_is_away() -> None:
    ledger, who = Ledger("me"), written(95, me=5)
    use(ledger, who, 5)
    assert left(ledger, who) == 5
    use(ledger, who, 5)
    assert left(ledger, who) == 0
    assert left(ledger, who, DECEMBER) == 100
    use(ledger, who, 7, DECEMBER)
    assert left(ledger, who, DECEMBER + 1) == 93


def test_tokens_before_the_turn_do_not_count_after_it_though_nobody_called_in_between() -> None:
    ledger = Ledger("me")
    held = ledger.reserve(caller(), 10, 0.0, NOON)
    use(ledger, caller(), 50)
    ledger.tidy(0.0, DECEMBER)
    assert isinstance(held, Reservation)
    ledger.settle(held, 10, 0, 0.0)
    assert left(ledger, caller(), DECEMBER + 5) == 90


def test_the_operators_new_month_is_taken_over_before_ours_begins() -> None:
    ledger = Ledger("me")
    use(ledger, caller(), 60)
    ahead = written(5, since=DECEMBER, me=60)
    assert left(ledger, ahead, DECEMBER - 2) == 95
    use(ledger, ahead, 5, DECEMBER - 1)
    assert left(ledger, ahead, DECEMBER + 1) == 90


def test_a_budget_that_is_set_later_begins_then_and_a_removed_one_ends() -> None:
    ledger = Ledger("me")
    unlimited = Caller("a" * 64, "ns", "team", "high", -100, None)
    use(ledger, unlimited, 80)
    assert left(ledger, caller()) == 100
    use(ledger, caller(), 100)
    assert left(ledger, caller()) == 0
    assert left(ledger, unlimited) == 200


def test_a_budget_outlives_a_tenants_idle_minutes() -> None:
    ledger = Ledger("me")
    use(ledger, caller(), 80)
    ledger.tidy(3600.0, NOON)
    assert not ledger.accounts
    assert left(ledger, caller()) == 20


@settings(deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["mine", "theirs", "read", "write"]), st.integers(1, 20)), max_size=60
    )
)
def test_nothing_is_counted_twice_however_late_the_operator_is(steps: list[tuple[str, int]]) -> None:
    """What is left is the budget less all that was used here, and less what others had used when it was read."""
    ledger, who = Ledger("me"), caller(10**6)
    mine = theirs = 0
    read = (0, 0)
    shown = 0
    for step, amount in steps:
        if step == "mine":
            use(ledger, who, amount)
            mine += amount
        elif step == "theirs":
            theirs += amount
        elif step == "read":
            read = (mine, theirs)
        else:
            shown = read[1]
            who = written(sum(read), tokens=10**6, me=read[0], other=read[1])
            ledger.headers(who, 0.0)
        assert isinstance(ledger.reserve(who, 10**6 - mine - shown + 1, 0.0, NOON), Problem)
        fits = ledger.reserve(who, 10**6 - mine - shown, 0.0, NOON)
        assert isinstance(fits, Reservation)
        ledger.settle(fits, 0, 0, 0.0)
