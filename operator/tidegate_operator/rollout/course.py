"""The rollout of one service at one moment: what is built of it now, and what is to be stored of it next.

Owns the way from facts to versions, canaries and strategies of all pools. What is built is what is stored, not what
was decided just now. Must not hold the decisions: `machine`, `analysis` and `strategy` do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final, Literal

from tidegate_api.names import REVISION_LABEL, ROLLOUT_ANNOTATION, pool_name
from tidegate_api.rollout import Rollout
from tidegate_api.settings import Settings
from tidegate_operator.desired import Canary, Course, Pool, Remark, Revision, Service, Strategy, Version
from tidegate_operator.facts import Manifest, Observed
from tidegate_operator.kinds import WORKLOADS
from tidegate_operator.rollout import machine, memory, strategy, versions, workers
from tidegate_operator.rollout.facts import Seen, State

_COMMANDS: Final[Mapping[str, Literal["promote", "abort"]]] = {"promote": "promote", "abort": "abort"}


@dataclass(frozen=True, slots=True)
class Rolled:
    """What a plan has of a rollout; see there."""

    versions: Mapping[str, Version]
    canaries: Mapping[str, Canary]
    strategies: Mapping[str, Strategy]
    revisions: tuple[Revision, ...]
    remarks: Mapping[str, Remark]
    course: Course
    is_outdated: bool


@dataclass(frozen=True, slots=True)
class _Known:
    """The versions that matter: in use, tried (or promoted, or failed), and asked for."""

    stable: Revision
    other: Revision | None
    target: Revision

    def goal(self, state: State) -> Revision:
        """Return the version that the workers in use are to be of."""
        return self.other if self.other is not None and state.goal == self.other.name else self.stable

    def of(self, revision: Revision, pool: str) -> Version:
        """Return what the workers of a pool are; one that a version does not know is as the spec asks for it."""
        found = revision.of(pool) or self.target.of(pool)
        assert found is not None, pool  # noqa: S101 - a target has every pool of its service
        return found


def roll(service: Service, pools: Sequence[Pool], observed: Observed, settings: Settings) -> Rolled:
    """Return the rollout; `pools` are of the sizes that are wanted now."""
    asked = Rollout.model_validate((observed.service.get("spec") or {}).get("rollout") or {})
    kept = versions.known(observed.children, service.uid)
    is_always = settings.workers.update_policy == "Always"
    state, known = _look_back(observed, service, kept, is_always=is_always)
    canaries = _canaries(asked, state, known, pools)
    goal = known.goal(state)
    built = {pool.name: known.of(goal, pool.name) for pool in pools}
    chosen = {
        pool.name: strategy.choose(
            asked,
            built[pool.name],
            _deployment(observed, pool.name),
            workers.in_use(observed, pool.name),
            observed.now,
            followers=observed.followers,
        )
        for pool in pools
    }
    seen = Seen(
        target=known.target.name,
        is_alike=_is_alike(known.stable, known.target, pools),
        canary=asked.canary,
        is_at_rest=not any(pool.replicas for pool in pools),
        tried=workers.tried(observed, canaries, state.other, settings),
        has_moved=workers.has_moved(observed, pools, goal),
        is_settled=workers.is_settled(observed, pools, goal),
        compared=observed.compared(state.other),
        examined=observed.examined,
        command=_command(observed.service, state),
        now=observed.now,
    )
    used = [one for one in (known.stable, known.other, known.target) if one is not None]
    steps = len(asked.canary.steps) if asked.canary is not None else 0
    return Rolled(
        versions=built,
        canaries=canaries,
        strategies={name: one for name, (one, _) in chosen.items()},
        revisions=versions.history(used, kept),
        remarks={name: remark for name, (_, remark) in chosen.items() if remark is not None},
        course=Course(state, machine.advance(state, seen), seen.compared, steps),
        is_outdated=versions.is_outdated(service, known.target),
    )


def _look_back(
    observed: Observed, service: Service, kept: Sequence[Revision], *, is_always: bool
) -> tuple[State, _Known]:
    """Return how far the rollout is stored to be, and its versions; without a word of it, by what is there."""
    by_name = {one.name: one for one in kept}
    state = memory.recall(observed.service.get("status"))
    in_use = state.revision if state is not None else _running(observed, service)
    first = [
        by_name[name] for name in (in_use, state.other if state is not None else None) if name in by_name
    ]
    preferred = [*first, *(one for one in kept if one not in first)]
    target = versions.target(observed.service, service, preferred, is_always=is_always)
    by_name = {**by_name, target.name: target}
    if in_use not in by_name or (state is not None and state.other and state.other not in by_name):
        # Someone has deleted what is to be gone on with.
        in_use, state = (in_use if in_use in by_name else target.name), None
    state = state or State(in_use)
    return state, _Known(by_name[in_use], by_name.get(state.other or ""), target)


def _running(observed: Observed, service: Service) -> str:
    """Return the version that the Deployments are of, empty where there is none."""
    found = (_deployment(observed, pool.name) for pool in service.pools)
    named = (
        (one["metadata"].get("annotations") or {}).get(REVISION_LABEL) for one in found if one is not None
    )
    return next((name for name in named if name), "")


def _canaries(asked: Rollout, state: State, known: _Known, pools: Sequence[Pool]) -> dict[str, Canary]:
    """Return the workers that try a version: so many of each pool as its share of the requests takes."""
    is_there = state.phase == "Canary" or (state.phase == "Promoting" and state.step > 0)
    if known.other is None or asked.canary is None or not is_there:
        return {}
    weight = asked.canary.steps[min(max(state.step, 1), len(asked.canary.steps)) - 1].weight
    return {
        pool.name: Canary(Version(known.other.name, version.template), ceil(pool.replicas * weight / 100))
        for pool in pools
        if (version := known.of(known.other, pool.name)) != known.of(known.stable, pool.name)
    }


def _is_alike(stable: Revision, target: Revision, pools: Sequence[Pool]) -> bool:
    """Return whether no worker that is there would be another one: pools that came or went are no reason."""
    both = ((stable.of(pool.name), target.of(pool.name)) for pool in pools)
    return all(one is None or one == other for one, other in both)


def _command(of: Manifest, state: State) -> Literal["promote", "abort"] | None:
    """Return what a person wants done with the version that is tried; what was meant for another one is nothing."""
    said = (of["metadata"].get("annotations") or {}).get(ROLLOUT_ANNOTATION, "")
    what, _, revision = said.partition(":")
    return _COMMANDS.get(what) if revision and revision == state.other else None


def _deployment(observed: Observed, pool: str) -> Manifest | None:
    name = pool_name(observed.key.name, pool)
    found = (one for one in observed.children if one["kind"] in WORKLOADS)
    return next((one for one in found if one["metadata"]["name"] == name), None)
