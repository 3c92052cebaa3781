"""Demand of the last twenty minutes in bins of ten seconds, and what is to be expected of the next ones.

Owns the bins and their statistics. What was not measured is no bin. Must not know what a replica can do: work is
weighed by the costs it is given.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from tidegate_operator.scaling.tuning import Tuning

# Two readings that follow each other faster than this are one bin.
SHORTEST_BIN_SECONDS = 5.0
# Fewer bins than this tell nothing of bursts or of a trend.
ENOUGH_BINS = 8


@dataclass(frozen=True, slots=True)
class Bin:
    """What arrived in the `seconds` before `end`."""

    end: float
    seconds: float
    requests: float
    prompt_tokens: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """Demand in replicas' worth of work: what to expect, its standard deviation, and how it comes in bursts.

    `burst_index` is the 99th percentile of the bins by their mean; None without enough bins.
    """

    expected: float
    deviation: float
    burst_index: float | None


def add(bins: Sequence[Bin], new: Bin, history_seconds: float) -> tuple[Bin, ...]:
    """Return the bins with a new one, without those that are too old."""
    oldest = new.end - history_seconds
    kept = [one for one in bins if one.end > oldest]
    if kept and kept[-1].seconds < SHORTEST_BIN_SECONDS:
        last = kept.pop()
        new = Bin(
            new.end,
            last.seconds + new.seconds,
            last.requests + new.requests,
            last.prompt_tokens + new.prompt_tokens,
        )
    return (*kept, new)


def forecast(
    bins: Sequence[Bin],
    request_seconds: float,
    prompt_token_seconds: float,
    *,
    now: float,
    horizon_seconds: float,
    tuning: Tuning,
) -> Forecast | None:
    """Return what to expect within a horizon; None without recent bins.

    `request_seconds` and `prompt_token_seconds` are what a request and a token cost of an engine's time.
    """
    work = [one.requests * request_seconds + one.prompt_tokens * prompt_token_seconds for one in bins]
    long_mean = _mean(bins, work, now, tuning.long_mean_seconds)
    if long_mean is None:
        return None
    short_mean = _mean(bins, work, now, tuning.short_mean_seconds)
    rates = [done / one.seconds for one, done in zip(bins, work, strict=True)]
    deviation = _deviation(bins, work, rates, tuning.long_mean_seconds)
    expected = max(long_mean, short_mean or 0.0)
    trend = _slope(bins, rates, now, tuning.trend_seconds)
    if trend * tuning.trend_seconds > tuning.trend_significance * deviation:
        ahead = min(horizon_seconds, tuning.trend_horizon_seconds)
        recent = _mean(bins, work, now, tuning.trend_mean_seconds) or 0.0
        expected = max(expected, recent + trend * ahead)
    return Forecast(expected, deviation, _burst_index(rates))


def _mean(bins: Sequence[Bin], work: Sequence[float], now: float, seconds: float) -> float | None:
    """Return the mean rate of the bins that began within the last `seconds`, with half a bin's grace."""
    oldest = now - seconds
    total = length = 0.0
    for index in range(len(bins) - 1, -1, -1):
        one = bins[index]
        if one.end - one.seconds / 2 < oldest:
            break
        total += work[index]
        length += one.seconds
    return total / length if length else None


def _deviation(bins: Sequence[Bin], work: Sequence[float], rates: Sequence[float], seconds: float) -> float:
    """Return the root mean square of the bins' distance from the mean of the minute that each of them ends."""
    first = 0
    total = length = squares = 0.0
    for index, one in enumerate(bins):
        total += work[index]
        length += one.seconds
        while bins[first].end <= one.end - seconds:
            total -= work[first]
            length -= bins[first].seconds
            first += 1
        squares += (rates[index] - total / length) ** 2
    return sqrt(squares / len(bins))


def _slope(bins: Sequence[Bin], rates: Sequence[float], now: float, seconds: float) -> float:
    """Return the least-squares slope of the last bins, per second; 0 without enough of them."""
    oldest = now - seconds
    points = [
        (one.end - one.seconds / 2 - now, rate)
        for one, rate in zip(bins, rates, strict=True)
        if one.end > oldest
    ]
    if len(points) < ENOUGH_BINS:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def _burst_index(rates: Sequence[float]) -> float | None:
    if len(rates) < ENOUGH_BINS:
        return None
    mean = sum(rates) / len(rates)
    return sorted(rates)[int(0.99 * len(rates))] / mean if mean else 1.0
