"""When a pool without workers is marked as asked for."""

from math import inf

import pytest

from tidegate_gateway.demand import AGAIN_SECONDS, Demand, Pool

SHARED, HIGH, OTHER = ("ns", "chat", "shared"), ("ns", "chat", "high"), ("ns", "embed", "shared")


def asked(*pools: Pool) -> Demand:
    demand = Demand()
    for pool in pools:
        demand.ask(pool)
    return demand


def written(*pools: Pool) -> Demand:
    demand = asked(*pools)
    for pool in demand.due((), 0.0):
        demand.written(pool, 0.0)
    return demand


def test_the_first_request_is_due_at_once_and_is_news_once() -> None:
    demand, news = Demand(), []
    demand.on_ask = lambda: news.append("asked")
    for _ in range(3):
        demand.ask(SHARED)
    assert news == ["asked"]
    assert demand.next_at() == -inf
    assert demand.due((), 0.0) == [SHARED]
    assert demand.wakes == {SHARED: 1}


def test_all_pools_that_are_asked_for_are_due_at_the_same_time() -> None:
    demand = asked(SHARED, HIGH, OTHER)
    assert demand.due((), 0.0) == [SHARED, HIGH, OTHER]


def test_nothing_is_due_while_nobody_asks() -> None:
    assert (Demand().due((), 0.0), Demand().next_at()) == ([], inf)


@pytest.mark.parametrize(
    ("held", "again", "due"),
    [({SHARED}, False, True), (set(), True, True), (set(), False, False)],
    ids=["as long as a request is held", "when one was refused meanwhile", "not once nobody asks any more"],
)
def test_a_mark_is_renewed(held: set[Pool], again: bool, due: bool) -> None:
    demand = written(SHARED)
    if again:
        demand.ask(SHARED)
    assert demand.next_at() == AGAIN_SECONDS
    assert demand.due(held, AGAIN_SECONDS - 0.1) == []
    assert demand.due(held, AGAIN_SECONDS) == ([SHARED] if due else [])
    assert (SHARED in demand.marks) is due
    assert demand.wakes == {SHARED: 1}


def test_who_asks_after_there_was_a_worker_is_the_first_again() -> None:
    demand = written(SHARED, HIGH)
    demand.keep(lambda pool: pool != SHARED)
    demand.ask(SHARED)
    assert demand.due((), 1.0) == [SHARED]
    assert demand.wakes == {SHARED: 2, HIGH: 1}


def test_a_failure_is_news_once_and_tried_again_less_and_less_often() -> None:
    demand, now, waits, news = asked(SHARED), 0.0, [], []
    for _ in range(8):
        [pool] = demand.due((), now)
        news.append(demand.failed(pool, now))
        waits.append(demand.next_at() - now)
        now = demand.next_at()
    assert news == [True] + [False] * 7
    assert waits == [0.25, 0.5, 1, 2, 4, 8, 10, 10]
    demand.written(SHARED, now)
    assert demand.next_at() == now + AGAIN_SECONDS
    assert demand.failed(SHARED, now)


def test_what_is_written_of_a_pool_that_was_forgotten_meanwhile_is_nothing() -> None:
    demand = asked(SHARED)
    demand.keep(lambda _: False)
    demand.written(SHARED, 0.0)
    demand.failed(SHARED, 0.0)
    assert demand.next_at() == inf


def test_a_pool_that_is_new_is_due_without_the_one_that_was_marked() -> None:
    demand = written(SHARED, OTHER)
    demand.ask(HIGH)
    assert demand.due((), 1.0) == [HIGH]
