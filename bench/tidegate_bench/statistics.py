"""From rounds to a figure: median of paired ratios, with a bootstrap interval.

Pure; the seed is an argument, so that the same rounds give the same interval.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Figure:
    """A median and its 95 % interval."""

    value: float
    low: float
    high: float


def paired_ratio(ours: Sequence[float], theirs: Sequence[float], seed: int) -> Figure:
    """Return the median of our cost over theirs in the same round."""
    return interval([a / b for a, b in zip(ours, theirs, strict=True)], seed)


def interval(values: Sequence[float], seed: int) -> Figure:
    """Return the median with its bootstrap 95 % interval."""
    rng = random.Random(seed)  # noqa: S311 - a resampling, not a secret
    medians = sorted(median(rng.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return Figure(median(values), medians[int(RESAMPLES * 0.025)], medians[int(RESAMPLES * 0.975)])
