"""All laws with all their settings over the same traces.

Owns the order of the runs and what is kept of them. Seeds give traces and cold starts; the same seed is the same for
all laws.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from tidegate_bench.autoscaling.arms import ARMS, OURS, PLANNER, STATIC, Arm, Setting, by_name
from tidegate_bench.autoscaling.frontier import Point, attainment_at, averaged, hours_for
from tidegate_bench.autoscaling.outcome import Outcome, outcome
from tidegate_bench.autoscaling.traces import Trace
from tidegate_bench.autoscaling.world import Lane, lane, run


@dataclass(frozen=True, slots=True)
class Sweep:
    """Outcomes of one trace: by law, by setting, one for each seed."""

    trace: str
    outcomes: Mapping[str, Mapping[str, Sequence[Outcome]]]

    @property
    def seeds(self) -> int:
        """Return how many seeds there are."""
        return len(next(iter(self.outcomes[OURS].values())))

    def points(self, arm: str, seed: int | None = None) -> list[Point]:
        """Return a law's points: of one seed, or the means over all."""
        found = self.outcomes[arm]
        runs = [
            [Point(knob, each[number].replica_hours, each[number].attainment) for knob, each in found.items()]
            for number in (range(self.seeds) if seed is None else (seed,))
        ]
        return averaged(runs)

    def default(self, seed: int | None = None) -> Point:
        """Return the point of ours that ships."""
        knob = by_name(OURS).default
        return next(point for point in self.points(OURS, seed) if point.knob == knob)

    def regret(self, arm: str, attainment: float, seed: int | None = None) -> float:
        """Return the replica-hours that a law needs for an attainment, over the planner's."""
        return hours_for(self.points(arm, seed), attainment) / hours_for(
            self.points(PLANNER, seed), attainment
        )

    def lead(self, arm: str, seed: int | None = None) -> float | None:
        """Return how much more attainment ours has, as it ships, than a law at the same replica-hours.

        None if each of its settings costs more than ours.
        """
        ours, points = self.default(seed), self.points(arm, seed)
        if min(point.hours for point in points) > ours.hours:
            return None
        return ours.attainment - attainment_at(points, ours.hours)

    def least_lead(self, arms: Sequence[str], seed: int | None = None) -> float:
        """Return the lead over the best of these laws at the replica-hours of ours; of none that is so cheap, all."""
        leads = [lead for arm in arms if (lead := self.lead(arm, seed)) is not None]
        return min(leads, default=self.default(seed).attainment)

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
