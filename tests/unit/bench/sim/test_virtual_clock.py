"""Time that passes only from event to event."""

from tidegate_bench.sim.virtual import Clock


def test_events_come_in_order_and_time_never_goes_back() -> None:
    clock, seen = Clock(), list[tuple[str, float]]()

    def note(name: str) -> None:
        seen.append((name, clock.now))

    def first() -> None:
        note("first")
        clock.at(0.5, lambda: note("asked for too late"))

    clock.at(2.0, lambda: note("last"))
    clock.at(1.0, first)
    clock.at(1.0, lambda: note("second"))
    clock.at(9.0, lambda: note("never"))
    clock.run(until=5.0)
    assert seen == [("first", 1.0), ("second", 1.0), ("asked for too late", 1.0), ("last", 2.0)]
