"""Some trials of the campaigns, and of the bugs that they must catch, drawn by a seed that never changes.

Some 70 s by themselves. A trial that fails is run again by the words beside it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest

from chaos.campaigns import trials
from chaos.faults import Fault, Plan
from chaos.runner import Clean, Verdict, clean, judged, side_by_side, verdicts
from chaos.workloads import WORKLOADS
from chaos.world import Ground, trial

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
JOBS = 4
SEED = 9
LIVES = ("create", "pool-removed")
# What takes longest: the operator waits 30 s for an answer.
TOO_LONG = (Fault.HANG, Fault.FREEZE_LONG)
TRIALS = {"kills": 4, "refusals": 2, "unseen": 1, "stale": 1}
# Which life shows which planted bug, and under which fault.
BUGS = {
    "written-once": ("create", "503@patch:services/chat#1"),
    "names-of-the-process": ("create", "kill-after@patch:deployments/chat-shared#1"),
}


@pytest.fixture(scope="module")
def against(on: Ground) -> dict[str, Clean]:
    """Runs without faults."""
    return clean(on, LIVES, JOBS, runs=2)


def drawn(against: Mapping[str, Clean]) -> list[tuple[str, str, Plan]]:
    """Return some trials of each campaign."""
    places, rng, found = {name: one.places for name, one in against.items()}, random.Random(SEED), []
    for part, count in TRIALS.items():
        every = [one for one in trials(part, places) if one[1].fault not in TOO_LONG]
        found += [(part, *one) for one in rng.sample(every, count)]
    return found


def test_whatever_fault_strikes_a_service_ends_as_without_it(on: Ground, against: dict[str, Clean]) -> None:
    def one(asked: tuple[str, str, Plan]) -> Verdict:
        part, name, plan = asked
        (found,) = verdicts(on, part, [(name, plan)], against, jobs=1)
        return found

    ended = list(side_by_side(one, drawn(against), JOBS))
    assert [(one.workload, one.plan, one.wrong) for one in ended if one.wrong] == []
    assert sum(one.is_struck for one in ended) > len(ended) / 2


@pytest.mark.parametrize("bug", BUGS)
def test_the_trials_catch_a_planted_bug(on: Ground, against: dict[str, Clean], bug: str) -> None:
    name, plan = BUGS[bug]
    run = trial(on, WORKLOADS[name], Plan.read(plan), bug)
    assert judged(run, against[name])
