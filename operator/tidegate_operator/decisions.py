"""Decisions about all pools that scale, from what was read and what is remembered of each.

Owns the memory of every pool and the one division of what all share. What one pool's facts do to the law must not keep
the others from being decided. Must not do I/O.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from tidegate_operator.census import Census
from tidegate_operator.demand import hear
from tidegate_operator.engines import Read
from tidegate_operator.facts import Key, Manifest, Target
from tidegate_operator.remarks import incomplete, late, unread
from tidegate_operator.scaling import explain, law
from tidegate_operator.scaling.budget import Claim, Place, allocate
from tidegate_operator.scaling.facts import Clamp, Decision, Sample
from tidegate_operator.scaling.replay import Record, dump
from tidegate_operator.scalingstate import PoolState, note_starts, recalled, take_sample
from tidegate_operator.scalingview import PoolView, View, claim
from tidegate_operator.starts import LONGEST_SECONDS, Usual
from tidegate_operator.supply import supply

_SHORTEST_PATIENCE_SECONDS: Final = 120.0
# A worker that was not read for so long, or for as many looks as the user's fallback waits for, is silent; but never
# after less than a minute, in which a Prometheus is restarted.
_SILENT_SECONDS: Final = 300.0
_LEAST_SILENT_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 10.0
# What could not be read for so long is told, whatever follows from it: one look that failed is no news.
_TOLD_SECONDS: Final = 30.0

Decided = list[tuple[View, list[tuple[PoolView, Decision]]]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """What was read at one moment (Unix time); no census: the gateways could not even be listed."""

    census: Census | None
    read: Read
    at: float

    def in_flight(self, pod: Manifest) -> int | None:
        """Return the requests of all gateways with a worker, None if that is not known."""
        return None if self.census is None else self.census.in_flight(pod["metadata"]["uid"])

    def kv_used(self, pod: Manifest) -> float | None:
        """Return how full a worker's cache is, 0 to 1, None if that was not read."""
        figures = self.read.figures.get(pod["metadata"]["uid"])
        return None if figures is None else figures.kv_used


class Decisions:
    """What was decided, and from what."""

    def __init__(self) -> None:
        self._states: dict[Place, PoolState] = {}
        self._claims: dict[Place, Claim] = {}
        self._costs: dict[tuple[str, str], float] = {}

    def look(self, view: View, look: Look) -> None:
        """Take in what was read of an LLMService."""
        for pool in view.pools:
            state = self._state(view, pool, look.at)
            note_starts(state, pool.scene.live)
            heard = hear(view.key, pool.name, look.census, state.counted, look.at)
            take_sample(
                state,
                heard,
                pool.serving,
                look.read,
                look.at,
                _silent_seconds(pool),
                is_counted_only=not pool.has_metrics,
            )

    def decide(
        self, views: Sequence[View], fixed: Iterable[Claim], accelerators: int | None, now: float
    ) -> Decided:
        """Return what is wanted of each pool of these, after everybody's share of what all have together.

        Others are taken to want what they wanted last; `fixed` are those that do not scale.
        """
        asked = [(view, [(pool, self._ask(view, pool, now)) for pool in view.pools]) for view in views]
        for view, found in asked:
            if view.hourly_cost is not None:
                self._costs[view.key] = view.hourly_cost
            for pool, decision in found:
                if decision is not None:
                    self._claims[view.key, pool.name] = claim(view.key, pool, decision.wanted)
        claims = [*self._claims.values(), *fixed]
        shares = allocate(claims, accelerators=accelerators, cost_per_hour_by_service=self._costs)
        return [
            (
                view,
                [
                    (pool, _shared(decision, *shares[view.key, pool.name]))
                    for pool, decision in found
                    if decision is not None
                ],
            )
            for view, found in asked
        ]

    def target(self, key: Key, pool: PoolView, decision: Decision, replicas: int | None) -> Target:
        """Return a decision with what a status keeps of what was learned; `replicas` are to be asked for now."""
        state = self._states[key, pool.name]
        return Target(
            replicas if pool.is_ours else None,
            decision,
            state.cold_start if state.starts else None,
            state.learned,
        )

    def forget(self, views: Iterable[View]) -> list[Place]:
        """Drop what is known of pools that are not in these, and return which ones they were."""
        known = {(view.key, pool.name) for view in views for pool in view.pools}
        gone = [place for place in self._states if place not in known]
        for place in gone:
            del self._states[place]
            self._claims.pop(place, None)
        keys = {key for key, _ in known}
        self._costs = {key: cost for key, cost in self._costs.items() if key in keys}
        return gone

    def records(self, key: Key) -> Iterator[str]:
        """Yield the decisions about an LLMService of the last hour, one a line, pool by pool, the oldest first."""
        for (of, _), state in self._states.items():
            for index, (record, memory) in enumerate(state.records if of == key else ()):
                yield dump(replace(record, memory=memory) if index == 0 else record)

    def _state(self, view: View, pool: PoolView, now: float) -> PoolState:
        place = (view.key, pool.name)
        if place not in self._states:
            self._states[place] = recalled((pool.entry or {}).get("learned"), now)
        return self._states[place]

    def _ask(self, view: View, pool: PoolView, now: float) -> Decision | None:
        """Return what the law says of a pool, None if it cannot be applied to what is there."""
        state = self._state(view, pool, now)
        # Before anything was read, whoever wakes it is all that is known.
        sample = state.sample or Sample(now, 0.0, None, None)
        memory, start = state.memory, state.cold_start
        try:
            supplied = supply(view.scene, pool.scene, _usual(state, pool))
            there = supplied.supply
            decision, state.memory = law.decide(
                memory, sample, there, pool.policy, start, now, demand_mark=pool.mark
            )
        except Exception:
            log.exception("replicas not decided", **view.key._asdict(), pool=pool.name)
            return None
        of = f"{view.key.namespace}/{view.key.name}"
        record = Record(of, pool.name, sample, there, pool.policy, start, now, pool.mark, decision)
        state.records.append((record, memory))
        said = unread(state.unread.values(), sample.silent, decision.wanted, is_any_read=bool(sample.workers))
        since = state.incomplete_since
        if there.desired and since is not None and now - since >= _TOLD_SECONDS:
            said += incomplete(decision)
        return _clamped(decision, *said, *late(supplied.late, decision.wanted))


def _shared(decision: Decision, share: int, clamp: Clamp | None) -> Decision:
    """Return the decision with what its pool gets of what it wants."""
    return decision if clamp is None else _clamped(replace(decision, wanted=share), clamp)


def _clamped(decision: Decision, *clamps: Clamp) -> Decision:
    """Return the decision with more clamps, and with words for them."""
    if not clamps:
        return decision
    more = replace(decision, clamps=(*decision.clamps, *clamps))
    return replace(more, message=explain.message(more))


def _usual(state: PoolState, pool: PoolView) -> Usual:
    """Return how long workers of a pool take to start: as the user says, or as was measured."""
    said = pool.policy.cold_start_seconds
    if said is None and not state.starts:
        return Usual(None, LONGEST_SECONDS)
    typical, longest = (state.cold_start.p50, state.cold_start.p99) if said is None else (said, said)
    return Usual(typical, max(2 * longest, _SHORTEST_PATIENCE_SECONDS))


def _silent_seconds(pool: PoolView) -> float:
    """Return for how long a worker may not be read until it is silent."""
    fallback = pool.policy.fallback
    if fallback is None:
        return _SILENT_SECONDS
    return max(fallback.failure_threshold * _LOOK_SECONDS, _LEAST_SILENT_SECONDS)
