"""`python -m tidegate_bench autoscaling`: replicas over hours of simulated traffic, by our law, peers and a planner.

Owns the order and the report. Everything is simulated time: the machine's speed changes how long the run takes, not
what it finds. Constants of our law are chosen by what the half "tune" shows; goals are judged on the half "report".
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import Final

from tidegate_bench import results
from tidegate_bench.autoscaling import budgeted, faultruns
from tidegate_bench.autoscaling.arms import ARMS, by_name
from tidegate_bench.autoscaling.bound import TRACES, Bound, bound
from tidegate_bench.autoscaling.budgeted import Shared
from tidegate_bench.autoscaling.faultruns import Broken
from tidegate_bench.autoscaling.goals import ATTAINMENT, judged
from tidegate_bench.autoscaling.model import MODEL, OBJECTIVE, START
from tidegate_bench.autoscaling.sweep import OURS, PLANNER, Sweep, play, sweep
from tidegate_bench.autoscaling.traces import MAKERS, denser, halves, read
from tidegate_bench.autoscaling.world import Lane
from tidegate_operator.scaling.tuning import DEFAULT

PARTS: Final = ("tune", "report", "budget", "faults", "bound")
SEEDS: Final = {"tune": (1,), "report": (11, 12, 13, 14, 15, 16, 17, 18)}
BUDGET_SEEDS: Final = (31, 32, 33)


@dataclass(slots=True)
class Measured:
    """Everything of one run; `halves` by their names."""

    halves: dict[str, list[Sweep]] = field(default_factory=dict)
    shared: list[Shared] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    bounds: list[Bound] = field(default_factory=list)
    # What ours did on the first seed of the reported half, for the drawings.
    courses: dict[str, list[tuple[float, int, int]]] = field(default_factory=dict)


def main(parts: Sequence[str] = PARTS, trace: Path | None = None, times: int = 1) -> int:
    """Run the benchmark; return 2 if the trace cannot be read."""
    measured = Measured()
    if trace is not None:
        try:
            whole = denser(read(trace), times)
        except (OSError, ValueError) as error:
            sys.stderr.write(f"{error}\n")
            return 2
        for half, part in zip(SEEDS, halves(whole), strict=True):
            if half in parts:
                measured.halves[half] = [sweep([part], SEEDS[half][:1], told=_told)]
    else:
        for half, seeds in SEEDS.items():
            if half in parts:
                measured.halves[half] = [
                    sweep([make(seed) for seed in seeds], seeds, told=_told) for make in MAKERS.values()
                ]
        _others(measured, parts)
    return conclude(measured)


def _others(measured: Measured, parts: Sequence[str]) -> None:
    if "report" in parts:
        default = next(s for s in by_name(OURS).settings if s.knob == by_name(OURS).default)
        seed = SEEDS["report"][0]
        for name, make in MAKERS.items():
            measured.courses[name] = _course(play(make(seed), default, seed))
    if "budget" in parts:
        measured.shared = [way(seed) for way in budgeted.WAYS for seed in BUDGET_SEEDS]
    if "faults" in parts:
        measured.broken = faultruns.all_of()
    if "bound" in parts:
        measured.bounds = [bound(name, ATTAINMENT) for name in TRACES]


def _course(lane: Lane) -> list[tuple[float, int, int]]:
    return [entry for entry in lane.replicas if entry[0] <= lane.trace.seconds][::3]


def _told(words: str) -> None:
    sys.stderr.write(f"{words}\n")


def conclude(measured: Measured) -> int:
    """Tell and keep what was measured."""
    for half, sweeps in measured.halves.items():
        for each in sweeps:
            print(
                f"\n{each.trace}, {half}: attainment, replicas on average, regret at {ATTAINMENT:.0%}, lead of ours"
            )
            print(*_lines(each), sep="\n")
    print(*_budget_lines(measured.shared), sep="\n")
    print(*_fault_lines(measured.broken), sep="\n")
    print(*_bound_lines(measured.bounds), sep="\n")
    goals = judged(measured.halves.get("report", []), measured.shared, measured.broken)
    results.write("autoscaling", _content(measured), goals)
    results.conclude(goals)
    return 0


def _lines(each: Sweep) -> list[str]:
    lines = []
    for arm in ARMS:
        cells = [f"{p.knob}: {p.attainment:.1%}/{p.hours:.2f}" for p in each.points(arm.name)]
        told = f"  {arm.name:12} regret {each.regret(arm.name, ATTAINMENT):.2f}"
        lead = _told_lead(each, arm.name)
        lines.append(f"{told}{lead}   {'  '.join(cells)}")
    ours = by_name(OURS).default
    for what in ("first_token_p99", "changes_per_hour"):
        lines.append(f"  ours {what} {each.of(OURS, ours, lambda o, w=what: float(getattr(o, w))):.1f}")  # type: ignore[misc]
    return lines


def _told_lead(each: Sweep, arm: str) -> str:
    if arm in {OURS, PLANNER}:
        return ""
    lead = each.lead(arm)
    return ", all dearer" if lead is None else f", lead {100 * lead:+.1f}"


def _budget_lines(shared: Sequence[Shared]) -> list[str]:
    if not shared:
        return []
    lines = [
        f"\n{budgeted.ACCELERATORS} accelerators for three classes: attainment of high, medium, low, replicas"
    ]
    for each in shared:
        cells = "  ".join(f"{o.attainment:.1%}/{o.replica_hours:.2f}" for o in each.outcomes.values())
        lines.append(f"  {each.way:20}{cells}")
    return lines


def _fault_lines(broken: Sequence[Broken]) -> list[str]:
    if not broken:
        return []
    lines = ["\nfaults: attainment, replicas on average, taken away without measurements"]
    for each in broken:
        o = each.outcome
        lines.append(
            f"  {each.fault:40}{each.arm:8}{o.attainment:>7.1%}{o.replica_hours:>7.2f}{o.blind_downs:>4}"
        )
    return lines


def _bound_lines(bounds: Sequence[Bound]) -> list[str]:
    if not bounds:
        return []
    lines = ["\nwithout foresight: least replicas, those of a law that knows the process, the planner's"]
    for each in bounds:
        figures = f"{each.least:.2f}  {each.reached:.2f}  {each.planner:.2f}  foreseen {each.foreseen:.2f}"
        lines.append(f"  {each.trace:12}{each.attainment:.0%}  {figures}")
    return lines


def _content(measured: Measured) -> dict[str, object]:
    return {
        "seeds": {**SEEDS, "budget": BUDGET_SEEDS, "faults": [faultruns.SEED]},
        "model": asdict(MODEL),
        "cold_start": asdict(START),
        "objective": asdict(OBJECTIVE),
        "tuning": asdict(DEFAULT),
        "halves": {half: [_swept(each) for each in sweeps] for half, sweeps in measured.halves.items()},
        "courses": measured.courses,
        "budget": {
            "accelerators": budgeted.ACCELERATORS,
            "runs": [
                {"way": each.way, "classes": {name: asdict(o) for name, o in each.outcomes.items()}}
                for each in measured.shared
            ],
        },
        "faults": [
            {"fault": each.fault, "arm": each.arm, "outcome": asdict(each.outcome)}
            for each in measured.broken
        ],
        "bounds": [
            {
                name: _finite(value) if isinstance(value, float) else value
                for name, value in asdict(each).items()
            }
            for each in measured.bounds
        ],
    }


def _swept(each: Sweep) -> dict[str, object]:
    return {
        "trace": each.trace,
        "arms": {
            arm: {
                "settings": {knob: [asdict(o) for o in found] for knob, found in settings.items()},
                "points": [asdict(point) for point in each.points(arm)],
                "regret": _finite(each.regret(arm, ATTAINMENT)),
                "lead": None if arm in {OURS, PLANNER} else each.lead(arm),
            }
            for arm, settings in each.outcomes.items()
        },
    }


def _finite(value: float) -> float | None:
    """Return a number as JSON knows it: None for one that no setting reaches."""
    return value if isfinite(value) else None
