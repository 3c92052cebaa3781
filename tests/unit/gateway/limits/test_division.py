"""How much of a limit a gateway aims for."""

from dataclasses import dataclass

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tidegate_gateway.limits.division import Party, aim
from tidegate_gateway.limits.members import deal


@dataclass(frozen=True)
class Case:
    name: str
    want: int
    # Cap, use and need of this gateway; the same of the others.
    me: tuple[int, int, int]
    others: tuple[tuple[int, int, int], ...]
    part: int = 30
    idle: bool = False
    turn: int = 0
    available: int = 90

    def __str__(self) -> str:
        return self.name


@pytest.mark.parametrize(
    "case",
    [
        Case("nobody lacks anything: who has more than its part keeps it", 50, (50, 40, 0), ((20, 5, 0),)),
        Case("nobody lacks anything: who has less wants its part back", 30, (10, 5, 0), ((50, 40, 0),)),
        Case("who is idle keeps its part only", 30, (50, 0, 0), ((20, 5, 0),), idle=True),
        Case("who alone lacks something wants everything", 90, (30, 30, 1), ((30, 5, 0), (30, 0, 0))),
        Case("who lacks nothing gives up half of what it does not use", 20, (30, 10, 0), ((30, 30, 1),)),
        Case("the last unused one is given up too", 10, (11, 10, 0), ((30, 30, 1),)),
        Case("who is idle gives up all", 0, (30, 0, 0), ((30, 30, 1),), idle=True),
        Case("who uses more than its cap keeps the cap", 10, (10, 25, 0), ((30, 30, 1),)),
        Case("all lack something: equal parts", 30, (20, 20, 1), ((40, 40, 1), (30, 30, 1))),
        Case("who has more than that gives it up step by step", 52, (60, 60, 1), ((30, 30, 1), (0, 0, 1))),
        Case("what others use and do not lack is not divided", 35, (35, 35, 1), ((20, 20, 0), (35, 35, 1))),
        Case(
            "as long as one has something to spare nobody is cut",
            60 + 20 // 2,
            (60, 60, 1),
            ((10, 10, 1), (20, 0, 0)),
        ),
        Case(
            "too little for all: in its turn one gets what it needs", 60 + 30, (0, 0, 60), ((0, 0, 60),) * 2
        ),
        Case("and the others nothing", 0, (0, 0, 60), ((0, 0, 60),) * 2, turn=1),
        Case("what is left after it may suffice for another", 40, (0, 0, 40), ((0, 0, 50),) * 2, turn=2),
    ],
    ids=str,
)
def test_aim(case: Case) -> None:
    # This gateway is the first in rank.
    others = [Party(9 - i, *numbers) for i, numbers in enumerate(case.others)]
    me = Party(10, *case.me)
    assert aim(case.available, me, others, case.part, case.turn, idle=case.idle) == case.want


@settings(deadline=None)
@given(caps=st.lists(st.integers(0, 50), min_size=2, max_size=5), available=st.integers(10, 200))
def test_whoever_had_how_much_those_who_all_lack_something_end_with_even_parts(
    caps: list[int], available: int
) -> None:
    """Each gives up what it aims less for, and takes no more than the others leave."""
    assume(sum(caps) <= available)
    for _ in range(60):
        for me in range(len(caps)):
            parties = [Party(rank, cap, cap, 1) for rank, cap in enumerate(caps)]
            others = parties[:me] + parties[me + 1 :]
            goal = aim(available, parties[me], others, 0, 0, idle=False)
            caps[me] = min(goal, available - sum(other.committed for other in others))
    assert sum(caps) == available
    # The higher rank is dealt to first.
    assert caps == [deal(available, place, len(caps)) for place in reversed(range(len(caps)))]


@settings(deadline=None)
@given(amount=st.integers(0, 1000), count=st.integers(1, 20))
def test_what_is_dealt_out_is_all_and_even(amount: int, count: int) -> None:
    parts = [deal(amount, place, count) for place in range(count)]
    assert sum(parts) == amount
    assert max(parts) - min(parts) <= 1


@settings(deadline=None)
@given(amount=st.integers(0, 1000), count=st.integers(2, 20), left=st.integers(0, 19))
def test_when_one_leaves_nobodys_part_gets_smaller(amount: int, count: int, left: int) -> None:
    left %= count
    for place in range(count):
        if place != left:
            after = deal(amount, place - (place > left), count - 1)
            assert after >= deal(amount, place, count)
