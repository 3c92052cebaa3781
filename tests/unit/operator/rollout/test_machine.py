"""How a rollout goes on: every way from every phase, and what can never happen on any of them."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_operator.desired import Course
from tidegate_operator.facts import Key
from tidegate_operator.metrics import Metrics
from tidegate_operator.rollout.facts import Compared, Counts, Examined, Seen, State, Tried
from tidegate_operator.rollout.machine import READY_SECONDS, advance
from tidegate_operator.rollout.memory import recall, told
from unit.operator.rollout.scenes import (
    NEW,
    NOW,
    OLD,
    THIRD,
    canary,
    compared,
    counts,
    examined,
    later,
    seen,
    trying,
)

GOOD = compared(counts(200))
BAD = compared(counts(200, errors=100))
SLOW = compared(counts(200, times={90: 200}))
GOLDEN = {"golden_prompts_ref": {"name": "golden"}}


def by_hand(**analysis: Any) -> dict[str, Any]:
    return {"canary": canary(auto_rollback=False, **analysis)}


@pytest.mark.parametrize(
    ("state", "moment", "expected"),
    [
        pytest.param(
            State(OLD), {"target": OLD}, ("Stable", OLD, None, 0), id="nothing is asked for: it stays"
        ),
        pytest.param(
            State(OLD), {"is_alike": True}, ("Stable", NEW, None, 0), id="no worker changes: another name"
        ),
        pytest.param(
            State(OLD), {}, ("Canary", OLD, NEW, 0), id="another version is tried, without requests yet"
        ),
        pytest.param(
            State(OLD), {"canary": None}, ("Promoting", OLD, NEW, 0), id="without a canary it is promoted"
        ),
        pytest.param(trying(weight=0), {}, ("Canary", OLD, NEW, 10), id="with ready workers its step begins"),
        pytest.param(
            trying(weight=0),
            {"tried": Tried(2, 1, 2)},
            ("Canary", OLD, NEW, 0),
            id="with one of two workers it gets no request",
        ),
        pytest.param(
            trying(weight=0),
            {"tried": Tried(1, 0, 1), "now": later(READY_SECONDS + 1)},
            ("RollingBack", OLD, NEW, 0),
            id="workers that are not ready in time are taken back",
        ),
        pytest.param(
            trying(weight=0),
            {"tried": Tried(1, 0, 1, "it ended with exit code 1")},
            ("RollingBack", OLD, NEW, 0),
            id="a worker that ends is taken back at once",
        ),
        pytest.param(
            trying(),
            {"compared": GOOD},
            ("Canary", OLD, NEW, 10),
            id="a good version stays for the whole step",
        ),
        pytest.param(
            trying(),
            {"now": later(3600)},
            ("Canary", OLD, NEW, 10),
            id="without requests a step does not end",
        ),
        pytest.param(
            trying(),
            {"now": later(3600), "canary": canary(min_requests=0)},
            ("Canary", OLD, NEW, 10),
            id="nor does it with none asked for, where no golden prompt was answered",
        ),
        pytest.param(
            trying(2, 50, golden="5/5"),
            {"now": later(61), "canary": canary(min_requests=0, **GOLDEN)},
            ("Promoting", OLD, NEW, 50),
            id="golden prompts promote it where no request is asked for",
        ),
        pytest.param(
            trying(2, 50),
            {"compared": GOOD, "now": later(61)},
            ("Promoting", OLD, NEW, 50),
            id="after the last step",
        ),
        pytest.param(trying(), {"compared": BAD}, ("RollingBack", OLD, NEW, 0), id="errors take it back"),
        pytest.param(
            trying(), {"compared": SLOW}, ("RollingBack", OLD, NEW, 0), id="late first tokens take it back"
        ),
        pytest.param(
            trying(),
            {"compared": BAD, **by_hand()},
            ("Canary", OLD, NEW, 0),
            id="without autoRollback it waits for a person, without requests",
        ),
        pytest.param(
            trying(weight=0, verdict="Failed"),
            {"compared": GOOD, **by_hand()},
            ("Canary", OLD, NEW, 0),
            id="one that waits for a person goes on waiting",
        ),
        pytest.param(
            trying(weight=0, verdict="Failed"),
            {},
            ("RollingBack", OLD, NEW, 0),
            id="until autoRollback is true again",
        ),
        pytest.param(
            trying(weight=0, verdict="Failed"),
            {"command": "promote", **by_hand()},
            ("Promoting", OLD, NEW, 0),
            id="a person promotes what has failed",
        ),
        pytest.param(trying(), {"command": "promote"}, ("Promoting", OLD, NEW, 10), id="a person promotes"),
        pytest.param(trying(), {"command": "abort"}, ("RollingBack", OLD, NEW, 0), id="a person aborts"),
        pytest.param(trying(), {"target": OLD}, ("RollingBack", OLD, NEW, 0), id="the spec goes back"),
        pytest.param(
            trying(2, 50), {"target": THIRD}, ("Canary", OLD, THIRD, 0), id="a third version replaces it"
        ),
        pytest.param(
            trying(2, 50),
            {"is_at_rest": True},
            ("Canary", OLD, NEW, 0),
            id="asleep, it begins its steps anew",
        ),
        pytest.param(
            trying(), {"canary": None}, ("Promoting", OLD, NEW, 10), id="the spec wants no canary any more"
        ),
        pytest.param(
            trying(2, 50),
            {"canary": canary(20, 30)},
            ("Canary", OLD, NEW, 30),
            id="a step made smaller holds at once",
        ),
        pytest.param(
            State(OLD, "Promoting", NEW),
            {"is_settled": False},
            ("Promoting", OLD, NEW, 0),
            id="until all are replaced",
        ),
        pytest.param(
            State(OLD, "Promoting", NEW), {}, ("Stable", NEW, None, 0), id="then it is the one in use"
        ),
        pytest.param(
            State(OLD, "Promoting", NEW),
            {"target": OLD},
            ("RollingBack", OLD, NEW, 0),
            id="a promotion goes back",
        ),
        pytest.param(
            State(OLD, "Promoting", NEW),
            {"target": THIRD},
            ("Canary", OLD, THIRD, 0),
            id="what nobody has checked is gone back from for a third version",
        ),
        pytest.param(
            State(OLD, "Promoting", NEW, verdict="Passed"),
            {"target": THIRD},
            ("Canary", NEW, THIRD, 0),
            id="what was checked stays, and a third version is tried beside it",
        ),
        pytest.param(
            State(OLD, "RollingBack", NEW, verdict="Failed"),
            {},
            ("RollingBack", OLD, NEW, 0),
            id="while a worker of it is there, it is being taken back",
        ),
        pytest.param(
            State(OLD, "RollingBack", NEW, verdict="Failed"),
            {"tried": Tried()},
            ("RolledBack", OLD, NEW, 0),
            id="then it is taken back",
        ),
        pytest.param(
            State(OLD, "RollingBack", NEW, verdict="Withdrawn"),
            {"tried": Tried(), "target": OLD},
            ("Stable", OLD, None, 0),
            id="or forgotten, where nobody asks for it",
        ),
        pytest.param(
            State(OLD, "RollingBack", NEW, verdict="Withdrawn"),
            {"tried": Tried()},
            ("Canary", OLD, NEW, 0),
            id="asked for again while it goes, it is tried again",
        ),
        pytest.param(
            State(OLD, "RollingBack", NEW, verdict="Failed"),
            {"tried": Tried(), "has_moved": False},
            ("RollingBack", OLD, NEW, 0),
            id="not before all others are as they were",
        ),
        pytest.param(
            State(OLD, "RolledBack", NEW, verdict="Failed"),
            {},
            ("RolledBack", OLD, NEW, 0),
            id="it is not tried again",
        ),
        pytest.param(
            State(OLD, "RolledBack", NEW, verdict="Failed"),
            {"target": THIRD},
            ("Canary", OLD, THIRD, 0),
            id="another one is",
        ),
        pytest.param(
            State(OLD, "RolledBack", NEW, verdict="Failed"),
            {"target": OLD},
            ("Stable", OLD, None, 0),
            id="all is well",
        ),
    ],
)
def test_what_comes_next(
    state: State, moment: dict[str, Any], expected: tuple[str, str, str | None, int]
) -> None:
    after = advance(state, seen(**moment))
    assert (after.phase, after.revision, after.other, after.weight) == expected


def test_a_step_that_has_lasted_makes_room_for_the_next_and_begins_it_once_its_workers_are_ready() -> None:
    moment = seen(compared=GOOD, now=later(61), tried=Tried(1, 1, 1))
    state = advance(trying(), moment)
    assert (state.step, state.weight) == (2, 10)
    more = replace(moment, tried=Tried(3, 1, 1), now=later(62))
    waits = advance(state, more)
    assert (waits.weight, waits.message) == (10, "1 of 3 of its workers are ready")
    goes = advance(waits, replace(more, tried=Tried(3, 3, 3), now=later(90)))
    assert (goes.step, goes.weight, goes.step_started_at) == (2, 50, later(90))


@pytest.mark.parametrize(
    ("found", "phase", "golden", "words"),
    [
        pytest.param(None, "Canary", None, "the golden prompts are being asked", id="while they are asked"),
        pytest.param(
            Examined(NEW, problem="there is no ConfigMap"),
            "Canary",
            None,
            "the golden prompts cannot be asked: there is no ConfigMap",
            id="while they cannot be asked",
        ),
        pytest.param(
            replace(examined(), revision=THIRD),
            "Canary",
            None,
            "the golden prompts are being asked",
            id="of another",
        ),
        pytest.param(examined(), "Canary", "5/5", "", id="all as expected"),
        pytest.param(
            examined(4),
            "RollingBack",
            "4/5",
            "golden prompts answered otherwise than expected: '0' was wrong",
            id="one otherwise",
        ),
    ],
)
def test_no_request_before_golden_prompts_are_answered_as_expected(
    found: Examined | None, phase: str, golden: str | None, words: str
) -> None:
    moment = seen(canary=canary(**GOLDEN), examined=found)
    after = advance(trying(weight=0, message=""), moment)
    assert (after.phase, after.golden, after.message, after.weight) == (phase, golden, words, 0)
    if golden == "5/5":
        assert advance(after, moment).weight == 10


def test_time_asleep_is_no_time_of_a_step() -> None:
    asleep = advance(trying(weight=0), seen(is_at_rest=True))
    assert (asleep.step_started_at, asleep.verdict) == (None, "Waiting")
    awake = advance(asleep, seen(now=later(9999), tried=Tried(1, 0, 1)))
    assert (awake.phase, awake.step_started_at) == ("Canary", later(9999))


def moments(seed: int, most: int) -> list[Seen]:
    """Return any course of things, told by a number: to draw each of its parts would take minutes."""
    dice = Random(seed)
    return [_moment(dice) for _ in range(dice.randint(1, most))]


def _moment(dice: Random) -> Seen:
    asked = canary(
        *(dice.randint(1, 100) for _ in range(dice.randint(1, 5))),
        min_requests=dice.choice((0, 50)),
        auto_rollback=dice.random() < 0.7,
        **(GOLDEN if dice.random() < 0.3 else {}),
    )
    ended = "it ended" if dice.random() < 0.1 else None
    return Seen(
        target=dice.choice((OLD, NEW, NEW, NEW, THIRD)),
        is_alike=dice.random() < 0.1,
        canary=asked if dice.random() < 0.8 else None,
        is_at_rest=dice.random() < 0.1,
        tried=Tried(dice.randint(0, 3), dice.randint(0, 3), dice.randint(0, 3), ended),
        has_moved=dice.random() < 0.5,
        is_settled=dice.random() < 0.5,
        compared=Compared(_counts(dice), _counts(dice)),
        examined=dice.choice((None, examined(), examined(3))),
        command=dice.choice((None, None, None, "promote", "abort")),
        now=later(dice.randint(0, 10_000)),
    )


def _counts(dice: Random) -> Counts:
    requests = dice.choice((0, 10, 200))
    return Counts(requests, round(requests * dice.choice((0, 0, 0.5))), {dice.randint(40, 80): requests})


SEEDS = st.integers(0, 2**32)
STEPS = st.lists(st.integers(1, 100), min_size=1, max_size=5)


@given(SEEDS)
def test_whatever_is_seen_one_version_is_in_use_and_no_step_gets_more_than_its_share(seed: int) -> None:
    state = State(OLD)
    for moment in moments(seed, 40):
        before, state = state, advance(state, moment)
        # There is one version that the workers in use are of, and it changes only to what was asked for.
        assert state.revision in (before.revision, before.other, moment.target)
        if state.phase == "Stable":
            assert (state.other, state.weight) == (None, 0)
        else:
            assert state.other not in (None, state.revision)
        if state.phase == "Canary":
            assert state.goal == state.revision
            if moment.canary is not None:
                most = max(step.weight for step in moment.canary.steps)
                assert state.weight <= max(most, 0)
                assert 1 <= state.step <= len(moment.canary.steps) or state.verdict == "Failed"
        if state.phase in ("RollingBack", "RolledBack") or state.verdict == "Failed":
            assert state.weight == 0
        # Nothing is promoted that a canary was asked for and did not pass, unless a person says so.
        is_new = state.phase == "Promoting" and before.phase == "Canary"
        if is_new and moment.canary is not None:
            assert state.verdict in ("Passed", "Promoted")
            # Steps that were made smaller on the way ask for less than it has stood already.
            assert moment.command == "promote" or before.weight >= moment.canary.steps[-1].weight
        # The same facts give the same state.
        assert advance(before, moment) == state


@given(SEEDS, st.sampled_from(["good", "bad", "gone"]), STEPS)
def test_from_every_state_it_comes_to_an_end(seed: int, how: str, steps: list[int]) -> None:
    state = State(OLD)
    for moment in moments(seed, 20):
        state = advance(state, moment)
    wanted = canary(*steps)
    counted = {"good": GOOD, "bad": BAD, "gone": Compared()}[how]
    target = state.revision if how == "gone" else NEW
    for round_ in range(60):
        # Workers come and go as the state asks for them.
        there = 1 if state.phase in ("Canary", "Promoting") else 0
        moment = seen(
            target=target,
            canary=wanted,
            compared=counted if state.weight else Compared(),
            tried=Tried(there, there, there),
            now=later(20_000 + 100 * round_),
        )
        state = advance(state, moment)
    assert state.phase in (("Stable", "RolledBack") if how != "gone" else ("Stable",))
    assert how == "bad" or state.phase == "RolledBack" or state == State(target)


@given(SEEDS)
def test_a_restart_finds_everything_again(seed: int) -> None:
    """What a status keeps of a state is all of it: the next step is the same."""
    state = State(OLD)
    for moment in moments(seed, 30):
        state = advance(state, moment)
        kept = recall({"rollout": told(Course(state, state, Compared(), 3), None)})
        assert kept is not None
        assert advance(kept, moment) == advance(state, moment) or state.phase == "Stable"
        assert replace(kept, message="") == replace(state, message="") or state.phase == "Stable"


def test_nothing_to_do_is_the_same_state() -> None:
    for state in (State(OLD), State(OLD, "RolledBack", NEW, verdict="Failed", started_at=NOW)):
        assert advance(state, seen(target=OLD if state.phase == "Stable" else NEW)) is state


def test_the_phase_is_a_metric_until_the_service_is_gone() -> None:
    metrics, key = Metrics(), Key("team-a", "chat")
    for phase in ("Stable", "Canary"):
        metrics.told(key, {"rollout": {"phase": phase}})
    found = [
        line
        for line in metrics.exposition().decode().splitlines()
        if line.startswith("tidegate_operator_rollout")
    ]
    assert found == ['tidegate_operator_rollout_phase{namespace="team-a",phase="Canary",service="chat"} 1.0']
    metrics.forget(key)
    assert b'phase="Canary"' not in metrics.exposition()


def test_what_a_version_was_taken_back_for_is_in_the_figures_that_stay() -> None:
    """It may be decided in the very look that first sees a count."""
    tried = {"phase": "Canary", "revision": OLD, "canaryRevision": NEW}
    going = State(OLD, "RollingBack", NEW, verdict="Failed")
    decided = told(Course(going, going, BAD, 3), {"rollout": tried})
    assert decided["canary"]["errors"] == 100
    over = State(OLD, "RolledBack", NEW, verdict="Failed")
    assert told(Course(going, over, Compared(), 3), {"rollout": decided})["canary"] == decided["canary"]
