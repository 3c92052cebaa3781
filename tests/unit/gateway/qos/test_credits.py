"""How many tokens may be in flight at one worker."""

from dataclasses import dataclass
from math import inf
from typing import Any

import pytest

from tidegate_gateway.directory import Worker
from tidegate_gateway.qos.credits import (
    LEAST_TOKENS,
    START_TOKENS,
    Account,
    adjust,
    first_limit,
    settle,
)
from tidegate_gateway.routing.endpoint import Endpoint, Report

NOW = 1000.0


def account(limit: float = 10_000, requests: int = 10, tokens: int = 10_000, knee: float = 0.0) -> Account:
    endpoint = Endpoint(Worker("u", "ns", "chat", "w", "10.0.0.1"), 0, limit)
    endpoint.requests, endpoint.tokens = requests, tokens
    made = Account(endpoint)
    made.knee = knee
    return made


def report(**fields: Any) -> Report:
    values = {"at": NOW, "running": 10, "waiting": 0, "kv_used": 0.05, "preemptions": 0} | fields
    return Report(**values)


@dataclass(frozen=True)
class Case:
    says: str
    account: dict[str, Any]
    report: dict[str, Any]
    # The limit once everything in flight has ended.
    want: float
    starved_at: float = -inf

    def __str__(self) -> str:
        return self.says


CASES = [
    Case("doubles until saturation is first seen", {}, {}, 20_000),
    Case("does not grow where credits are left", {"tokens": 5000}, {}, 10_000),
    Case("grows where somebody found none", {"tokens": 5000}, {}, 20_000, starved_at=NOW - 1),
    Case("holds while two wait", {}, {"waiting": 2}, 10_000),
    Case("holds while memory is nearly full", {}, {"kv_used": 0.9}, 10_000),
    Case("grows to what would fill the memory", {}, {"kv_used": 0.6}, 15_000),
    Case("grows beyond what was estimated of it", {}, {"kv_used": 0.3, "kv_tokens": 12_000}, 20_000),
    Case("grows to its size while too little is in it to tell", {}, {"kv_tokens": 12_000}, 12_000),
    Case("stays where memory would not even hold what is in flight", {}, {"kv_tokens": 9000}, 10_000),
    Case("grows near the knee by one request", {"knee": 10_000.0}, {}, 11_000),
    Case("grows far below the knee by an eighth of the way", {"knee": 26_000.0}, {}, 12_000),
    Case("grows far above the knee faster and faster", {"knee": 1000.0}, {}, 11_125),
    Case("cuts the part that waits", {"knee": 1.0}, {"running": 90, "waiting": 10}, 9000),
    Case("cuts a fifth at most", {"knee": 1.0}, {"running": 10, "waiting": 10}, 8000),
    Case("cuts a fifth if memory was taken back", {"knee": 1.0}, {"preemptions": 1}, 8000),
    Case("the first cut may be a half", {}, {"running": 10, "waiting": 90}, 5000),
    Case(
        "cuts what is in flight, not what nobody used",
        {"tokens": 2000, "knee": 1.0},
        {"preemptions": 1},
        1600,
    ),
    Case("does not cut for what others sent", {"requests": 0, "tokens": 0}, {"waiting": 9}, 10_000),
    Case("keeps a least", {"tokens": 10}, {"waiting": 9, "running": 0}, LEAST_TOKENS),
    Case("ignores what is old and crowded", {}, {"at": NOW - 6, "waiting": 9}, 10_000),
    Case("ignores what is old and idle", {}, {"at": NOW - 6}, 10_000),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_report(case: Case) -> None:
    made = account(**case.account)
    made.preemptions = 0
    # Long enough for whoever waits.
    made.crowded_since = 0.0
    grew = adjust(made, report(**case.report), case.starved_at, NOW)
    assert grew == (made.endpoint.limit_tokens > 10_000)
    while made.target:
        settle(made, 1000, NOW)
    assert made.endpoint.limit_tokens == pytest.approx(case.want)


def test_a_burst_that_is_gone_with_the_next_report_is_no_reason_to_cut() -> None:
    made = account()
    for seconds, waiting, limit in [(0, 9, 10_000), (1, 0, 20_000), (2, 9, 20_000), (3, 9, 5000)]:
        adjust(made, report(at=NOW + seconds, waiting=waiting, running=1), -inf, NOW + seconds)
        while made.target:
            settle(made, 1000, NOW + seconds)
        assert made.endpoint.limit_tokens == limit


def test_while_it_is_cut_half_of_what_ends_is_replaced() -> None:
    made = account(knee=1.0)
    made.crowded_since = 0.0
    adjust(made, report(running=5, waiting=5), -inf, NOW)
    limits = []
    for _ in range(5):
        settle(made, 1000, NOW) if made.target else None
        limits.append(made.endpoint.limit_tokens)
    assert limits == [9500, 9000, 8500, 8000, 8000]


def test_load_that_was_sent_before_a_cut_is_no_reason_for_another() -> None:
    made = account(knee=1.0)
    made.crowded_since = 0.0
    bad = report(running=5, waiting=5)
    adjust(made, bad, -inf, NOW)
    settle(made, 1000, NOW)
    adjust(made, bad, -inf, NOW)
    assert made.target == 8000
    settle(made, 3000, NOW + 3)
    adjust(made, report(running=5, waiting=5, at=NOW + 2.9), -inf, NOW + 3)
    assert made.target == 0
    made.endpoint.tokens = 8000
    adjust(made, report(running=5, waiting=5, at=NOW + 3.1), -inf, NOW + 3.2)
    assert made.target == 6400


def test_reports_with_every_answer_let_it_grow_once_a_second() -> None:
    made = account()
    for tenths in range(10):
        adjust(made, report(at=NOW + tenths / 10), NOW + tenths / 10, NOW + tenths / 10)
    assert made.endpoint.limit_tokens == 40_000


def test_what_an_engine_counted_before_we_came_is_no_sign() -> None:
    made = account()
    adjust(made, report(preemptions=7), -inf, NOW)
    assert made.endpoint.limit_tokens == 20_000


def test_an_engine_that_counts_anew_has_restarted() -> None:
    made = account()
    made.preemptions = 7
    adjust(made, report(preemptions=0), -inf, NOW)
    assert made.endpoint.limit_tokens == 20_000


def test_a_first_report_tells_how_large_the_memory_is() -> None:
    made = account(tokens=0, requests=0)
    adjust(made, report(kv_tokens=8000), -inf, NOW)
    assert made.endpoint.limit_tokens == 8000


def test_a_new_worker_begins_with_half_of_what_its_kind_can_do() -> None:
    new = account(limit=START_TOKENS).endpoint
    unknown = account(limit=500)
    assert first_limit(new, []) == START_TOKENS
    assert first_limit(new, [unknown]) == START_TOKENS
    assert first_limit(new, [unknown, account(limit=9000, knee=1.0), account(limit=8000, knee=1.0)]) == 4000
