"""What is made of the words and the silence of the other gateways."""

import pytest

from tidegate_gateway.limits.members import Members, rank
from tidegate_gateway.limits.scene import Ranking, Scene, look
from tidegate_gateway.limits.tables import Answer, Row, Standing

KEY = ("ns", "team")
LIMIT = 90


def scene(
    gone: dict[str, Standing | None], live: dict[str, Standing | None], *, closing: bool = False
) -> Scene:
    """Return how a limit of 90 is held by others, each with what it said of it, if anything."""
    members = Members("me-1")
    members.update(sorted({*gone, *live}), 0.0)
    for number, (pod, standing) in enumerate([*live.items(), *gone.items()]):
        rows = () if standing is None else (Row(*KEY, 0.0, (standing, None, None)),)
        members.hear(Answer(f"{pod}-1", number, 0, closing and pod in gone, rows), 0.0)
    members.update(sorted(live), 1.0)
    return look(members, Ranking(members, KEY), 0, LIMIT)


@pytest.mark.parametrize(
    ("said", "committed"),
    [
        (None, 45),
        (Standing(LIMIT, 20, 5), 20),
        (Standing(LIMIT, 20, 25), 25),
        (Standing(30, 10, 5), 30),
        (Standing(0, 0, 5), 5),
    ],
    ids=[
        "who says nothing holds the part that is dealt to it",
        "who says something holds what it may use",
        "who has used more holds that",
        "who goes by another limit will hold as much of this one",
        "who was allowed nothing holds what it used",
    ],
)
def test_what_one_that_is_there_holds(said: Standing | None, committed: int) -> None:
    found = scene({}, {"a": said})
    assert found.others[0].committed == committed
    assert found.room(LIMIT) == LIMIT - committed
    assert found.part == 45


@pytest.mark.parametrize(
    ("said", "closing", "held", "part"),
    [
        (None, False, 45, 45),
        (Standing(LIMIT, 20, 5), False, 20, 45),
        (Standing(LIMIT, 20, 25), False, 25, 45),
        (None, True, 0, 90),
        (Standing(LIMIT, 20, 5), True, 5, 90),
    ],
    ids=[
        "who said nothing may have used the part that was dealt to it",
        "who said something may have used all that it might",
        "who had used more has used that",
        "who ended in order and said nothing has used nothing",
        "who ended in order has used what it said",
    ],
)
def test_what_is_held_for_one_that_is_gone(
    said: Standing | None, closing: bool, held: int, part: int
) -> None:
    found = scene({"a": said}, {}, closing=closing)
    assert (found.held, found.part, found.room(LIMIT)) == (held, part, LIMIT - held)


def test_parts_are_of_those_that_may_have_used_theirs_and_silence_is_of_those_that_are_there() -> None:
    """What another holds is never taken for less than it may be: it may have forgotten the one that is gone."""
    found = scene({"a": None}, {"b": None})
    assert (found.part, found.held, found.others[0].committed) == (30, 30, 45)


def test_nothing_is_left_while_one_that_is_gone_may_have_taken_it() -> None:
    wishing = Standing(LIMIT, 20, 5, wishes=True)
    assert scene({"a": wishing}, {}).room(LIMIT) == 0
    assert scene({"a": wishing}, {}, closing=True).room(LIMIT) == 85
    assert scene({}, {"a": wishing}).room(LIMIT) == 70


def test_the_first_in_rank_of_those_that_wish_takes() -> None:
    mine, other = rank("me-1", KEY), rank("a-1", KEY)
    assert scene({}, {"a": Standing(LIMIT, 20, 5)}).may_take(mine)
    wished = scene({}, {"a": Standing(LIMIT, 20, 5, wishes=True)})
    assert wished.wisher == other
    assert wished.may_take(other + 1)
    assert not wished.may_take(other - 1)


@pytest.mark.parametrize("said", [Standing(30, 10, 5), None], ids=["another limit", "no limit"])
def test_nobody_takes_while_one_goes_by_another_limit(said: Standing | None) -> None:
    members = Members("me-1")
    members.update(("a",), 0.0)
    members.hear(Answer("a-1", 1, 0, False, (Row(*KEY, 0.0, (said, None, None)),)), 0.0)
    assert not look(members, Ranking(members, KEY), 0, LIMIT).may_take(2**64)


def test_use_is_added_up_over_all() -> None:
    standing = Standing(LIMIT, 20, 7)
    assert scene({"a": standing}, {"b": standing, "c": standing}).used == 21
