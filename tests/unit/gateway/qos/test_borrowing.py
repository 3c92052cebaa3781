"""Which pools a class may use, and when it must give back."""

import pytest

from tidegate_api.names import QosClass
from tidegate_gateway.directory import DEFAULT_CLASSES, Worker
from tidegate_gateway.qos.lanes import CLASSES, Lane, connect
from tidegate_gateway.qos.pools import Pool
from tidegate_gateway.routing.endpoint import Endpoint
from unit.gateway.qos.rig import Rig, dedicated, heard

OWN = dedicated(high=0.7, medium=0.25, low=0.05)
HIGH_ALONE = dedicated(high=0.7)
WORKER = Endpoint(Worker("u", "ns", "chat", "w", "10.0.0.1"), 0, 100)


@pytest.mark.parametrize(
    ("homes", "qos_class", "routes"),
    [
        # In this order, those in brackets on loan.
        ("shared shared shared", "high", "shared"),
        ("shared shared shared", "low", "shared"),
        ("h m l", "high", "h m l"),
        ("h m l", "medium", "m l (h)"),
        ("h m l", "low", "l (m) (h)"),
        ("h shared shared", "low", "shared (h)"),
        ("shared shared l", "low", "l (shared)"),
        # With a class above and one below at home there, it is the one above that matters.
        ("shared m shared", "medium", "m (shared)"),
        ("h m gone", "low", "(m) (h)"),
    ],
)
def test_routes(homes: str, qos_class: QosClass, routes: str) -> None:
    pools = {name: Pool(name, 0.0) for name in homes.split()}
    for name, pool in pools.items():
        pool.endpoints = () if name == "gone" else (WORKER,)
    lanes = [Lane(rank, pools[name]) for rank, name in enumerate(homes.split())]
    connect(lanes, pools, False)
    found = lanes[CLASSES.index(qos_class)].routes
    assert " ".join(f"({r.pool.name})" if r.is_borrowed else r.pool.name for r in found) == routes


def test_workers_of_a_pool_that_is_given_up_are_used_while_they_last() -> None:
    rig = Rig(shared=[100], old=[100])
    assert [rig.submit("low").pool for _ in range(2)] == ["shared", "old"]


def test_a_higher_class_spills_into_lower_pools_and_goes_first_there() -> None:
    rig = Rig(classes=OWN, high=[100], medium=[100], low=[100])
    sent = [rig.submit("high") for _ in range(3)]
    assert [ticket.pool for ticket in sent] == ["high", "medium", "low"]
    waiting_low, waiting_high = rig.submit("low"), rig.submit("high")
    assert waiting_high.endpoint is None
    rig.end(sent[2])
    assert (heard(waiting_high), heard(waiting_low)) == (["dispatched low-0"], [])
    assert rig.figures("low", "high").spilled == 2


def test_a_lower_class_borrows_what_is_idle_and_gives_it_back_before_its_first_byte() -> None:
    rig = Rig(classes=HIGH_ALONE, high=[100], shared=[100])
    own, borrower = rig.submit("low"), rig.submit("low")
    assert borrower.pool == "high"
    owner = rig.submit("high")
    # Told to both, after `submit` has returned, in this order: first the place is left, then it is taken.
    assert heard(borrower) == ["preempted"]
    assert heard(owner) == ["dispatched high-0"]
    assert (borrower.pool, borrower.waits) == ("shared", True)
    rig.end(own)
    assert heard(borrower) == ["preempted", "dispatched shared-0"]
    assert rig.figures("high", "low").preempted == 1


def test_who_is_taken_back_is_first_in_its_class_and_has_the_time_it_had_left() -> None:
    rig = Rig(classes=HIGH_ALONE, high=[100], shared=[100])
    own, owner = rig.submit("low"), rig.submit("high")
    borrower = rig.submit("low")
    rig.submit("low", tenant="z")
    rig.wait(200)
    rig.end(owner)
    assert (heard(borrower), borrower.pool) == (["dispatched high-0"], "high")
    rig.wait(1000)
    rig.submit("high")
    assert heard(borrower)[1:] == ["preempted"]
    # 200 s of 300 s were over.
    rig.wait(99)
    assert heard(borrower)[1:] == ["preempted"]
    rig.submit("low", tenant="y")
    rig.end(own)
    assert heard(borrower)[1:] == ["preempted", "dispatched shared-0"]


def test_who_is_taken_back_and_waits_too_long_is_refused() -> None:
    rig = Rig(classes=HIGH_ALONE, high=[100], shared=[100])
    rig.submit("low")
    owner = rig.submit("high")
    borrower = rig.submit("low")
    rig.wait(200)
    rig.end(owner)
    rig.submit("high")
    assert heard(borrower) == ["dispatched high-0", "preempted"]
    # 200 s of 300 s were over.
    rig.wait(100)
    assert heard(borrower) == ["dispatched high-0", "preempted", "expired"]


@pytest.mark.parametrize("how", ["first byte", "kept"])
def test_what_has_begun_to_answer_is_not_broken_off(how: str) -> None:
    rig = Rig(classes=HIGH_ALONE, high=[100], shared=[100])
    rig.submit("low")
    borrower = rig.submit("low")
    if how == "kept":
        rig.dispatcher.keep(borrower)
    else:
        rig.first_byte(borrower)
    owner = rig.submit("high")
    assert heard(borrower) == []
    # Its own tenth of the pool is left to it.
    assert owner.pool == "high"


