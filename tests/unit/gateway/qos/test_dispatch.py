"""Who is sent on, who waits, and who is told what."""

from dataclasses import replace

import pytest

from tidegate_gateway.directory import DEFAULT_CLASSES
from tidegate_gateway.qos.errors import Overloaded
from tidegate_gateway.qos.ticket import Ticket
from unit.gateway.qos.rig import Rig, heard, made


def test_with_credits_a_request_is_sent_on_at_once_and_gives_them_back_once() -> None:
    rig = Rig(shared=[1000])
    endpoint = rig.endpoints["shared"][0]
    ticket = rig.submit("medium", 300)
    assert ticket.endpoint is endpoint
    assert (endpoint.requests, endpoint.tokens) == (1, 300)
    for _ in range(2):
        rig.end(ticket)
        assert (endpoint.requests, endpoint.tokens, endpoint.prefill_tokens) == (0, 0, 0)
    assert heard(ticket) == []


def test_without_credits_it_waits_until_another_ends() -> None:
    rig = Rig(shared=[100])
    first, second = rig.submit("medium"), rig.submit("medium")
    assert second.endpoint is None
    rig.end(first)
    assert heard(second) == ["dispatched shared-0"]


def test_a_request_larger_than_all_credits_is_sent_where_nothing_else_is() -> None:
    rig = Rig(shared=[100])
    giant = rig.submit("low", 5000)
    assert giant.endpoint is not None
    assert rig.submit("medium", 1).endpoint is None


def test_an_endpoint_goes_over_its_credits_by_one_request_at_most() -> None:
    rig = Rig(shared=[1000])
    sent = [ticket for ticket in (rig.submit("medium", 300) for _ in range(9)) if ticket.endpoint]
    assert len(sent) == 4


def test_who_waits_is_sent_to_a_new_worker() -> None:
    rig = Rig(shared=[100])
    rig.submit("medium")
    waiting = rig.submit("medium")
    rig.update(shared=[100, 100])
    assert heard(waiting) == ["dispatched shared-1"]


def test_a_full_queue_says_how_many_wait_and_when_to_come_back() -> None:
    rig = Rig(shared=[100], max_queue=2)
    for _ in range(3):
        rig.submit("medium")
    with pytest.raises(Overloaded) as caught:
        rig.submit("medium")
    assert caught.value.waiting == 2
    # Nothing has been served for as long as is known: at the latest they are refused, after 30 s.
    assert caught.value.retry_after_seconds == 30
    assert rig.figures("shared", "medium").overloaded == 1


def test_when_to_come_back_is_when_those_who_wait_now_will_have_been_served() -> None:
    rig = Rig(shared=[100], max_queue=10)
    running = rig.submit("medium")
    waiting = [rig.submit("medium") for _ in range(10)]
    for _ in range(20):
        rig.wait(1)
        rig.end(running)
        running = waiting.pop(0)
        waiting.append(rig.submit("medium"))
    assert rig.dispatcher.retry_after_seconds("medium") in (10, 11)


def test_a_tenant_that_fills_the_queue_makes_room_for_another() -> None:
    rig = Rig(shared=[100], max_queue=3)
    rig.submit("medium")
    flood = [rig.submit("medium", tenant="flood") for _ in range(3)]
    rig.submit("medium", tenant="other")
    assert [heard(ticket) for ticket in flood] == [[], [], ["overloaded"]]
    with pytest.raises(Overloaded):
        rig.submit("medium", tenant="flood")


def test_a_class_without_a_queue_is_refused_at_once() -> None:
    rig = Rig(shared=[100], max_queue=0)
    rig.submit("low")
    with pytest.raises(Overloaded):
        rig.submit("low")


def test_who_waits_too_long_is_refused() -> None:
    rig = Rig(shared=[100])
    rig.submit("medium")
    waiting = rig.submit("medium")
    rig.wait(29)
    assert heard(waiting) == []
    rig.wait(1)
    assert heard(waiting) == ["expired"]
    assert rig.figures("shared", "medium").expired == 1


def test_a_higher_class_goes_first() -> None:
    rig = Rig(shared=[100])
    running = rig.submit("medium")
    low, medium, high = (rig.submit(name, tenant=name) for name in ("low", "medium", "high"))
    # The slot that is kept for class high.
    assert high.endpoint is not None
    rig.end(high)
    rig.end(running)
    assert (heard(low), heard(medium)) == ([], ["dispatched shared-0"])


def test_a_client_that_leaves_while_it_waits_leaves_the_queue() -> None:
    rig = Rig(shared=[100])
    running, gone, next_one = (rig.submit("medium") for _ in range(3))
    rig.end(gone)
    rig.end(running)
    assert (heard(gone), heard(next_one)) == ([], ["dispatched shared-0"])


def test_a_retry_takes_another_worker_even_without_credits() -> None:
    rig = Rig(shared=[100, 100])
    first, other = rig.submit("medium"), rig.submit("medium")
    assert first.endpoint is not None
    first.excluded = frozenset({first.endpoint.worker.uid})
    assert rig.dispatcher.retry(first, rig.now) is other.endpoint
    assert [endpoint.tokens for endpoint in rig.endpoints["shared"]] == [0, 200]


