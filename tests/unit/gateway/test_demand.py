"""When a pool without workers is marked as asked for."""

from math import inf

import pytest

from tidegate_gateway.demand import AGAIN_SECONDS, Demand
from tidegate_gateway.stamps import rfc3339
from tidegate_gateway.waking import marks

CHAT, EMBED = ("ns", "chat"), ("ns", "embed")
SHARED = (*CHAT, "shared")


def asked(*pools: tuple[str, str, str]) -> Demand:
    demand = Demand()
    for pool in pools:
        demand.ask(pool)
    return demand


def written(*pools: tuple[str, str, str], now: float = 0.0) -> Demand:
    demand = asked(*pools)
    for service, names in demand.due((), now).items():
        demand.written(service, names, "then", now)
    return demand


def test_the_first_request_is_due_at_once_and_is_news_once() -> None:
    demand, news = Demand(), []
    demand.on_ask = lambda: news.append("asked")
    for _ in range(3):
        demand.ask(SHARED)
    assert news == ["asked"]
    assert demand.next_at() == -inf
    assert demand.due((), 0.0) == {CHAT: ["shared"]}
    assert demand.wakes == {SHARED: 1}


def test_pools_of_one_service_are_marked_together() -> None:
    demand = asked(SHARED, (*CHAT, "high"), (*EMBED, "shared"))
    assert demand.due((), 0.0) == {CHAT: ["shared", "high"], EMBED: ["shared"]}


def test_nothing_is_due_while_nobody_asks() -> None:
    assert (Demand().due((), 0.0), Demand().next_at()) == ({}, inf)


@pytest.mark.parametrize(
    ("held", "again", "due"),
    [({SHARED}, False, True), (set(), True, True), (set(), False, False)],
    ids=["as long as a request is held", "when one was refused meanwhile", "not once nobody asks any more"],
)
def test_a_mark_is_renewed(held: set[tuple[str, str, str]], again: bool, due: bool) -> None:
    demand = written(SHARED)
    if again:
        demand.ask(SHARED)
    assert demand.next_at() == AGAIN_SECONDS
    assert demand.due(held, AGAIN_SECONDS - 0.1) == {}
    assert demand.due(held, AGAIN_SECONDS) == ({CHAT: ["shared"]} if due else {})
    assert (SHARED in demand.marks) is due
    assert demand.wakes == {SHARED: 1}


def test_who_asks_after_there_was_a_worker_is_the_first_again() -> None:
    demand = written(SHARED, (*CHAT, "high"))
    demand.keep(lambda pool: pool != SHARED)
    demand.ask(SHARED)
    assert demand.due((), 1.0) == {CHAT: ["shared"]}
    assert demand.wakes == {SHARED: 2, (*CHAT, "high"): 1}


def test_a_failure_is_news_once_and_tried_again_less_and_less_often() -> None:
    demand, now, waits, news = asked(SHARED), 0.0, [], []
    for _ in range(8):
        ((service, pools),) = demand.due((), now).items()
        news.append(demand.failed(service, pools, now))
        waits.append(demand.next_at() - now)
        now = demand.next_at()
    assert news == [True] + [False] * 7
    assert waits == [0.25, 0.5, 1, 2, 4, 8, 10, 10]
    demand.written(CHAT, ["shared"], "now", now)
    assert demand.next_at() == now + AGAIN_SECONDS
    assert demand.failed(CHAT, ["shared"], now)


def test_what_is_written_of_a_pool_that_was_forgotten_meanwhile_is_nothing() -> None:
    demand = asked(SHARED)
    demand.keep(lambda _: False)
    demand.written(CHAT, ["shared"], "now", 0.0)
    demand.failed(CHAT, ["shared"], 0.0)
    assert demand.next_at() == inf


def test_a_mark_names_its_moment_and_leaves_those_of_other_gateways() -> None:
    known = {
        "high": "2026-11-21T10:00:01Z",
        "low": "2026-11-21T09:00:00Z",
        "medium": "soon",
        "shared": "2026-11-21T10:00:00Z",
    }
    assert marks(known, {"shared": rfc3339(1795255200.25 + 30)}) == [
        {"pool": "high", "requestedAt": "2026-11-21T10:00:01Z"},
        {"pool": "shared", "requestedAt": "2026-11-21T10:00:30.250Z"},
    ]


def test_a_pool_that_was_marked_is_told_again_beside_one_that_is_new() -> None:
    demand = written(SHARED, (*EMBED, "shared"))
    demand.ask((*CHAT, "high"))
    assert demand.due((), 1.0) == {CHAT: ["high"]}
    assert demand.stamps(CHAT) == {"shared": "then"}
