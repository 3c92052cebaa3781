"""Runs trials side by side, and says of each whether it ended as without a fault.

Owns the runs without faults that the others are compared with. Must not know which trials are asked for, or why.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from chaos.campaigns import common
from chaos.faults import Place, Plan
from chaos.oracle import Reference, differences, reference_of
from chaos.workloads import WORKLOADS
from chaos.world import Ground, Run, trial

CLEAN_RUNS = 3
T, R = TypeVar("T"), TypeVar("R")


class Unclean(Exception):
    """A run without a fault did not come to its end: there is nothing to compare with."""


@dataclass(frozen=True)
class Clean:
    """What runs of a workload without a fault have in common, and the places that all of them came by."""

    reference: Reference
    places: Sequence[Place]


@dataclass(frozen=True)
class Verdict:
    """How a trial ended. `is_struck` tells whether the fault came about at all; `wrong` says what differed."""

    part: str
    workload: str
    plan: str
    is_struck: bool
    wrong: tuple[str, ...]
    seconds: float
    restarts: int

    @property
    def word(self) -> str:
        return "FAILED" if self.wrong else "ok" if self.is_struck else "not reached"


def clean(on: Ground, names: Sequence[str], jobs: int, runs: int = CLEAN_RUNS) -> dict[str, Clean]:
    """Run workloads without faults; raises Unclean if one does not come to its end by itself, twice."""

    def one(name: str) -> Run:
        run = trial(on, WORKLOADS[name])
        # On a busy machine one may come too late, and its reference would be that of nothing.
        return trial(on, WORKLOADS[name]) if run.late else run

    asked = [name for name in names for _ in range(runs)]
    found: dict[str, list[Run]] = {name: [] for name in names}
    for name, run in zip(asked, side_by_side(one, asked, jobs), strict=True):
        if run.late or run.faults:
            raise Unclean(f"{name} without a fault: {run.late or run.faults}")
        found[name].append(run)
    return {
        name: Clean(reference_of([run.end for run in runs]), common([run.trace for run in runs]))
        for name, runs in found.items()
    }


def judged(run: Run, against: Clean) -> list[str]:
    """Return in words what differs from runs without a fault; nothing if all is as it should be."""
    return [
        *([run.late] if run.late else differences(run.end, against.reference)),
        *(f"the operator did not expect this: {one}" for one in run.faults),
    ]


def verdicts(
    on: Ground,
    part: str,
    trials: Iterable[tuple[str, Plan]],
    against: Mapping[str, Clean],
    *,
    jobs: int,
    bug: str | None = None,
) -> Iterator[Verdict]:
    """Yield how each trial ended, in their order."""

    def one(asked: tuple[str, Plan]) -> Verdict:
        name, plan = asked
        try:
            run = trial(on, WORKLOADS[name], plan, bug)
        except Exception:
            # The rig itself, or an operator that never came to lead: one trial that says nothing, not the end of all.
            return Verdict(part, name, str(plan), False, (traceback.format_exc()[-2000:],), 0.0, 0)
        wrong = tuple(judged(run, against[name]))
        return Verdict(part, name, str(plan), run.struck, wrong, run.seconds, run.restarts)

    yield from side_by_side(one, list(trials), jobs)


def side_by_side(does: Callable[[T], R], asked: Sequence[T], jobs: int) -> Iterator[R]:
    """Yield what comes of each, a few at a time, in their order."""
    with ThreadPoolExecutor(jobs, thread_name_prefix="trial") as pool:
        yield from pool.map(does, asked)


def show(verdict: Verdict) -> None:
    """Print how a trial ended, and where it failed what differed and how to run it again."""
    head = f"{verdict.word:<12}{verdict.workload:<16}{verdict.plan}"
    print(f"{head}  {verdict.seconds:.1f} s, {verdict.restarts} restarts", flush=True)
    for line in verdict.wrong[:8]:
        print(f"            {line}", flush=True)
    if verdict.wrong:
        print(
            f"            again: make chaos PART={verdict.part} WORKLOAD={verdict.workload} PLAN='{verdict.plan}'",
            flush=True,
        )
    sys.stdout.flush()
