"""Requests that wait for the first worker, and who is asked to start it."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tidegate_api.names import QosClass
from tidegate_gateway.directory import DEFAULT_CLASSES, ClassPolicy, ColdStart
from tidegate_gateway.qos.errors import NoWorker, Overloaded
from tidegate_gateway.qos.ticket import Ticket
from unit.gateway.qos.rig import Rig, dedicated, heard


def policies(
    base: Mapping[QosClass, ClassPolicy] = DEFAULT_CLASSES, *, is_wanted: bool = True, **cold: float
) -> dict[QosClass, ClassPolicy]:
    """Return policies that all start so."""
    start = ColdStart(**cold)  # type: ignore[arg-type]
    return {
        name: replace(policy, cold_start=start, is_wanted=is_wanted)
        for name, policy in {**DEFAULT_CLASSES, **base}.items()
    }


def test_a_request_without_a_worker_is_held_and_asks_for_one() -> None:
    rig = Rig(shared=[])
    tickets = [rig.submit("medium") for _ in range(2)]
    assert [ticket.waits for ticket in tickets] == [True, True]
    assert rig.woken == ["shared", "shared"]
    assert rig.dispatcher.held() == {"shared": 2}
    assert rig.dispatcher.is_held(tickets[0])


def test_the_first_worker_takes_all_in_the_order_of_their_classes() -> None:
    rig = Rig(shared=[])
    order: list[str] = []
    for name in ("low", "medium", "high", "low", "high"):
        rig.submit(name, when_told=lambda ticket: order.append(ticket.qos_class))
    rig.update(shared=[10_000])
    assert order == ["high", "high", "medium", "low", "low"]
    assert rig.dispatcher.held() == {}
    rig.submit("low")
    assert rig.woken == ["shared"] * 5


def test_a_hundred_are_sent_on_by_one_change() -> None:
    rig = Rig(shared=[])
    tickets = [rig.submit("medium", 10) for _ in range(100)]
    rig.update(shared=[10_000])
    rig.turn()
    assert {tuple(heard(ticket)) for ticket in tickets} == {("dispatched shared-0",)}


def test_as_many_are_held_as_may_be_whatever_the_queue_may_hold() -> None:
    rig = Rig(classes=policies(max_queue=2, expected_seconds=90), shared=[])
    for _ in range(2):
        rig.submit("low")
    rig.wait(20)
    with pytest.raises(Overloaded) as full:
        rig.submit("low")
    assert (full.value.waiting, full.value.retry_after_seconds) == (2, 70)
    rig.submit("high")
    assert rig.dispatcher.held() == {"shared": 3}


def test_a_start_that_takes_longer_than_usual_is_not_promised_for_now() -> None:
    rig = Rig(classes=policies(max_queue=0, expected_seconds=90), shared=[])
    for seconds, told in ((0, 90), (85, 5), (60, 5)):
        rig.wait(seconds)
        with pytest.raises(Overloaded) as full:
            rig.submit("low")
        assert full.value.retry_after_seconds == told


def test_who_was_held_too_long_is_told_that_nobody_came() -> None:
    rig = Rig(classes=policies(timeout_seconds=120), shared=[])
    ticket = rig.submit("high")
    rig.wait(119)
    assert heard(ticket) == []
    rig.wait(1)
    assert heard(ticket) == ["not_woken"]
    assert rig.dispatcher.held() == {}
    assert rig.figures("shared", "high").expired == 1


def test_a_service_that_rejects_asks_for_a_worker_all_the_same() -> None:
    rig = Rig(classes=policies(holds=False), shared=[])
    with pytest.raises(NoWorker):
        rig.submit("high")
    assert rig.woken == ["shared"]
    assert rig.dispatcher.is_asleep("high")
    assert rig.dispatcher.held() == {}


def test_a_service_that_nobody_would_start_says_so_and_asks_nobody() -> None:
    rig = Rig(classes=policies(is_wanted=False), shared=[])
    with pytest.raises(NoWorker):
        rig.submit("high")
    assert rig.woken == []
    assert not rig.dispatcher.is_asleep("high")


def test_who_waits_when_the_last_worker_goes_is_held_from_then_on() -> None:
    rig = Rig(shared=[100])
    sent, waiting = rig.submit("medium"), rig.submit("medium")
    rig.wait(20)
    rig.update(shared=[])
    assert rig.woken == ["shared"]
    rig.wait(270)
    assert heard(waiting) == []
    rig.update(shared=[100])
    assert heard(waiting) == ["dispatched shared-0"]
    rig.end(sent)
    assert heard(sent) == []


def test_who_has_waited_longer_than_one_may_be_held_is_told_as_the_last_worker_goes() -> None:
    rig = Rig(classes=policies(timeout_seconds=10), shared=[100])
    _, waiting = rig.submit("medium"), rig.submit("medium")
    rig.wait(20)
    rig.update(shared=[])
    assert heard(waiting) == ["not_woken"]


@pytest.mark.parametrize("change", [{"is_wanted": False}, {"holds": False}], ids=["suspended", "rejecting"])
def test_who_is_held_when_that_ends_is_refused(change: dict[str, bool]) -> None:
    rig = Rig(shared=[])
    ticket = rig.submit("medium")
    rig.classes = policies(**change)  # type: ignore[arg-type]
    rig.update()
    assert heard(ticket) == ["no_worker"]


@pytest.mark.parametrize(
    ("held", "left"), [(200, 100), (290, 30)], ids=["its own time", "at least that of any other"]
)
def test_who_finds_no_room_at_the_first_worker_keeps_its_time(held: int, left: int) -> None:
    rig = Rig(shared=[])
    first, second = rig.submit("medium"), rig.submit("medium")
    rig.wait(held)
    rig.update(shared=[100])
    assert (heard(first), heard(second)) == (["dispatched shared-0"], [])
    rig.wait(left - 1)
    assert heard(second) == []
    rig.wait(1)
    assert heard(second) == ["expired"]


def test_a_worker_that_comes_and_goes_holds_nobody_for_ever() -> None:
    rig = Rig(shared=[])
    *_, last = [rig.submit("medium") for _ in range(40)]
    for told in [[]] * 14 + [["not_woken"]] * 2:
        rig.update(shared=[100])
        rig.wait(10)
        rig.update(shared=[])
        rig.wait(10)
        assert heard(last) == told


def test_a_longer_patience_is_given_to_those_who_are_held_already() -> None:
    rig = Rig(classes=policies(timeout_seconds=60), shared=[])
    ticket = rig.submit("medium")
    rig.wait(50)
    rig.classes = policies(timeout_seconds=100)
    rig.update()
    rig.wait(49)
    assert heard(ticket) == []
    rig.wait(1)
    assert heard(ticket) == ["not_woken"]


def test_while_its_own_pool_sleeps_a_class_uses_the_others_and_asks_nobody() -> None:
    rig = Rig(classes=dedicated(high=0.7), high=[], shared=[1000])
    assert rig.submit("high").endpoint is rig.endpoints["shared"][0]
    assert rig.woken == []


def test_once_the_others_are_full_it_is_held_and_asks_for_its_own_pool() -> None:
    rig = Rig(classes=dedicated(high=0.7), high=[], shared=[100])
    rig.submit("medium")
    ticket = rig.submit("high")
    assert ticket.waits
    assert rig.woken == ["high"]
    assert rig.dispatcher.held() == {"high": 1}
    rig.wait(299)
    rig.update(high=[100])
    assert heard(ticket) == ["dispatched high-0"]


def test_a_class_whose_own_pool_nobody_would_start_waits_for_another() -> None:
    classes = dedicated(high=0.7)
    for name in ("medium", "low"):
        classes[name] = replace(DEFAULT_CLASSES[name], is_wanted=False)
    rig = Rig(classes=classes, high=[], shared=[])
    ticket = rig.submit("low")
    assert rig.woken == ["high"]
    rig.update(high=[1000])
    assert heard(ticket) == ["dispatched high-0"]


def test_a_client_that_leaves_while_it_is_held_leaves_nothing() -> None:
    rig = Rig(shared=[])
    gone, next_one = rig.submit("medium"), rig.submit("medium")
    rig.end(gone)
    assert rig.dispatcher.held() == {"shared": 1}
    rig.update(shared=[10_000])
    assert (heard(gone), heard(next_one)) == ([], ["dispatched shared-0"])
    assert rig.endpoints["shared"][0].requests == 1


def test_the_time_without_a_worker_says_nothing_of_how_fast_a_queue_moves() -> None:
    rig = Rig(shared=[], max_queue=4)
    tickets = [rig.submit("medium") for _ in range(5)]
    rig.wait(200)
    rig.update(shared=[100])
    for _ in range(2):
        rig.wait(1)
        rig.end(next(ticket for ticket in tickets if ticket.endpoint))
    # Four have been sent on within 2 s, and two wait.
    assert rig.dispatcher.retry_after_seconds("medium") <= 2


def test_a_worker_that_drains_keeps_what_was_learned_of_it_until_it_is_used_again() -> None:
    rig = Rig(shared=[100, 100])
    endpoint = rig.endpoints["shared"].pop()
    learned = rig.dispatcher._supply.accounts[endpoint]
    endpoint.limit_tokens = 777.0
    endpoint.is_draining = True
    rig.update()
    rig.report(endpoint, running=0)
    endpoint.is_draining = False
    rig.endpoints["shared"].append(endpoint)
    rig.update()
    assert endpoint.limit_tokens == 777.0
    assert rig.dispatcher._supply.accounts[endpoint] is learned
    rig.endpoints["shared"].remove(endpoint)
    rig.update()
    assert endpoint not in rig.dispatcher._supply.accounts


def test_when_all_workers_drain_requests_are_held_and_ask_for_them() -> None:
    rig = Rig(shared=[100])
    running = rig.submit("medium")
    (endpoint,) = rig.endpoints["shared"]
    endpoint.is_draining = True
    rig.endpoints["shared"] = []
    rig.update()
    held = rig.submit("medium")
    assert (heard(running), held.waits, rig.woken) == ([], True, ["shared"])
    rig.end(running)
    assert held.waits
    endpoint.is_draining = False
    rig.endpoints["shared"] = [endpoint]
    rig.update()
    assert heard(held) == ["dispatched shared-0"]


def bereft(rig: Rig, name: QosClass = "medium") -> Ticket:
    """Return a ticket whose only worker has just failed, and that waits for another."""
    ticket = rig.submit(name)
    assert ticket.endpoint is not None
    ticket.excluded = frozenset({ticket.endpoint.worker.uid})
    assert rig.dispatcher.wait_for_another(ticket, rig.now)
    return ticket


def test_who_has_lost_its_only_worker_is_held_once_that_is_known_and_goes_first_to_the_next() -> None:
    rig = Rig(shared=[100])
    ticket = bereft(rig)
    assert (rig.endpoints["shared"][0].tokens, ticket.waits, rig.woken) == (0, False, [])
    rig.wait(2)
    assert heard(ticket) == []
    rig.update(shared=[])
    assert rig.dispatcher.held() == {"shared": 1}
    assert "shared" in rig.woken
    later = rig.submit("medium")
    rig.update(shared=[100])
    assert (heard(ticket), heard(later)) == (["dispatched shared-0"], [])


def test_who_has_lost_a_worker_that_is_known_to_be_gone_is_held_at_once() -> None:
    rig = Rig(shared=[100])
    ticket = rig.submit("medium")
    ticket.excluded = frozenset({"shared-0"})
    rig.update(shared=[])
    assert rig.dispatcher.wait_for_another(ticket, rig.now)
    assert rig.dispatcher.held() == {"shared": 1}
    assert rig.woken == ["shared"]


def test_who_has_lost_its_only_worker_goes_to_one_that_comes_beside_it() -> None:
    rig = Rig(shared=[100])
    ticket = bereft(rig)
    rig.update(shared=[100, 100])
    assert heard(ticket) == ["dispatched shared-1"]


def test_a_worker_that_failed_and_stays_is_not_waited_for() -> None:
    rig = Rig(shared=[100])
    ticket = bereft(rig)
    rig.wait(4)
    assert heard(ticket) == []
    rig.wait(1)
    assert heard(ticket) == ["lost"]
    rig.update(shared=[])
    assert rig.dispatcher.held() == {}


def test_who_leaves_while_its_loss_is_not_known_yet_leaves_nothing() -> None:
    rig = Rig(shared=[100])
    ticket = bereft(rig)
    rig.end(ticket)
    rig.wait(6)
    rig.update(shared=[])
    assert (heard(ticket), rig.dispatcher.held()) == ([], {})


def test_who_is_held_again_has_what_is_left_of_its_time_since_it_came() -> None:
    rig = Rig(classes=policies(timeout_seconds=120), shared=[100])
    ticket = rig.submit("medium")
    rig.wait(100)
    ticket.excluded = frozenset({"shared-0"})
    assert rig.dispatcher.wait_for_another(ticket, rig.now)
    rig.update(shared=[])
    rig.wait(19)
    assert heard(ticket) == []
    rig.wait(1)
    assert heard(ticket) == ["not_woken"]


@pytest.mark.parametrize(
    "change", [{"is_wanted": False}, {"holds": False}], ids=["nobody would start one", "rejecting"]
)
def test_where_nobody_is_held_a_loss_is_told_at_once(change: dict[str, bool]) -> None:
    rig = Rig(classes=policies(**change), shared=[100])  # type: ignore[arg-type]
    ticket = rig.submit("medium")
    ticket.excluded = frozenset({"shared-0"})
    assert not rig.dispatcher.wait_for_another(ticket, rig.now)


def test_who_could_go_elsewhere_does_not_wait_for_another() -> None:
    rig = Rig(shared=[100, 100])
    ticket = rig.submit("medium")
    assert ticket.endpoint is not None
    ticket.excluded = frozenset({ticket.endpoint.worker.uid})
    assert not rig.dispatcher.wait_for_another(ticket, rig.now)
