"""What metrics and status show."""

from dataclasses import replace

import pytest

from tidegate_gateway.directory import DEFAULT_CLASSES
from tidegate_gateway.qos.errors import Overloaded
from tidegate_gateway.qos.figures import Demand
from unit.gateway.qos.rig import Rig, dedicated


def demand(rig: Rig, pool: str = "shared") -> Demand:
    return next(figures.demand for figures in rig.dispatcher.figures() if figures.name == pool)


def test_credits_and_requests_of_a_pool() -> None:
    rig = Rig(shared=[100, 200])
    for _ in range(4):
        rig.submit("medium")
    (pool,) = rig.dispatcher.figures()
    assert (pool.name, pool.credits_used, pool.credits_limit) == ("shared", 300, 300)
    figures = rig.figures("shared", "medium")
    assert (figures.queued, figures.running) == (1, 3)
    assert (figures.admitted_requests, figures.admitted_tokens, figures.spilled) == (3, 300, 0)


def test_a_share_is_of_the_tokens_of_the_last_minute() -> None:
    rig = Rig(shared=[10_000])
    assert rig.figures("shared", "high").share is None
    rig.end(rig.submit("high", 300))
    rig.end(rig.submit("low", 100))
    assert rig.figures("shared", "high").share == 0.75
    rig.wait(30)
    rig.end(rig.submit("low", 200))
    assert rig.figures("shared", "high").share == 0.5
    rig.wait(40)
    assert rig.figures("shared", "high").share == 0.0
    assert rig.figures("shared", "low").share == 1.0
    rig.wait(30)
    assert rig.figures("shared", "low").share is None


def test_classes_are_shown_where_they_are_at_home_or_were_served() -> None:
    rig = Rig(classes=dedicated(high=0.7), high=[100], shared=[100])
    names = {pool.name: [c.name for c in pool.classes] for pool in rig.dispatcher.figures()}
    assert names == {"high": ["high"], "shared": ["medium", "low"]}
    for _ in range(2):
        rig.submit("low")
    rig.submit("low")
    names = {pool.name: [c.name for c in pool.classes] for pool in rig.dispatcher.figures()}
    assert names == {"high": ["high", "low"], "shared": ["medium", "low"]}
    assert (rig.figures("high", "low").running, rig.figures("high", "low").queued) == (1, 0)
    assert rig.figures("shared", "low").queued == 1


def test_a_pool_that_is_gone_is_shown_until_its_last_request_has_ended() -> None:
    rig = Rig(shared=[100], old=[100])
    rig.submit("low")
    last = rig.submit("low")
    rig.update(old=[])
    assert {pool.name for pool in rig.dispatcher.figures()} == {"shared", "old"}
    rig.end(last)
    rig.update()
    assert {pool.name for pool in rig.dispatcher.figures()} == {"shared"}


def test_what_came_and_what_waits_is_counted_with_its_tokens() -> None:
    rig = Rig(shared=[100], max_queue=1)
    rig.submit("medium", 60)
    rig.submit("low", 40)
    waiting = rig.submit("low", 41)
    assert waiting.waits
    with pytest.raises(Overloaded):
        rig.submit("low", 20)
    assert demand(rig) == Demand(4, 30 + 20 + 20 + 10, queued_prompt_tokens=20, queued_output_tokens=21)


def test_the_tokens_of_an_answer_are_counted_once_it_has_ended() -> None:
    rig = Rig(shared=[100])
    running, waiting = rig.submit("medium"), rig.submit("medium")
    rig.dispatcher.end(waiting, rig.now, 0)
    for _ in range(2):
        rig.dispatcher.end(running, rig.now, 7)
    assert (demand(rig).finished_requests, demand(rig).finished_output_tokens) == (1, 7)


@pytest.mark.parametrize(
    ("objective", "after", "late"),
    [(0.5, 0.5, 0), (0.5, 0.6, 1), (None, 3600.0, 0)],
    ids=["in time", "too late", "without an objective nothing is late"],
)
def test_streams_that_began_late_are_counted(objective: float | None, after: float, late: int) -> None:
    medium = DEFAULT_CLASSES["medium"]
    if objective is not None:
        medium = replace(medium, ttft_seconds=objective)
    rig = Rig(classes={"medium": medium}, shared=[100])
    ticket = rig.submit("medium")
    rig.now += after
    for _ in range(2):
        rig.first_byte(ticket)
    assert (demand(rig).first_tokens, demand(rig).late_first_tokens) == (1, late)


def test_demand_is_that_of_the_pool_where_a_class_is_at_home_wherever_it_is_served() -> None:
    rig = Rig(classes=dedicated(high=0.7), high=[100], shared=[100])
    borrowing = [rig.submit("low", 100) for _ in range(2)]
    assert [ticket.pool for ticket in borrowing] == ["shared", "high"]
    for ticket in borrowing:
        rig.first_byte(ticket)
        rig.dispatcher.end(ticket, rig.now, 5)
    assert demand(rig) == Demand(2, 100, 2, 10, 2)
    assert demand(rig, "high") == Demand()


def test_a_pool_that_was_never_used_and_one_that_sleeps_are_shown() -> None:
    rig = Rig(classes=dedicated(high=0.7), shared=[])
    assert {pool.name: pool.demand for pool in rig.dispatcher.figures()} == {
        "high": Demand(),
        "shared": Demand(),
    }
