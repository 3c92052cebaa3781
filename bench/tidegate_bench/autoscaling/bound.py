"""What bursts cost any law that does not know them beforehand: `--part bound` of the benchmark.

Owns the figures, in replicas on average. `least` is a bound below which no such law serves a share of the requests, in
a model that is kinder than the simulated one in every respect, and `foreseen` is what who knows the demand needs in
that model. `reached` is what the simulated pool needs under a law that is told everything but the future: it shows
what can be had, and is no optimum. What a law can do at best lies between `least` and `reached`.
"""

import random
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import exp, sqrt
from statistics import fmean
from typing import Final

from tidegate_bench.autoscaling.arms import PLANNER, Setting, by_name
from tidegate_bench.autoscaling.frontier import Point, averaged, hours_for
from tidegate_bench.autoscaling.model import MODEL, OBJECTIVE, START
from tidegate_bench.autoscaling.outcome import outcome
from tidegate_bench.autoscaling.policies.knowing import Knowing
from tidegate_bench.autoscaling.sweep import play
from tidegate_bench.autoscaling.traces import (
    BURSTY_PER_SECOND,
    FAST_SECONDS,
    FAST_SIGMA,
    LENGTHS,
    MAKERS,
    SECONDS,
    SLOW_SECONDS,
    SLOW_SIGMA,
    Levels,
    levels,
)

TRACES: Final = ("bursts", "code")
# Hours over which the bound is taken: of the same kind, none of them one that laws are compared on.
SEEDS: Final = tuple(range(101, 121))
# Hours that are played; fewer, since engines are simulated in them.
PLAYED_SEEDS: Final = tuple(range(101, 105))
QUANTILES: Final = (0.9, 0.95, 0.97, 0.99, 0.997)
# A tenth of all starts are faster than this many standard deviations: in the bound's model all are.
FAST_START: Final = -1.2816
_WARM_SECONDS: Final = 600
_EVERY_SECONDS: Final = 60
_PATHS: Final = 120
_STEP_SECONDS: Final = 4.0
_MOST_REPLICAS: Final = 40


@dataclass(frozen=True, slots=True)
class Bound:
    """Replicas on average for a share of the requests.

    At least, and with foresight in the same model; under the law that knows, and under the planner, in the simulated
    pool: infinite if none of their settings serves so many.
    """

    trace: str
    attainment: float
    least: float
    foreseen: float
    reached: float
    planner: float


def bound(
    trace: str, attainment: float, seeds: Sequence[int] = SEEDS, played: Sequence[int] = PLAYED_SEEDS
) -> Bound:
    """Return what a share of the requests of a bursty trace costs at least, and at most."""
    knowing = averaged([_knowing(trace, seed) for seed in played])
    planner = averaged([_planned(trace, seed) for seed in played])
    return Bound(
        trace,
        attainment,
        least(trace, attainment, seeds),
        least(trace, attainment, seeds, known=True),
        hours_for(knowing, attainment),
        hours_for(planner, attainment),
    )


def _knowing(trace: str, seed: int) -> list[Point]:
    known, each = levels(trace, seed), mean_work(trace)
    return [
        _point(trace, seed, Setting(f"{quantile:g}", lambda _, q=quantile: Knowing(known, each, q)))  # type: ignore[misc]
        for quantile in QUANTILES
    ]


def _planned(trace: str, seed: int) -> list[Point]:
    return [_point(trace, seed, setting) for setting in by_name(PLANNER).settings]


def _point(trace: str, seed: int, setting: Setting) -> Point:
    found = outcome(play(MAKERS[trace](seed), setting, seed))
    return Point(setting.knob, found.replica_hours, found.attainment)


def mean_work(trace: str) -> float:
    """Return the replicas that are just enough for a bursty trace's mean intensity, each with a full batch."""
    rng = random.Random(trace)  # noqa: S311 - traffic, not a secret
    drawn = [LENGTHS[trace].draw(rng) for _ in range(5000)]
    prompt, answer = fmean(p for p, _ in drawn), fmean(a for _, a in drawn)
    return BURSTY_PER_SECOND * MODEL.work_seconds(prompt, answer, MODEL.max_sequences)


def least(trace: str, attainment: float, seeds: Sequence[int] = SEEDS, *, known: bool = False) -> float:
    """Return a bound: what any law needs that knows all but what is still to come when it orders a replica.

    To its favour, replicas cost nothing until they are ready, start as fast as the fastest tenth of them, leave at once
    and free of charge; what comes too late vanishes and delays nobody; all of a batch's places are free when a burst
    begins, so that only the mean demand of the time it takes to fill them counts; and who is served is chosen freely.
    What remains is a newsvendor's problem for each moment by itself: a replica is worth ordering while it is likely
    enough to be needed, and one likelihood for all moments costs least (Arrow, Harris, Marschak, "Optimal inventory
    policy", 1951). With `known` demand each moment has one possible demand only.
    """
    gains = [_gains(demand) for demand in _demands(trace, seeds, 1 if known else _PATHS)]
    whole = sum(sum(each) for each in gains)
    # What each further replica of some moment would serve, the most first; each moment has one at least.
    further = sorted((gain for each in gains for gain in each[1:]), reverse=True)
    served = list(accumulate(further, initial=sum(each[0] for each in gains)))
    return 1.0 + bisect_left(served, attainment * whole) / len(gains)


def _gains(demand: Sequence[float]) -> list[float]:
    """Return what the first, the second, the third replica serves of a demand that may be any of these."""
    return [sum(min(max(one - n, 0.0), 1.0) for one in demand) / len(demand) for n in range(_MOST_REPLICAS)]


def _demands(trace: str, seeds: Sequence[int], paths: int) -> Iterator[list[float]]:
    """Yield, for moments of these hours, demands in replicas that are possible by what is known a start before."""
    rng = random.Random(f"bound {trace}")  # noqa: S311 - a simulation, not a secret
    work = mean_work(trace)
    filling = MODEL.max_sequences * work / BURSTY_PER_SECOND + OBJECTIVE.first_token_seconds
    steps = max(1, round(filling / _STEP_SECONDS))
    ahead = START.quantile(FAST_START)
    for seed in seeds:
        known = levels(trace, seed)
        for at in range(_WARM_SECONDS, int(SECONDS), _EVERY_SECONDS):
            yield [work * _mean_level(rng, known, at - ahead, ahead - filling, steps) for _ in range(paths)]


def _mean_level(rng: random.Random, known: Levels, at: float, until: float, steps: int) -> float:
    """Return a possible mean intensity of `steps` from `until` seconds after `at` on, by what is known at that time."""
    index = min(max(int(at), 0), len(known.fast) - 1)
    fast = _wandered(rng, known.fast[index], until, FAST_SIGMA, FAST_SECONDS)
    slow = _wandered(rng, known.slow[index], until, SLOW_SIGMA, SLOW_SECONDS)
    total = 0.0
    for _ in range(steps):
        total += exp(fast + slow)
        fast = _wandered(rng, fast, _STEP_SECONDS, FAST_SIGMA, FAST_SECONDS)
        slow = _wandered(rng, slow, _STEP_SECONDS, SLOW_SIGMA, SLOW_SECONDS)
    return total / steps / known.mean


def _wandered(rng: random.Random, value: float, seconds: float, sigma: float, correlation: float) -> float:
    """Return where an Ornstein-Uhlenbeck process may be after so many seconds."""
    keep = exp(-seconds / correlation)
    return value * keep + rng.gauss(0.0, sigma * sqrt(1 - keep * keep))
