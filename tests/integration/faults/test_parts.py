"""A few trials of the campaigns that draw no places from clean runs: what users write, who leads, what a watch says.

Some 40 s by themselves. A trial that fails is run again by the words beside it.
"""

from __future__ import annotations

import pytest

from chaos import election, operations, watchfaults
from chaos.faults import Fault
from chaos.operations import Trial
from chaos.runner import Clean, Verdict, clean, verdicts
from chaos.world import Ground

pytestmark = [pytest.mark.slow, pytest.mark.thorough, pytest.mark.timeout(1800)]
JOBS = 3
SEED = 9
LIFE = "create"
WALKS = ("full:engine.maxModelLen", "hub:model.tokenSecretRef.key")
CHAIN = (
    "classes:qos.classes[0].replicas=most,replicas=zero,suspend=true,engine.maxModelLen=least,suspend=false"
)
ROLLBACKS = ("full:engine.args=ours", "full:podTemplate=labels-list")


@pytest.fixture(scope="module")
def against(on: Ground) -> dict[str, Clean]:
    """Runs without faults."""
    return clean(on, [LIFE], JOBS, runs=2)


def wrong(found: list[Verdict]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(one.workload, one.plan, one.wrong) for one in found if one.wrong]


def test_what_a_user_writes_is_refused_by_its_field_or_brought_about_and_told(on: Ground) -> None:
    asked = [
        *(("walk", name) for name in WALKS),
        ("chain", CHAIN),
        *(("rollback", name) for name in ROLLBACKS),
    ]
    assert wrong(list(operations.verdicts(on, asked, JOBS))) == []


def test_every_trial_is_found_by_its_name() -> None:
    for kind, name in operations.trials(SEED):
        assert str(Trial.read(kind, name)) == name


def test_a_leader_that_goes_leaves_nothing_half_done_and_nothing_twice(
    on: Ground, against: dict[str, Clean]
) -> None:
    assert wrong(list(election.verdicts(on, [(LIFE, "told")], against, JOBS, SEED))) == []


def test_a_watch_that_lies_or_is_refused_delays_and_changes_nothing(
    on: Ground, against: dict[str, Clean]
) -> None:
    plans = [
        (LIFE, plan)
        for plan in watchfaults.plans(LIFE, against[LIFE].places)
        if plan.fault in {Fault.GONE, Fault.BROKEN_LINE, Fault.ERROR_EVENT}
    ]
    ended = list(verdicts(on, "watches", plans, against, jobs=JOBS))
    assert wrong(ended) == []
    assert all(one.is_struck for one in ended)
