"""What scaling has to achieve, judged on the half of the data that nothing was tuned on.

Owns the goals and their limits. Pure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from math import isnan
from typing import Final

from tidegate_bench.autoscaling.arms import ARMS, OURS, STATIC
from tidegate_bench.autoscaling.budgeted import Shared
from tidegate_bench.autoscaling.faultruns import Broken
from tidegate_bench.autoscaling.sweep import Sweep
from tidegate_bench.results import Goal
from tidegate_bench.statistics import Figure

# Replica-hours for this attainment, over those of a planner that knows all arrivals.
ATTAINMENT: Final = 0.95
MOST_REGRET: Final = {"diurnal": 1.10, "bursts": 1.30, "code": 1.30}
# In place of a number where none of our settings serves so many.
UNREACHED: Final = 99.0
BURSTY: Final = ("bursts", "code")


def judged(sweeps: Sequence[Sweep], shared: Sequence[Shared], broken: Sequence[Broken]) -> list[Goal]:
    """Return the goals that this run says something about."""
    return [*_regrets(sweeps), *_leads(sweeps), *_order(shared), *_faults(sweeps, broken)]


def _regrets(sweeps: Sequence[Sweep]) -> Iterator[Goal]:
    for sweep in sweeps:
        limit = MOST_REGRET.get(sweep.trace)
        if limit is None:
            continue
        figure = sweep.figure(lambda seeds, each=sweep: each.regret(OURS, ATTAINMENT, seeds))  # type: ignore[misc]
        # Where even the planner does not serve so many there is nothing to compare with.
        if not isnan(figure.value):
            reached = Figure(*(min(value, UNREACHED) for value in astuple(figure)))
            yield Goal(f"autoscaling-regret-{sweep.trace}", reached, "×planner", limit)


def _leads(sweeps: Sequence[Sweep]) -> Iterator[Goal]:
    peers = [arm.name for arm in ARMS if arm.is_peer]
    for sweep in sweeps:
        yield _lead(sweep, peers, "best-peer")
        if sweep.trace in BURSTY:
            yield _lead(sweep, [STATIC], "best-static")


def _lead(sweep: Sweep, arms: Sequence[str], told: str) -> Goal:
    figure = sweep.figure(lambda seeds: 100 * sweep.least_lead(arms, seeds))
    return Goal(f"autoscaling-lead-over-{told}-{sweep.trace}", figure, "points", 0, at_least=True)


def _order(shared: Sequence[Shared]) -> Iterator[Goal]:
    ours = [each for each in shared if each.way == "allocated by class"]
    if ours:
        yield Goal(
            "autoscaling-classes-out-of-order", _exactly(sum(not e.is_in_order for e in ours)), "runs", 0
        )


def _faults(sweeps: Sequence[Sweep], broken: Sequence[Broken]) -> Iterator[Goal]:
    mine = [each.outcome for each in broken if each.arm == OURS]
    runs = [o for sweep in sweeps for each in sweep.outcomes[OURS].values() for o in each] + mine
    if mine:
        blind = sum(each.blind_downs for each in mine)
        yield Goal("autoscaling-downs-on-missing-metrics", _exactly(blind), "changes", 0)
    if runs:
        yield Goal("autoscaling-requests-cut", _exactly(sum(each.cut for each in runs)), "requests", 0)


def _exactly(value: float) -> Figure:
    return Figure(value, value, value)