def test_nobody_is_taken_back_twice() -> None:
    rig = Rig(classes=HIGH_ALONE, high=[100], shared=[100])
    own = rig.submit("low")
    borrower = rig.submit("low")
    owner = rig.submit("high")
    rig.end(owner)
    assert (heard(borrower), borrower.pool) == (["preempted", "dispatched high-0"], "high")
    rig.submit("high")
    assert heard(borrower) == ["preempted", "dispatched high-0"]
    rig.end(borrower)
    rig.end(own)
    assert [endpoint.tokens for endpoint in rig.endpoints["shared"]] == [0]


def test_nothing_is_borrowed_where_the_owner_waits() -> None:
    policies = dedicated(medium=0.25)
    rig = Rig(classes=policies, medium=[100], shared=[100])
    running = [rig.submit("medium"), rig.submit("high")]
    waiting = rig.submit("medium")
    assert waiting.endpoint is None
    low = rig.submit("low")
    rig.end(running[0])
    assert (heard(waiting), heard(low)) == (["dispatched medium-0"], [])


def test_an_owner_takes_what_is_idle_elsewhere_rather_than_break_something_off() -> None:
    rig = Rig(classes=OWN, high=[100], medium=[100], low=[100])
    rig.submit("low")
    borrowers = [rig.submit("low"), rig.submit("low")]
    assert [ticket.pool for ticket in borrowers] == ["medium", "high"]
    rig.end(borrowers[0])
    assert rig.submit("high").pool == "medium"
    assert heard(borrowers[1]) == []


def test_the_lowest_and_the_latest_go_first_and_no_more_than_must() -> None:
    rig = Rig(classes=HIGH_ALONE, high=[400], shared=[50])
    rig.submit("medium")
    borrowers = [rig.submit(name) for name in ("low", "medium", "low", "medium")]
    rig.submit("high")
    assert [heard(ticket) for ticket in borrowers] == [[], [], ["preempted"], []]


def begun(rig: Rig, tokens: int) -> None:
    """Let a low request borrow and begin to answer."""
    rig.first_byte(rig.submit("low", tokens))


def test_as_many_go_as_must() -> None:
    rig = Rig(classes=HIGH_ALONE, high=[100], shared=[10])
    rig.submit("low")
    borrowers = [rig.submit("low", 30), rig.submit("low", 30)]
    begun(rig, 90)
    rig.submit("high")
    assert [heard(ticket) for ticket in borrowers] == [["preempted"], ["preempted"]]


def test_nobody_goes_if_that_would_not_be_enough() -> None:
    rig = Rig(classes=dedicated(medium=0.25), medium=[100], shared=[10])
    rig.submit("low")
    borrower = rig.submit("low", 50)
    begun(rig, 100)
    owner = rig.submit("medium")
    assert (heard(borrower), owner.endpoint) == ([], None)


def test_they_go_where_the_fewest_must() -> None:
    rig = Rig(classes=HIGH_ALONE, high=[100, 100], shared=[10])
    rig.submit("low")
    first, other = rig.endpoints["high"]
    other.ejected_until = rig.now + 5
    small = [rig.submit("low", 30), rig.submit("low", 30)]
    begun(rig, 90)
    other.ejected_until = 0.0
    large = rig.submit("low", 100)
    assert [ticket.endpoint for ticket in (*small, large)] == [first, first, other]
    rig.submit("high")
    assert [heard(ticket) for ticket in (*small, large)] == [[], [], ["preempted"]]


def test_nobody_goes_where_the_worker_is_ejected() -> None:
    rig = Rig(classes=HIGH_ALONE, high=[100, 100], shared=[10])
    rig.submit("low")
    borrowers = [rig.submit("low"), rig.submit("low")]
    assert borrowers[0].endpoint is not None
    borrowers[0].endpoint.ejected_until = rig.now + 5
    rig.submit("high")
    assert [heard(ticket) for ticket in borrowers] == [[], ["preempted"]]


def test_who_leaves_while_another_is_told_is_not_told_itself() -> None:
    rig = Rig(classes=HIGH_ALONE, high=[100], shared=[10])
    rig.submit("low")
    first = rig.submit("low", 30)
    rig.submit("low", 30, when_told=lambda ticket: rig.dispatcher.end(first, rig.now))
    begun(rig, 90)
    rig.submit("high")
    assert heard(first) == []
    assert not first.waits


def test_a_client_that_leaves_when_its_place_is_taken_back_is_not_sent_on() -> None:
    rig = Rig(classes=HIGH_ALONE, high=[100], shared=[100])
    own = rig.submit("low")
    borrower = rig.submit("low", when_told=lambda ticket: rig.dispatcher.end(ticket, rig.now))
    rig.submit("high")
    rig.end(own)
    assert heard(borrower) == ["preempted"]
    assert sum(endpoint.requests for pool in rig.endpoints.values() for endpoint in pool) == 1


def test_a_class_that_gets_or_loses_a_pool_of_its_own_keeps_who_waits() -> None:
    rig = Rig(shared=[100])
    rig.submit("low")
    waiting = rig.submit("low")
    rig.classes = {**DEFAULT_CLASSES, **dedicated(low=0.05)}
    rig.update(low=[100])
    assert heard(waiting) == ["dispatched low-0"]


def test_a_longer_timeout_counts_for_who_waits_already() -> None:
    rig = Rig(shared=[100])
    rig.submit("medium")
    waiting = rig.submit("medium")
    rig.classes = {**rig.classes, "medium": DEFAULT_CLASSES["low"]}
    rig.update()
    rig.wait(299)
    assert heard(waiting) == []
    rig.wait(1)
    assert heard(waiting) == ["expired"]
