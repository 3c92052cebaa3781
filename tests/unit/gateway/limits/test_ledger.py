"""What a tenant may still send, and what it has used."""

from collections import deque
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_gateway.directory import Caller, TenantLimits
from tidegate_gateway.errors import Problem
from tidegate_gateway.limits.account import SLICE_SECONDS, WINDOW_SECONDS, Reservation
from tidegate_gateway.limits.ledger import Ledger

WALL = 1795255200.0


def caller(tenant: str = "team", created: float = 0.0, key: str = "a", **limits: Any) -> Caller:
    return Caller(key * 64, "ns", tenant, "high", -100, None, created, limits=TenantLimits(**limits))


def admit(ledger: Ledger, who: Caller, now: float, tokens: int = 1) -> Reservation:
    found = ledger.reserve(who, tokens, now, WALL)
    assert isinstance(found, Reservation), found
    return found


def refuse(ledger: Ledger, who: Caller, now: float, tokens: int = 1) -> Problem:
    found = ledger.reserve(who, tokens, now, WALL)
    assert isinstance(found, Problem)
    assert found.status == 429
    return found


def seconds(problem: Problem) -> int:
    return int(dict(problem.headers)["retry-after"])


def test_without_limits_everything_is_admitted_and_no_header_is_sent() -> None:
    ledger, who = Ledger(), caller()
    for _ in range(1000):
        admit(ledger, who, 0.0, 10**6)
    assert ledger.headers(who, 0.0) == b""


def test_the_request_after_the_last_of_a_minute_is_refused_until_the_first_has_left() -> None:
    ledger, who = Ledger(), caller(requests_per_minute=3)
    for now in (0.0, 10.0, 20.0):
        admit(ledger, who, now)
    problem = refuse(ledger, who, 30.5)
    assert (problem.code, problem.kind, seconds(problem)) == ("rate_limit_exceeded", "requests", 30)
    assert "3 requests per minute" in problem.message
    refuse(ledger, who, 59.9)
    admit(ledger, who, 60.0)
    refuse(ledger, who, 60.0)


def test_a_request_waits_until_enough_tokens_have_left() -> None:
    ledger, who = Ledger(), caller(tokens_per_minute=100)
    for now in (0.0, 10.0, 20.0):
        admit(ledger, who, now, 30)
    problem = refuse(ledger, who, 20.0, 50)
    assert (problem.code, problem.kind, seconds(problem)) == ("rate_limit_exceeded", "tokens", 50)
    assert "100 tokens per minute, 90 are used, and this request needs about 50" in problem.message
    admit(ledger, who, 20.0, 10)
    admit(ledger, who, 70.0, 50)


def test_what_keeps_both_limits_decides_how_long_to_wait() -> None:
    ledger, who = Ledger(), caller(requests_per_minute=2, tokens_per_minute=100)
    admit(ledger, who, 0.0, 10)
    admit(ledger, who, 30.0, 90)
    assert seconds(refuse(ledger, who, 40.0, 1)) == 20
    assert seconds(refuse(ledger, who, 40.0, 50)) == 50


def test_requests_at_a_time_are_those_not_yet_settled() -> None:
    ledger, who = Ledger(), caller(concurrency=2)
    first, _ = admit(ledger, who, 0.0), admit(ledger, who, 0.0)
    problem = refuse(ledger, who, 100.0)
    assert "2 requests at a time" in problem.message
    assert seconds(problem) == 1
    ledger.settle(first, 1, 1, 100.0)
    admit(ledger, who, 100.0)
    refuse(ledger, who, 100.0)


def test_a_request_larger_than_the_limit_is_told_both_numbers_and_not_to_come_again() -> None:
    ledger, who = Ledger(), caller(tokens_per_minute=1000)
    problem = refuse(ledger, who, 0.0, 1001)
    assert "about 1001 tokens, more than the 1000" in problem.message
    assert "retry-after" not in dict(problem.headers)
    assert dict(problem.headers)["x-should-retry"] == "false"
    admit(ledger, who, 0.0, 1000)


@pytest.mark.parametrize(
    "limits",
    [{"requests_per_minute": 0}, {"concurrency": 0}, {"tokens_per_minute": 0}],
    ids=["no requests", "none at a time", "no tokens"],
)
def test_a_limit_of_zero_refuses_all_and_promises_nothing(limits: dict[str, int]) -> None:
    problem = refuse(Ledger(), caller(**limits), 0.0)
    assert "retry-after" not in dict(problem.headers)
    assert " 0 " in problem.message


def test_keys_share_what_their_tenant_may_use_and_tenants_do_not() -> None:
    ledger = Ledger()
    admit(ledger, caller(requests_per_minute=1, key="a"), 0.0)
    refuse(ledger, caller(requests_per_minute=1, key="b"), 0.0)
    admit(ledger, caller(tenant="other", requests_per_minute=1), 0.0)
    admit(ledger, replace(caller(requests_per_minute=1), namespace="elsewhere"), 0.0)


