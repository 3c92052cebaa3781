"""Who leaves, when, and who returns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_operator.scaling.retire import QUIET_SECONDS, Retiree, retire

NOW = 1000.0
DRAIN = 300.0


def ready(name: str, in_flight: int | None = 0) -> Retiree:
    return Retiree(name, True, in_flight, False, None, 0.1)


def leaving(name: str, in_flight: int | None, seconds: float) -> Retiree:
    """One that was marked so many seconds ago."""
    return Retiree(name, True, in_flight, True, NOW - seconds, 0.1)


def starting(name: str, in_flight: int | None = 0) -> Retiree:
    return Retiree(name, False, in_flight, False, None)


@pytest.mark.parametrize(
    ("workers", "wanted", "mark", "replicas"),
    [
        ([ready("a", 3), ready("b", 1), ready("c", 2)], 2, ["b"], 3),
        ([ready("a", 3), ready("b", 1), ready("c", 2)], 1, ["b", "c"], 3),
        ([ready("a", 3), ready("b", 1)], 2, [], 2),
        ([ready("a", 3), ready("b", 1)], 5, [], 5),
        ([ready("a", None), ready("b", 9)], 1, ["b"], 2),
        ([ready("a"), starting("b")], 1, [], 1),
        ([ready("a", 5), leaving("b", 4, 10), ready("c", 0)], 2, [], 3),
        ([ready("a"), ready("b")], 0, ["a", "b"], 2),
    ],
    ids=[
        "the one with the fewest requests is marked",
        "two go, the two with the fewest",
        "nobody leaves if as many are wanted as there are",
        "more are asked for at once",
        "who may have any number of requests counts as the busiest",
        "one that is not ready has nobody to lose, and goes at once",
        "who was marked before goes on leaving, though another is idle now",
        "on the way to zero all are marked first",
    ],
)
def test_who_is_marked(workers: list[Retiree], wanted: int, mark: list[str], replicas: int) -> None:
    found = retire(workers, wanted, DRAIN, NOW)
    assert (list(found.mark), found.replicas) == (mark, replicas)


@pytest.mark.parametrize(
    ("in_flight", "seconds", "goes"),
    [
        (0, QUIET_SECONDS, True),
        (0, 1.0, False),
        (1, 200.0, False),
        (None, 200.0, False),
        (1, DRAIN, True),
        (None, DRAIN, True),
    ],
    ids=[
        "without requests it goes",
        "a gateway may not have seen the mark yet",
        "with a request it stays",
        "with who knows how many it stays",
        "when its time is over it goes",
        "when its time is over it goes, whatever it still may have",
    ],
)
def test_when_a_marked_one_goes(in_flight: int | None, seconds: float, goes: bool) -> None:
    found = retire([ready("a", 5), leaving("b", in_flight, seconds)], 1, DRAIN, NOW)
    assert (found.replicas == 1) == goes
    assert (found.costs["b"] == min(found.costs.values()), found.mark, found.unmark) == (True, (), ())


def test_who_was_leaving_returns_when_more_are_wanted_again_the_busiest_first() -> None:
    workers = [ready("a", 5), leaving("b", 1, 9), leaving("c", 4, 9)]
    found = retire(workers, 2, DRAIN, NOW)
    assert (found.unmark, found.mark, found.replicas) == (("c",), (), 3)
    assert retire(workers, 3, DRAIN, NOW).unmark == ("b", "c")


def test_who_has_drained_returns_as_well() -> None:
    assert retire([ready("a"), leaving("b", 0, 60)], 2, DRAIN, NOW).unmark == ("b",)


def test_one_that_lost_its_readiness_with_requests_keeps_others_from_going() -> None:
    """A ReplicaSet would remove it in place of the one that is done, whatever their deletion costs."""
    workers = [ready("a", 5), leaving("b", 0, 60), Retiree("c", False, 3, False, None)]
    found = retire(workers, 1, DRAIN, NOW)
    assert (found.replicas, found.mark) == (3, ("c",))


def test_a_pool_that_is_left_alone_costs_no_writes() -> None:
    assert set(retire([ready("a", 1), ready("b", 2)], 2, DRAIN, NOW).costs.values()) == {0}


retirees = st.lists(
    st.builds(
        Retiree,
        name=st.uuids().map(str),
        ready=st.booleans(),
        in_flight=st.none() | st.integers(0, 4),
        draining=st.booleans(),
        draining_since=st.none() | st.floats(NOW - 400, NOW),
        kv_used=st.none() | st.floats(0, 1),
    ),
    max_size=8,
    unique_by=lambda one: one.name,
)


@given(retirees, st.integers(0, 10))
def test_nobody_goes_with_requests_before_its_time_is_over(workers: list[Retiree], wanted: int) -> None:
    found = retire(workers, wanted, DRAIN, NOW)
    assert wanted <= found.replicas <= max(len(workers), wanted)
    removed = max(len(workers) - found.replicas, 0)
    # As a ReplicaSet chooses: those that are not ready first, then by deletion cost.
    order = sorted(workers, key=lambda one: (one.ready, found.costs[one.name]))
    for one in order[:removed]:
        is_over = one.draining and one.draining_since is not None and NOW - one.draining_since >= DRAIN
        assert one.in_flight == 0 or is_over
        assert one.name not in found.unmark


@given(retirees, st.integers(0, 10))
def test_the_next_step_is_the_same_once_the_marks_are_set(workers: list[Retiree], wanted: int) -> None:
    first = retire(workers, wanted, DRAIN, NOW)
    marked = [
        Retiree(one.name, one.ready, one.in_flight, True, NOW, one.kv_used) if one.name in first.mark
        else Retiree(one.name, one.ready, one.in_flight, False, None, one.kv_used) if one.name in first.unmark
        else one
        for one in workers
    ]  # fmt: skip
    again = retire(marked, wanted, DRAIN, NOW)
    assert (again.mark, again.unmark) == ((), ())
