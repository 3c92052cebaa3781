"""What is kept free for class high in the pool that it shares."""

from unit.gateway.qos.rig import Rig, heard


def sent(rig: Rig, qos_class: str, tokens: int = 100) -> int:
    """Return how many of a class are sent on before one waits."""
    count = 0
    while rig.submit(qos_class, tokens).endpoint is not None:  # type: ignore[arg-type]
        count += 1
    return count


def test_lower_classes_leave_a_tenth_while_class_high_is_in_use() -> None:
    rig = Rig(shared=[1000])
    rig.end(rig.submit("high"))
    assert sent(rig, "low") == 9
    assert rig.submit("high").endpoint is not None


def test_nothing_is_kept_for_a_class_that_nobody_calls() -> None:
    rig = Rig(shared=[1000])
    assert sent(rig, "low") == 10


def test_nothing_is_kept_for_a_class_that_was_not_called_for_ten_minutes() -> None:
    rig = Rig(shared=[1000])
    rig.end(rig.submit("high"))
    rig.wait(590)
    assert sent(rig, "low") == 9
    rig.wait(20)
    assert sent(rig, "low") == 0
    assert rig.endpoints["shared"][0].tokens == 1000


def test_class_high_finds_its_slot_even_where_all_is_taken() -> None:
    rig = Rig(shared=[1000])
    rig.submit("low", 5000)
    assert rig.submit("high").endpoint is not None
    # A slot and a tenth, not more.
    waiting = rig.submit("high")
    assert waiting.endpoint is None


def test_a_waiting_high_request_takes_its_slot_as_soon_as_it_is_free() -> None:
    rig = Rig(shared=[1000])
    rig.submit("low", 5000)
    first, second = rig.submit("high"), rig.submit("high")
    rig.end(first)
    assert heard(second) == ["dispatched shared-0"]


def test_what_class_high_holds_is_known_of_a_worker_that_was_away_for_a_moment() -> None:
    rig = Rig(shared=[1000])
    rig.submit("low", 5000)
    rig.submit("high")
    for endpoints in ({}, rig.endpoints):
        rig.dispatcher.update(rig.classes, endpoints, rig.now)
    assert rig.submit("high").endpoint is None
