"""Workers that cannot be read for long count as full: they hold up nobody who was read, and never count as idle."""

from dataclasses import replace

import pytest

from tidegate_operator.scaling.facts import Sample, Supply
from tidegate_operator.scaling.replay import Record, dump, load
from tidegate_operator.scaling.retire import Retiree, retire
from unit.operator.scaling.pools import COLD_START, Loop, policy, reasons, sample, term, warm

UNREADABLE = "w0"


def partly(loop: Loop, at_once: int = 0, silent: tuple[str, ...] = (UNREADABLE,), unread: int = 1) -> Sample:
    """What is measured of a pool of which the first workers cannot be read, those named for long."""
    whole = sample(loop.now + 10, loop.ready, at_once)
    return replace(whole, workers=(whole.workers or ())[unread:] or None, silent=silent)


def four() -> Loop:
    """A pool of four, as many as its load has needed."""
    loop = warm(4, 160)
    assert loop.replicas == 4
    return loop


def run(loop: Loop, seconds: float, at_once: int = 0, silent: tuple[str, ...] = (UNREADABLE,)) -> Loop:
    for _ in range(int(seconds // 10)):
        loop.tick(seen=partly(loop, at_once, silent))
    return loop


def test_the_others_go_when_nobody_asks_and_one_that_was_read_stays_beside_it() -> None:
    loop = run(four(), 3600)
    assert loop.replicas == 2
    assert term(loop.decisions[-1], "Concurrency") == pytest.approx(1.0)


def test_one_that_was_not_read_just_now_keeps_all() -> None:
    loop = run(four(), 3600, silent=())
    assert loop.replicas == 4
    assert "HeldMissingMetrics" in reasons(loop.decisions[-1])


@pytest.mark.parametrize(("silent", "left"), [(("w0",), 4), (("w0", "w1"), 3)], ids=["one of them", "both"])
def test_all_that_are_not_read_have_to_be_known_as_silent(silent: tuple[str, ...], left: int) -> None:
    loop = four()
    for _ in range(360):
        loop.tick(seen=partly(loop, silent=silent, unread=2))
    assert loop.replicas == left


def test_where_none_is_read_none_goes() -> None:
    loop = warm(3, 90)
    names = tuple(f"w{index}" for index in range(3))
    for _ in range(360):
        loop.tick(seen=partly(loop, silent=names, unread=3))
    assert loop.replicas == 3


def test_a_pool_does_not_sleep_while_one_may_be_busy() -> None:
    loop = run(warm(2, 60, min_replicas=0, idle_seconds=600.0), 7200)
    assert loop.replicas >= 1
    assert "is not known" in loop.decisions[-1].message


def test_what_the_gateways_say_still_leads_up_and_counts_no_request_twice() -> None:
    busy = run(four(), 600, at_once=160)
    full = four()
    full.run(600, 160)
    assert busy.replicas == full.replicas
    assert run(busy, 600, at_once=300).replicas > 4


def test_a_name_that_was_read_is_not_silent() -> None:
    loop = warm(3, 90)
    for _ in range(360):
        whole = sample(loop.now + 10, loop.ready)
        loop.tick(seen=replace(whole, silent=("w0",)))
    assert loop.replicas == 1


def test_of_two_without_requests_the_one_that_was_read_goes() -> None:
    unread, idle = Retiree("a", True, 0, False, None), Retiree("b", True, 0, False, None, 0.6)
    assert retire([unread, idle], 1, 300.0, 1000.0).mark == ("b",)


def test_a_record_keeps_who_was_silent() -> None:
    loop = run(four(), 10)
    decision, seen = loop.decisions[-1], partly(loop)
    record = Record("ns/a", "shared", seen, Supply(4, 4), policy(), COLD_START, loop.now, None, decision)
    assert load(dump(record)).sample.silent == (UNREADABLE,)
