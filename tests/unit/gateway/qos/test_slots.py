"""Engines that take requests as they arrive: what has no slot there waits here, where the classes are known."""

import pytest

from unit.gateway.qos.rig import Rig, heard

SIZES = [1, 100, 50_000]


@pytest.mark.parametrize("tokens", SIZES)
@pytest.mark.parametrize("slots", [1, 2, 4])
def test_an_engine_gets_as_many_requests_as_it_runs_whatever_their_size(slots: int, tokens: int) -> None:
    rig = Rig(slots=slots, shared=[1000])
    sent = [rig.submit("low", tokens) for _ in range(slots)]
    assert all(ticket.endpoint is not None for ticket in sent)
    waiting = rig.submit("low", tokens)
    assert waiting.endpoint is None
    rig.end(sent[0])
    assert heard(waiting) == ["dispatched shared-0"]


@pytest.mark.parametrize("tokens", SIZES)
def test_lower_classes_leave_the_last_slot_while_class_high_is_in_use(tokens: int) -> None:
    rig = Rig(slots=3, shared=[1000])
    rig.end(rig.submit("high", tokens))
    low = [rig.submit("low", tokens) for _ in range(3)]
    assert [ticket.endpoint is not None for ticket in low] == [True, True, False]
    assert rig.submit("high", tokens).endpoint is not None


def test_the_one_slot_of_an_engine_is_for_all_classes() -> None:
    rig = Rig(slots=1, shared=[1000])
    rig.end(rig.submit("high"))
    assert rig.submit("low").endpoint is not None


def test_a_slot_that_comes_free_goes_to_the_higher_class_though_it_came_later() -> None:
    rig = Rig(slots=2, shared=[1000])
    running = [rig.submit("high"), rig.submit("high")]
    low, high = rig.submit("low"), rig.submit("high")
    assert (low.endpoint, high.endpoint) == (None, None)
    rig.end(running[0])
    assert (heard(low), heard(high)) == ([], ["dispatched shared-0"])


def test_what_such_an_engine_reports_changes_nothing() -> None:
    rig = Rig(slots=2, shared=[1000])
    for _ in range(2):
        rig.submit("low")
    rig.wait(5)
    rig.report(rig.endpoints["shared"][0], running=1, waiting=9, kv_used=0.99)
    assert rig.submit("low").endpoint is None


def test_slots_that_another_gateway_leaves_are_used_at_once() -> None:
    rig = Rig(slots=1, shared=[1000])
    rig.submit("low")
    waiting = rig.submit("low")
    assert waiting.endpoint is None
    rig.slots = 2
    rig.update(shared=[1000])
    rig.turn()
    assert heard(waiting) == ["dispatched shared-0"]
