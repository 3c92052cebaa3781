"""All laws with all their settings over the same traces.

Owns the order of the runs and what is kept of them. Seeds give traces and cold starts; the same seed is the same for
all laws.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from statistics import fmean
from typing import Final

from tidegate_bench.autoscaling.arms import ARMS, OURS, PLANNER, STATIC, Arm, Setting, by_name
from tidegate_bench.autoscaling.frontier import Point, attainment_at, averaged, hours_for
from tidegate_bench.autoscaling.outcome import Outcome, outcome
from tidegate_bench.autoscaling.traces import Trace
from tidegate_bench.autoscaling.world import Lane, lane, run
from tidegate_bench.statistics import Figure

RESAMPLES: Final = 2_000
RESAMPLING_SEED: Final = 1


@dataclass(frozen=True, slots=True)
class Sweep:
    """Outcomes of one trace: by law, by setting, one for each seed."""

    trace: str
    outcomes: Mapping[str, Mapping[str, Sequence[Outcome]]]

    @property
    def seeds(self) -> int:
        """Return how many seeds there are."""
        return len(next(iter(self.outcomes[OURS].values())))

    def points(self, arm: str, seeds: Sequence[int] | None = None) -> list[Point]:
        """Return a law's points: the means over these seeds, by their places; over all without."""
        found = self.outcomes[arm]
        runs = [
            [Point(knob, each[number].replica_hours, each[number].attainment) for knob, each in found.items()]
            for number in (range(self.seeds) if seeds is None else seeds)
        ]
        return averaged(runs)

    def default(self, seeds: Sequence[int] | None = None) -> Point:
        """Return the point of ours that ships."""
        knob = by_name(OURS).default
        return next(point for point in self.points(OURS, seeds) if point.knob == knob)

    def regret(self, arm: str, attainment: float, seeds: Sequence[int] | None = None) -> float:
        """Return the replica-hours that a law needs for an attainment, over the planner's."""
        return hours_for(self.points(arm, seeds), attainment) / hours_for(
            self.points(PLANNER, seeds), attainment
        )

    def lead(self, arm: str, seeds: Sequence[int] | None = None) -> float | None:
        """Return how much more attainment ours has, as it ships, than a law at the same replica-hours.

        None if each of its settings costs more than ours.
        """
        ours, points = self.default(seeds), self.points(arm, seeds)
        if min(point.hours for point in points) > ours.hours:
            return None
        return ours.attainment - attainment_at(points, ours.hours)

    def least_lead(self, arms: Sequence[str], seeds: Sequence[int] | None = None) -> float:
        """Return the lead over the best of these laws at the replica-hours of ours; of none that is so cheap, all."""
        leads = [lead for arm in arms if (lead := self.lead(arm, seeds)) is not None]
        return min(leads, default=self.default(seeds).attainment)

    def figure(self, of: Callable[[Sequence[int]], float]) -> Figure:
        """Return a figure of the means over all seeds, with the 95 % interval that drawing the seeds again gives.

        Traffic that a law is set up for is many hours, not one: what counts is what it does over them with one setting.
        """
        seeds = range(self.seeds)
        rng = random.Random(RESAMPLING_SEED)  # noqa: S311 - a resampling, not a secret
        drawn = (of(rng.choices(seeds, k=self.seeds)) for _ in range(RESAMPLES))
        found = sorted(value for value in drawn if not isnan(value))
        value = of(seeds)
        if isnan(value) or not found:
            return Figure(value, value, value)
        return Figure(value, found[int(len(found) * 0.025)], found[int(len(found) * 0.975)])

    def of(self, arm: str, knob: str, figure: Callable[[Outcome], float]) -> float:
        """Return the mean of a figure over the seeds."""
        return fmean(figure(each) for each in self.outcomes[arm][knob])


def play(trace: Trace, setting: Setting, seed: int) -> Lane:
    """Run one law over one trace."""
    one = lane(trace, setting.make(trace), seed, replicas=setting.replicas)
    run([one])
    return one


def sweep(
    traces: Sequence[Trace],
    seeds: Sequence[int],
    arms: Sequence[Arm] = ARMS,
    told: Callable[[str], None] | None = None,
) -> Sweep:
    """Run all laws over traces of one kind, each with its seed."""
    found: dict[str, dict[str, list[Outcome]]] = {}
    for arm in arms:
        of_arm = found.setdefault(arm.name, {})
        for setting in arm.settings:
            of_arm[setting.knob] = [
                outcome(play(trace, setting, seed)) for trace, seed in zip(traces, seeds, strict=True)
            ]
        if told is not None:
            told(f"{traces[0].name}: {arm.name}")
    return Sweep(traces[0].name, found)


__all__ = ["OURS", "PLANNER", "STATIC", "Sweep", "play", "sweep"]
