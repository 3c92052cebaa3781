"""What a technique is to the benchmark: engines that differ in it, the arms that are measured on them, and its goals.

Owns these shapes and the arithmetic over rounds. Must not know any technique.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tidegate_bench.results import Goal
from tidegate_bench.statistics import Figure, interval

SEED: Final = 20261121

# Figures of one arm in one round, by name; seconds, tokens a second, shares.
Figures = Mapping[str, float]
# Figures by arm, of each round.
Rounds = Sequence[Mapping[str, Figures]]


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to serve: the engine that it is measured on, and the load, which gets a port and the round's seed."""

    name: str
    engine: str
    measure: Callable[[int, str], Coroutine[Any, Any, Figures]]


@dataclass(frozen=True, slots=True)
class Technique:
    """What is compared. `engines` are flags of vLLM by name; all of them run at the same time, one arm at a time."""

    name: str
    title: str
    engines: Mapping[str, tuple[str, ...]]
    arms: tuple[Arm, ...]
    judge: Callable[[Rounds], list[Goal]]


def ratio(rounds: Rounds, arm: str, other: str, figure: str) -> Figure:
    """Return one arm's figure over another's in the same round: the median, with its interval."""
    return interval([each[arm][figure] / each[other][figure] for each in rounds], SEED)


def middle(rounds: Rounds, arm: str, figure: str) -> Figure:
    """Return the median of an arm's figure, with its interval."""
    return interval([each[arm][figure] for each in rounds], SEED)
