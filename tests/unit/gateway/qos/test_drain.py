"""How fast a queue moves."""

import pytest

from tidegate_gateway.qos.drain import Drain


def served(drain: Drain, per_second: int, begin: float, end: float) -> None:
    """Serve so many each second, marking as the gateway does."""
    now = begin
    while now < end:
        now += 1
        for _ in range(per_second):
            drain.note()
        drain.mark(now)


def test_nothing_is_known_of_a_queue_that_never_was() -> None:
    assert Drain().per_second(1000.0) == 0.0


def test_it_is_the_speed_of_the_last_seconds() -> None:
    drain = Drain()
    drain.begin(0.0)
    served(drain, 10, 0.0, 60.0)
    assert drain.per_second(60.0) == 10.0
    served(drain, 2, 60.0, 80.0)
    assert drain.per_second(80.0) == 2.0


def test_a_queue_that_begins_anew_has_no_past() -> None:
    drain = Drain()
    drain.begin(0.0)
    served(drain, 10, 0.0, 60.0)
    drain.begin(3600.0)
    served(drain, 10, 3600.0, 3604.0)
    assert drain.per_second(3604.0) == 10.0


def test_what_was_served_without_waiting_tells_nothing() -> None:
    drain = Drain()
    drain.begin(0.0)
    assert drain.per_second(0.0) == 0.0
    drain.note()
    assert drain.per_second(0.5) == pytest.approx(1.0), "not two per second: one is too few to tell"