def test_what_was_reserved_too_much_goes_back_to_its_moment() -> None:
    ledger, who = Ledger(), caller(tokens_per_minute=100)
    early = admit(ledger, who, 0.0, 60)
    admit(ledger, who, 30.0, 40)
    ledger.settle(early, 10, 10, 31.0)
    admit(ledger, who, 31.0, 40)
    refuse(ledger, who, 31.0)
    # Only the 20 that were used leave the window with the first request.
    admit(ledger, who, 60.0, 20)
    refuse(ledger, who, 60.0)


def test_what_was_used_too_much_counts_from_the_end() -> None:
    ledger, who = Ledger(), caller(tokens_per_minute=100)
    long = admit(ledger, who, 0.0, 10)
    ledger.settle(long, 50, 50, 100.0)
    assert seconds(refuse(ledger, who, 100.0, 11)) == 60
    admit(ledger, who, 100.0, 10)
    admit(ledger, who, 160.0, 100)


def test_a_settlement_that_comes_after_the_window_gives_nothing_back() -> None:
    ledger, who = Ledger(), caller(tokens_per_minute=100)
    slow = admit(ledger, who, 0.0, 100)
    admit(ledger, who, 60.0, 100)
    ledger.settle(slow, 0, 0, 61.0)
    refuse(ledger, who, 61.0)


def test_a_late_look_at_the_window_brings_nothing_back() -> None:
    """Work that is done in steps has an older time than requests that come in between."""
    ledger, who = Ledger(), caller(tokens_per_minute=100)
    early = admit(ledger, who, 0.0, 50)
    admit(ledger, who, 10.0, 10)
    account = ledger.accounts["ns", "team"]
    account.expire(60.0)
    account.expire(59.5)
    ledger.settle(early, 0, 0, 60.0)
    assert account.tokens.used == 10


def test_settling_twice_is_settling_once() -> None:
    ledger, who = Ledger(), caller(tokens_per_minute=100, concurrency=1)
    held = admit(ledger, who, 0.0, 100)
    for _ in range(3):
        ledger.settle(held, 30, 20, 1.0)
    admit(ledger, who, 1.0, 50)
    refuse(ledger, who, 1.0)
    (totals,) = ledger.usage()
    assert (totals.requests, totals.prompt_tokens, totals.completion_tokens) == (2, 30, 20)


def test_a_lower_limit_holds_at_once_and_counts_what_is_used_and_open() -> None:
    ledger = Ledger()
    for _ in range(5):
        admit(ledger, caller(), 0.0, 10)
    refuse(ledger, caller(requests_per_minute=5), 1.0)
    refuse(ledger, caller(tokens_per_minute=50), 1.0)
    refuse(ledger, caller(concurrency=5), 1.0)
    admit(ledger, caller(requests_per_minute=6, tokens_per_minute=51, concurrency=6), 1.0)
    admit(ledger, caller(requests_per_minute=7), 1.0)
    refuse(ledger, caller(requests_per_minute=7), 59.9)


def test_who_has_not_called_for_a_minute_is_forgotten_but_not_what_they_used() -> None:
    ledger, who = Ledger(), caller(requests_per_minute=1)
    held = admit(ledger, who, 0.0)
    ledger.tidy(60.0, WALL)
    assert ledger.accounts, "its request is still open"
    ledger.settle(held, 3, 4, 61.0)
    ledger.tidy(121.0, WALL)
    assert not ledger.accounts
    assert ledger.headers(who, 121.0) == b""
    admit(ledger, who, 122.0)
    (totals,) = ledger.usage()
    assert (totals.requests, totals.tokens) == (2, 7)


def test_a_tenant_that_was_deleted_and_made_again_begins_anew() -> None:
    ledger = Ledger()
    old = admit(ledger, caller(created=1.0, requests_per_minute=1), 0.0)
    admit(ledger, caller(created=2.0, requests_per_minute=1), 0.0)
    ledger.settle(old, 5, 5, 0.0)
    (totals,) = ledger.usage()
    assert (totals.created, totals.requests, totals.tokens) == (2.0, 1, 0)
    refuse(ledger, caller(created=2.0, requests_per_minute=1), 0.0)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (
            {"requests_per_minute": 60, "tokens_per_minute": 1000},
            [
                "x-ratelimit-limit-requests: 60",
                "x-ratelimit-remaining-requests: 58",
                "x-ratelimit-reset-requests: 50s",
                "x-ratelimit-limit-tokens: 1000",
                "x-ratelimit-remaining-tokens: 850",
                "x-ratelimit-reset-tokens: 50s",
            ],
        ),
        (
            {"requests_per_minute": 60},
            [
                "x-ratelimit-limit-requests: 60",
                "x-ratelimit-remaining-requests: 58",
                "x-ratelimit-reset-requests: 50s",
            ],
        ),
        (
            {"tokens_per_minute": 1000},
            [
                "x-ratelimit-limit-tokens: 1000",
                "x-ratelimit-remaining-tokens: 850",
                "x-ratelimit-reset-tokens: 50s",
            ],
        ),
        ({"concurrency": 9}, []),
    ],
    ids=["both", "requests only", "tokens only", "nothing by the minute"],
)
def test_headers_say_what_is_left_and_when_all_is_back(limits: dict[str, int], expected: list[str]) -> None:
    ledger, who = Ledger(), caller(**limits)
    admit(ledger, who, 0.0, 100)
    admit(ledger, who, 20.0, 50)
    assert ledger.headers(who, 30.0) == "".join(f"{line}\r\n" for line in expected).encode()


