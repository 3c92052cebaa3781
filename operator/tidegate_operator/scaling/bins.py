"""Demand of the last hour in bins of ten seconds, and what is to be expected of the next minutes.

Owns the bins and their statistics. What was not measured is no bin. Must not know what a replica can do: work is
weighed by the costs it is given.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from operator import mul

from tidegate_operator.scaling.tuning import Tuning

# Two readings that follow each other faster than this are one bin.
SHORTEST_BIN_SECONDS = 5.0
# Fewer bins than this tell nothing of what stays, or of a trend.
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
    """Demand in replicas' worth of work: what to expect, and what to keep in reserve for what varies.

    `stays` is how much of what is new stays until a replica can be ready.
    """

    expected: float
    reserve: float
    stays: "Stays"


@dataclass(frozen=True, slots=True)
class Stays:
    """How much of two distances stays over a time, each 0 to 1.

    `minute` is that of the last minute from the last few, `minutes` that of those from the mean of the history.
    """

    minute: float
    minutes: float


_ALL_STAYS = Stays(1.0, 1.0)


@dataclass(frozen=True, slots=True)
class _Series:
    """The bins weighed: the work in each, its rate, the mean rate of the minute that it ends, and the difference."""

    bins: Sequence[Bin]
    work: Sequence[float]
    rates: Sequence[float]
    levels: Sequence[float]
    noise: Sequence[float]


def add(bins: Sequence[Bin], new: Bin, history_seconds: float) -> tuple[Bin, ...]:
    """Return the bins with a new one, without those that are too old, or of a time that is not yet: clocks are set."""
    oldest = new.end - history_seconds
    kept = [one for one in bins if oldest < one.end < new.end]
    if kept and kept[-1].seconds < SHORTEST_BIN_SECONDS:
        last = kept.pop()
        new = Bin(
            new.end,
            last.seconds + new.seconds,
            last.requests + new.requests,
            last.prompt_tokens + new.prompt_tokens,
        )
    return (*kept, new)


def since(bins: Sequence[Bin], start: float | None) -> Sequence[Bin]:
    """Return the bins that end then or later; all of them if there is no such time."""
    return bins if start is None else [one for one in bins if one.end >= start]


def forecast(
    bins: Sequence[Bin],
    request_seconds: float,
    prompt_token_seconds: float,
    *,
    now: float,
    horizon_seconds: float,
    covered: float,
    tuning: Tuning,
) -> Forecast | None:
    """Return what to expect within a horizon; None without a bin of the last minute.

    `request_seconds` and `prompt_token_seconds` are what a request and a token cost of an engine's time, `covered` is
    the share of bins for which expectation and reserve together are to be enough.

    Of what is new as much is expected as has stayed over such a time before. A step stays. Of a burst that is over
    before a replica is ready little does, and what bursts need goes into the reserve. What is new is taken apart into
    what the last minute has beyond the last few, and what these have beyond the history: bursts of a minute pass on a
    level that stays (two of the three scales of Corsi, "A simple approximate long-memory model of realized
    volatility", 2009).
    """
    if not bins:
        return None
    series = _weigh(bins, request_seconds, prompt_token_seconds, tuning.long_mean_seconds)
    current = _current(series, now, horizon_seconds, tuning)
    if current is None:
        return None
    seconds = sum([one.seconds for one in bins])
    mean = sum(series.work) / seconds
    lag = round(min(horizon_seconds, tuning.longest_lag_seconds) * len(bins) / seconds)
    drifts = [level - mean for level in _levels(bins, series.work, tuning.drift_mean_seconds)]
    bursts = [level - mean - drift for level, drift in zip(series.levels, drifts, strict=True)]
    stays = _stays(bursts, drifts, max(lag, 1), tuning.usual_spread * mean)
    oldest = now - tuning.reserve_seconds
    varies = sorted(
        jump + (1.0 - stays.minute) * burst + (1.0 - stays.minutes) * drift
        for one, jump, burst, drift in zip(bins, series.noise, bursts, drifts, strict=True)
        if one.end > oldest
    )
    reserve = max(varies[min(int(covered * len(varies)), len(varies) - 1)], 0.0)
    new = stays.minute * (current - mean - drifts[-1]) + stays.minutes * drifts[-1]
    return Forecast(max(mean + new, 0.0), reserve, stays)


def _weigh(
    bins: Sequence[Bin], request_seconds: float, prompt_token_seconds: float, level_seconds: float
) -> _Series:
    work = [one.requests * request_seconds + one.prompt_tokens * prompt_token_seconds for one in bins]
    rates = [done / one.seconds for one, done in zip(bins, work, strict=True)]
    levels = _levels(bins, work, level_seconds)
    return _Series(
        bins, work, rates, levels, [rate - level for rate, level in zip(rates, levels, strict=True)]
    )


def _levels(bins: Sequence[Bin], work: Sequence[float], seconds: float) -> list[float]:
    """Return for each bin the mean rate of the time that it ends."""
    found = []
    first = 0
    total = length = 0.0
    oldest = bins[0]
    for one, done in zip(bins, work, strict=True):
        total += done
        length += one.seconds
        while oldest.end <= one.end - seconds:
            total -= work[first]
            length -= oldest.seconds
            first += 1
            oldest = bins[first]
        found.append(total / length)
    return found


def _current(series: _Series, now: float, horizon_seconds: float, tuning: Tuning) -> float | None:
    """Return where demand is, or by its trend will be: the highest of several means, so that a rise is seen soon."""
    found = _mean(series, now, tuning.long_mean_seconds)
    if found is None:
        return None
    found = max(found, _mean(series, now, tuning.short_mean_seconds) or 0.0)
    trend = _slope(series, now, tuning.trend_seconds)
    deviation = sqrt(sum(map(mul, series.noise, series.noise)) / len(series.noise))
    if trend * tuning.trend_seconds > tuning.trend_significance * deviation:
        recent = _mean(series, now, tuning.trend_mean_seconds) or 0.0
        found = max(found, recent + trend * min(horizon_seconds, tuning.trend_horizon_seconds))
    return found


def _mean(series: _Series, now: float, seconds: float) -> float | None:
    """Return the mean rate of the bins that lie within the last `seconds`, by half at least; None if none does."""
    oldest = now - seconds
    total = length = 0.0
    for index in range(len(series.bins) - 1, -1, -1):
        one = series.bins[index]
        if one.end - one.seconds / 2 < oldest:
            break
        total += series.work[index]
        length += one.seconds
    return total / length if length else None


def _slope(series: _Series, now: float, seconds: float) -> float:
    """Return the least-squares slope of the last bins, per second; 0 without enough of them."""
    oldest = now - seconds
    points = [
        (one.end - one.seconds / 2 - now, rate)
        for one, rate in zip(series.bins, series.rates, strict=True)
        if one.end > oldest
    ]
    if len(points) < ENOUGH_BINS:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def _stays(bursts: Sequence[float], drifts: Sequence[float], lag: int, usual: float) -> Stays:
    """Return how much of both is left after `lag` bins: by least squares of what was.

    Until distances greater than `usual` have been seen to pass, all are held to stay.
    """
    pairs = len(bursts) - lag
    if pairs < ENOUGH_BINS:
        return _ALL_STAYS
    before, slow = bursts[:pairs], drifts[:pairs]
    after = [burst + drift for burst, drift in zip(bursts[lag:], drifts[lag:], strict=True)]
    prior = usual * usual * pairs
    aa = sum(map(mul, before, before)) + prior
    bb = sum(map(mul, slow, slow)) + prior
    ab = sum(map(mul, before, slow))
    ay = sum(map(mul, before, after)) + prior
    by = sum(map(mul, slow, after)) + prior
    determinant = aa * bb - ab * ab
    if determinant <= 0:
        return _ALL_STAYS
    minute, minutes = (ay * bb - by * ab) / determinant, (by * aa - ay * ab) / determinant
    return Stays(min(max(minute, 0.0), 1.0), min(max(minutes, 0.0), 1.0))
