"""How a rollout goes on: from what is there and what was seen to what is next, one transition at a time.

Owns the order of the phases and what ends each. Pure: the same facts give the same state. What a state says is built
only once it is stored, so that whoever takes over in the middle goes on from there. Must not build or count anything.

    Stable ─► Canary ─► Promoting ─► Stable
                 └─► RollingBack ─► RolledBack (failed, aborted) or Stable (the spec went back)
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tidegate_api.rollout import CanarySettings, CanaryStep, Verdict
from tidegate_operator.rollout.analysis import Judgement, judge
from tidegate_operator.rollout.facts import Seen, State

# Half an hour to load, as the startup probe of a worker gives it, and what a node and an image take before.
READY_SECONDS: Final = 2700


def advance(state: State, seen: Seen) -> State:
    """Return the next state; the same one where there is nothing to do."""
    if state.phase == "Canary":
        return _try(state, seen)
    if state.phase == "Promoting":
        return _promote(state, seen)
    if state.phase == "RollingBack":
        return _take_back(state, seen)
    return _rest(state, seen)


def _rest(state: State, seen: Seen) -> State:
    if seen.target == state.revision:
        return state if state.phase == "Stable" else State(state.revision)
    if state.phase == "RolledBack" and seen.target == state.other:
        return state
    return State(seen.target) if seen.is_alike else _begin(state.revision, seen)


def _begin(revision: str, seen: Seen) -> State:
    """Return the beginning of the rollout of what the spec asks for."""
    started = State(revision, "Promoting", seen.target, started_at=seen.now, step_started_at=seen.now)
    if seen.canary is None:
        return replace(started, message="its workers take the place of the others, one by one")
    return replace(started, phase="Canary", step=1, verdict="Waiting", message="its workers are being made")


def _try(state: State, seen: Seen) -> State:
    decided = _decided(state, seen)
    if decided is not None or seen.canary is None:
        return decided or state
    if state.verdict == "Failed":
        return _end(state, "Failed", state.message) if seen.canary.analysis.auto_rollback else state
    if seen.is_at_rest:
        words = "no worker is wanted: its steps begin once there are some"
        return replace(state, step=1, weight=0, step_started_at=None, verdict="Waiting", message=words)
    if state.step_started_at is None:
        return replace(state, step_started_at=seen.now, message="its workers are being made")
    return _go_on(state, seen, seen.canary)


def _decided(state: State, seen: Seen) -> State | None:
    """Return what a person has decided, by the spec or by a command, None where all goes its way."""
    if seen.target == state.revision or seen.is_alike:
        return _withdraw(state)
    if seen.target != state.other:
        return _begin(state.revision, seen)
    if seen.command == "abort":
        return _end(state, "Aborted", "a person has aborted it")
    if seen.command == "promote":
        return _go_all_the_way(state, "Promoted", "a person has promoted it", seen.now)
    if seen.canary is None:
        return _go_all_the_way(state, None, "spec.rollout.canary is gone: it goes on without", seen.now)
    return None


def _go_on(state: State, seen: Seen, asked: CanarySettings) -> State:
    """Return what follows for a version that is being tried, and may be."""
    if seen.tried.problem is not None:
        return _fail(state, seen, seen.tried.problem)
    step = min(state.step, len(asked.steps))
    # Steps may be edited on the way: never more goes to it than they say now.
    wanted = asked.steps[step - 1].weight
    now = replace(state, step=step, weight=min(state.weight, wanted))
    judgement = judge(seen.compared, asked.analysis, has_golden=_has_golden(state, asked))
    if state.weight and judgement.is_ == "Failed":
        return _fail(now, seen, judgement.words)
    if now.weight != wanted:
        return _await_workers(now, seen, asked)
    return _await_evidence(now, seen, asked, judgement)


def _await_workers(state: State, seen: Seen, asked: CanarySettings) -> State:
    """Let a step begin once it has its workers, the first one once golden prompts were answered as expected."""
    since = state.step_started_at or seen.now
    if seen.tried.ready < seen.tried.wanted:
        if seen.now - since > timedelta(seconds=READY_SECONDS):
            words = f"only {_of(seen)} of its workers were ready after {READY_SECONDS // 60} minutes"
            return _fail(state, seen, words)
        return replace(state, verdict="Waiting", message=f"{_of(seen)} of its workers are ready")
    if asked.analysis.golden_prompts_ref is not None and state.golden is None:
        return _await_golden(state, seen)
    weight = asked.steps[state.step - 1].weight
    words = f"step {state.step} of {len(asked.steps)}: {weight} % of the conversations go to it"
    return replace(state, weight=weight, step_started_at=seen.now, verdict="Passing", message=words)


def _of(seen: Seen) -> str:
    return f"{seen.tried.ready} of {seen.tried.wanted}"


def _await_golden(state: State, seen: Seen) -> State:
    found = seen.examined
    if found is None or found.revision != state.other:
        return replace(state, verdict="Waiting", message="the golden prompts are being asked")
    if found.problem is not None:
        return replace(
            state, verdict="Waiting", message=f"the golden prompts cannot be asked: {found.problem}"
        )
    told = replace(state, golden=found.tally)
    if found.failures:
        return _fail(
            told, seen, f"golden prompts answered otherwise than expected: {'; '.join(found.failures)}"
        )
    return told


def _has_golden(state: State, asked: CanarySettings) -> bool:
    passed, _, total = (state.golden or "").partition("/")
    return asked.analysis.golden_prompts_ref is not None and passed == total != ""


def _await_evidence(state: State, seen: Seen, asked: CanarySettings, judgement: Judgement) -> State:
    """Let a step end once it has lasted, and enough is known that speaks for the version."""
    pause = timedelta(seconds=_step(state, asked).pause_seconds)
    is_over = seen.now - (state.step_started_at or seen.now) >= pause
    if not is_over or judgement.is_ == "Unknown":
        verdict: Verdict = "Waiting" if judgement.is_ == "Unknown" else "Passing"
        return replace(state, verdict=verdict, message=judgement.words)
    if state.step < len(asked.steps):
        words = f"{judgement.words}; workers for step {state.step + 1} are being made"
        return replace(state, step=state.step + 1, step_started_at=seen.now, verdict="Passing", message=words)
    return _go_all_the_way(state, "Passed", judgement.words, seen.now)


def _step(state: State, asked: CanarySettings) -> CanaryStep:
    return asked.steps[state.step - 1]


def _fail(state: State, seen: Seen, words: str) -> State:
    """Take a version back that has failed, or let it wait for a person, without requests."""
    failed = replace(state, weight=0, verdict="Failed", message=words)
    is_automatic = seen.canary is None or seen.canary.analysis.auto_rollback
    return replace(failed, phase="RollingBack") if is_automatic else failed


def _end(state: State, verdict: Verdict, words: str) -> State:
    return replace(state, phase="RollingBack", weight=0, verdict=verdict, message=words)


def _withdraw(state: State) -> State:
    return _end(state, "Withdrawn", "the spec asks for the version in use again")


def _go_all_the_way(state: State, verdict: Verdict | None, words: str, now: datetime) -> State:
    return replace(state, phase="Promoting", step_started_at=now, verdict=verdict, message=words)


def _promote(state: State, seen: Seen) -> State:
    if seen.target == state.revision or seen.is_alike:
        return _withdraw(state)
    if seen.target != state.other:
        # What has been checked stays; what nobody has checked is gone back from.
        kept = state.other if state.is_checked and state.other else state.revision
        return _begin(kept, seen)
    if not seen.is_settled or state.other is None:
        return state
    return State(state.other)


def _take_back(state: State, seen: Seen) -> State:
    is_failed = state.verdict in ("Failed", "Aborted")
    is_wanted_again = seen.target == state.other and not is_failed
    if is_wanted_again or seen.target not in (state.revision, state.other):
        return _begin(state.revision, seen)
    if seen.tried.there or not seen.has_moved:
        return state
    if is_failed and seen.target == state.other:
        return replace(state, phase="RolledBack", step_started_at=None)
    return State(state.revision)