def test_a_reset_is_written_as_a_duration() -> None:
    ledger, who = Ledger(), caller(requests_per_minute=5)
    # A time at which sums of floats do not come out even.
    admit(ledger, who, 100000.1)
    resets = [
        ledger.headers(who, now).decode().split()[-1] for now in (100000.1, 100000.2, 100058.9, 100161.0)
    ]
    assert resets == ["1m0s", "1m0s", "2s", "0s"]


def test_a_refusal_carries_the_headers_too() -> None:
    ledger, who = Ledger(), caller(requests_per_minute=1)
    admit(ledger, who, 0.0)
    assert dict(refuse(ledger, who, 0.0).headers) == {
        "retry-after": "60",
        "x-ratelimit-limit-requests": "1",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "1m0s",
    }


# Fractions of two: their sums are exact, so that a moment is before or after another for certain.
TICK = 1 / 1024
SECONDS = st.sampled_from([0.0, TICK, 0.125, 0.25 - TICK, 0.25, 1.0, 7.0, 30 - TICK, 60.0])
STEPS = st.lists(st.tuples(SECONDS, st.integers(1, 60)), max_size=300)


@settings(deadline=None, max_examples=200)
@given(steps=STEPS, requests=st.integers(1, 8), tokens=st.integers(60, 150))
def test_no_minute_holds_more_than_the_limits_and_hardly_less(
    steps: list[tuple[float, int]], requests: int, tokens: int
) -> None:
    """Against a log of every request: never more, and no refusal that the log would not have made a slice earlier."""
    ledger, who = Ledger(), caller(requests_per_minute=requests, tokens_per_minute=tokens)
    log: deque[tuple[float, int]] = deque()
    now = 0.0
    for step, size in steps:
        now += step
        admitted = isinstance(ledger.reserve(who, size, now, WALL), Reservation)
        if admitted:
            log.append((now, size))
        last = [entry for entry in log if entry[0] > now - WINDOW_SECONDS]
        assert len(last) <= requests
        assert sum(entry[1] for entry in last) <= tokens
        if not admitted:
            longer = [entry for entry in log if entry[0] > now - WINDOW_SECONDS - SLICE_SECONDS]
            assert len(longer) >= requests or sum(entry[1] for entry in longer) + size > tokens


@settings(deadline=None, max_examples=200)
@given(steps=STEPS, requests=st.integers(1, 8), tokens=st.integers(60, 150))
def test_who_waits_as_long_as_told_is_served_if_nobody_else_comes(
    steps: list[tuple[float, int]], requests: int, tokens: int
) -> None:
    ledger, who = Ledger(), caller(requests_per_minute=requests, tokens_per_minute=tokens)
    now = 0.0
    for step, size in steps:
        now += step
        found = ledger.reserve(who, size, now, WALL)
        if isinstance(found, Problem):
            now += seconds(found)
            admit(ledger, who, now, size)


@settings(deadline=None, max_examples=200)
@given(steps=st.lists(st.tuples(SECONDS, st.integers(0, 50), st.none() | st.integers(0, 80)), max_size=100))
def test_once_all_is_settled_the_window_holds_what_was_used_and_then_nothing(
    steps: list[tuple[float, int, int | None]],
) -> None:
    ledger, who = Ledger(), caller(tokens_per_minute=10**6)
    held: deque[Reservation] = deque()
    now, spent = 0.0, 0
    for step, size, use in steps:
        now += step
        if use is None or not held:
            held.append(admit(ledger, who, now, size))
        else:
            ledger.settle(held.popleft(), use, 0, now)
            spent += use
    for reservation in held:
        ledger.settle(reservation, 1, 1, now)
    account = ledger.accounts.get(("ns", "team"))
    if account is not None:
        assert (account.concurrency.used, account.reserved) == (0, 0)
        assert account.tokens.used >= 0
        account.expire(now + WINDOW_SECONDS)
        assert (account.requests.used, account.tokens.used) == (0, 0)
        assert account.totals.tokens == spent + 2 * len(held)