def test_a_retry_rather_takes_a_worker_with_credits_even_in_another_pool() -> None:
    rig = Rig(shared=[100, 100], old=[100])
    first, _ = rig.submit("medium"), rig.submit("medium")
    assert first.endpoint is not None
    first.excluded = frozenset({first.endpoint.worker.uid})
    assert rig.dispatcher.retry(first, rig.now) is rig.endpoints["old"][0]


@pytest.mark.parametrize(("workers", "goes_to"), [(2, 1), (1, 0)])
def test_a_worker_that_failed_on_a_request_gets_it_again_only_if_there_is_no_other(
    workers: int, goes_to: int
) -> None:
    rig = Rig(shared=[100] * workers)
    ticket = made("medium", 10, rig=rig)
    ticket.excluded = frozenset({"shared-0"})
    assert rig.dispatcher.submit(ticket, rig.now) is rig.endpoints["shared"][goes_to]


def test_a_retry_without_another_worker_has_ended() -> None:
    rig = Rig(shared=[100])
    ticket = rig.submit("medium")
    ticket.excluded = frozenset({"shared-0"})
    assert rig.dispatcher.retry(ticket, rig.now) is None
    assert rig.endpoints["shared"][0].tokens == 0


def test_an_ejected_endpoint_is_used_only_if_all_are() -> None:
    rig = Rig(shared=[100, 100])
    one, other = rig.endpoints["shared"]
    one.ejected_until = rig.now + 5
    assert rig.submit("medium").endpoint is other
    assert rig.submit("medium").endpoint is None
    other.ejected_until = rig.now + 5
    assert rig.submit("medium", tenant="b").endpoint is None
    rig.dispatcher.check(rig.now)
    assert one.requests == 1


def test_what_is_called_when_told_may_call_again() -> None:
    rig = Rig(shared=[100])
    running = rig.submit("medium")
    again = []

    def leave_and_come_back(ticket: Ticket) -> None:
        rig.dispatcher.end(ticket, rig.now)
        again.append(rig.submit("medium"))

    rig.submit("medium", when_told=leave_and_come_back)
    rig.end(running)
    assert heard(again[0]) == ["dispatched shared-0"]
    assert rig.endpoints["shared"][0].tokens == 100


def test_credits_grow_after_somebody_found_none_even_if_some_are_free_again() -> None:
    rig = Rig(shared=[1000])
    sent = [rig.submit("medium") for _ in range(11)]
    for ticket in sent[:5]:
        rig.end(ticket)
    rig.report(rig.endpoints["shared"][0])
    assert rig.endpoints["shared"][0].limit_tokens == 2000
    rig.now += 1
    rig.report(rig.endpoints["shared"][0])
    assert rig.endpoints["shared"][0].limit_tokens == 2000


def test_who_waits_is_sent_on_when_credits_grow() -> None:
    rig = Rig(shared=[100])
    rig.submit("medium")
    waiting = rig.submit("medium")
    rig.report(rig.endpoints["shared"][0])
    assert heard(waiting) == ["dispatched shared-0"]


def test_many_are_told_in_turns_of_the_loop() -> None:
    rig = Rig(shared=[100])
    rig.submit("medium")
    waiting = [rig.submit("medium") for _ in range(200)]
    rig.now += 30
    rig.dispatcher.check(rig.now)
    assert sum(map(len, map(heard, waiting))) == 64
    rig.turn()
    assert all(heard(ticket) == ["expired"] for ticket in waiting)


def test_who_leaves_before_being_told_is_not_told() -> None:
    rig = Rig(shared=[100])
    rig.submit("medium")
    waiting = [rig.submit("medium") for _ in range(65)]
    rig.now += 30
    rig.dispatcher.check(rig.now)
    rig.dispatcher.end(waiting[64], rig.now)
    rig.turn()
    assert heard(waiting[64]) == []


def test_a_thousand_that_leave_when_told_are_no_thousand_calls_deep() -> None:
    rig = Rig(shared=[100])
    running = rig.submit("medium")
    waiting = [
        rig.submit("medium", when_told=lambda ticket: rig.dispatcher.end(ticket, rig.now))
        for _ in range(1000)
    ]
    rig.end(running)
    assert all(heard(ticket) == ["dispatched shared-0"] for ticket in waiting)


def test_a_class_that_becomes_owed_by_a_request_sent_at_once_does_not_wait_for_another() -> None:
    rig = Rig(shared=[1000])
    rig.end(rig.submit("high"))
    for _ in range(9):
        rig.submit("low")
    waiting = rig.submit("low", 1)
    assert waiting.endpoint is None
    rig.submit("high", 50)
    assert heard(waiting) == ["dispatched shared-0"]


def test_shares_hold_from_the_first_request_on() -> None:
    even = {
        name: replace(policy, min_share=share)
        for (name, policy), share in zip(DEFAULT_CLASSES.items(), (0.0, 0.5, 0.5), strict=True)
    }
    rig = Rig(classes=even, shared=[100])
    running = [rig.submit("medium")]
    order = []
    waiting = [rig.submit(name) for name in ("medium", "medium", "medium", "low", "low", "low")]
    for _ in range(6):
        rig.end(running.pop())
        running = [ticket for ticket in waiting if ticket.endpoint is not None]
        order += [ticket.qos_class for ticket in running]
    assert order == ["medium", "low"] * 3
