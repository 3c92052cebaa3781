"""From rounds to a figure: median of what was paired in a round, with a bootstrap interval.

Pure; the seed is an argument, so that the same rounds give the same interval.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

RESAMPLES: Final = 10_000
# Upper bounds in milliseconds of the buckets of a histogram of latencies; the last is without bound.
BUCKETS_MS: Final = (0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 35, 40, 45, 50, 60, 80, 120, 250)
# Where a delayed acknowledgement shows: Linux waits 40 ms for something to send it with.
DELAYED_ACK_MS: Final = (35.0, 50.0)


@dataclass(frozen=True, slots=True)
class Figure:
    """A median and its 95 % interval."""

    value: float
    low: float
    high: float


def paired_ratio(ours: Sequence[float], theirs: Sequence[float], seed: int) -> Figure:
    """Return the median of our cost over theirs in the same round."""
    return interval([a / b for a, b in zip(ours, theirs, strict=True)], seed)


def paired_difference(ours: Sequence[float], theirs: Sequence[float], seed: int) -> Figure:
    """Return the median of what ours has more than theirs in the same round."""
    return interval([a - b for a, b in zip(ours, theirs, strict=True)], seed)


def interval(values: Sequence[float], seed: int) -> Figure:
    """Return the median with its bootstrap 95 % interval."""
    rng = random.Random(seed)  # noqa: S311 - a resampling, not a secret
    medians = sorted(median(rng.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return Figure(median(values), medians[int(RESAMPLES * 0.025)], medians[int(RESAMPLES * 0.975)])


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of the values, 0 to 1, do not exceed (nearest rank)."""
    ordered = sorted(values)
    # Rounded first: 0.9 of 10 is to be the ninth, whatever a float makes of it.
    return ordered[max(0, math.ceil(round(share * len(ordered), 6)) - 1)]


def histogram(values_ms: Sequence[float]) -> list[int]:
    """Return how many values fall under each bound of BUCKETS_MS, and above the last."""
    counts = [0] * (len(BUCKETS_MS) + 1)
    for value in values_ms:
        counts[next((i for i, bound in enumerate(BUCKETS_MS) if value < bound), len(BUCKETS_MS))] += 1
    return counts


def delayed_ack_share(values_ms: Sequence[float]) -> float:
    """Return the share of latencies that look as if they had waited for a delayed acknowledgement."""
    low, high = DELAYED_ACK_MS
    return sum(low <= value < high for value in values_ms) / max(1, len(values_ms))
