"""A pool under traffic and a law: what happens, event by event.

Owns the order of events: arrivals, ends of strides, Pods that become ready, scrapes, decisions, drains. The same trace,
law and seed give the same run. Several pools can share one clock (`run` takes them all), and with it a budget.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import heappop, heappush
from math import inf
from typing import Final, Protocol, runtime_checkable

from tidegate_bench.autoscaling.engine import Request
from tidegate_bench.autoscaling.faults import NOTHING, Faults
from tidegate_bench.autoscaling.model import MODEL, OBJECTIVE, START, Model, Objective, Start
from tidegate_bench.autoscaling.policies.policy import GatewayView, Observation, PodView, Policy
from tidegate_bench.autoscaling.pool import SCRAPE_SECONDS, Gateway, Pool, Replica, State
from tidegate_bench.autoscaling.traces import Ask, Trace

# How long a run goes on after its last arrival, for what still waits.
GRACE_SECONDS: Final = 1800.0
# Ready when a run begins.
FIRST_REPLICAS: Final = 4


class Kind(IntEnum):
    """What an event is; of those at the same time, the lower goes first."""

    STRIDE = 0
    READY = 1
    DRAINED = 2
    SCRAPE = 3
    DECIDE = 4


@runtime_checkable
class Careful(Protocol):
    """A law that chooses itself who leaves, and can take it back."""

    def leave(self, pool: Pool, wanted: int, now: float) -> None:
        """Mark who is to leave, or unmark; remove who is done."""
        ...


@runtime_checkable
class Restartable(Protocol):
    """A law whose process can start anew."""

    def restart(self, now: float) -> None:
        """Forget what was not written down."""
        ...


@runtime_checkable
class Aware(Protocol):
    """A law that knows whether it lacked a measurement of those that it goes by."""

    def is_blind(self) -> bool:
        """Tell whether the last decision was taken without something."""
        ...


@dataclass(frozen=True, slots=True)
class Change:
    """A decision that changed the number of replicas."""

    at: float
    before: int
    after: int
    # Some measurement was missing when it was taken.
    blind: bool


@dataclass(slots=True)
class Lane:
    """One pool with its traffic, law and faults, and what came of it."""

    pool: Pool
    trace: Trace
    policy: Policy
    faults: Faults = NOTHING
    requests: list[Request] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    # (time, ready, there).
    replicas: list[tuple[float, int, int]] = field(default_factory=list)
    # When the run was over.
    ended: float = 0.0
    next_ask: int = 0
    restarted: bool = False


def lane(
    trace: Trace,
    policy: Policy,
    seed: int,
    *,
    model: Model | None = None,
    start: Start | None = None,
    replicas: int = FIRST_REPLICAS,
    faults: Faults | None = None,
    name: str = "p",
) -> Lane:
    """Return a pool that begins with so many ready replicas."""
    rng = random.Random(f"{name} {seed}")  # noqa: S311 - a simulation, not a secret
    pool = Pool(name, model or MODEL, start or START, rng, desired=replicas)
    return Lane(pool, trace, policy, faults or NOTHING)


# The index of the pool that was just decided, what it asked for → how many each pool is to have.
Allocator = Callable[[int, int], Sequence[int]]


def run(
    lanes: Sequence[Lane],
    objective: Objective | None = None,
    allocator: Allocator | None = None,
    accelerators: int | None = None,
) -> None:
    """Play all traces to their end.

    `allocator` may change what laws ask for before it is done. There are `accelerators` for all pools, one for each
    replica until it is gone; Pods without one wait for it, the oldest first.
    """
    _World(lanes, objective or OBJECTIVE, allocator, accelerators).run()


class _World:
    def __init__(
        self,
        lanes: Sequence[Lane],
        objective: Objective,
        allocator: Allocator | None,
        accelerators: int | None,
    ) -> None:
        self._lanes = lanes
        self._objective = objective
        self._allocator = allocator
        self._accelerators = accelerators
        self._events: list[tuple[float, int, int, int, Replica | None, int]] = []
        self._count = 0
        self._arrived = False
        self.now = 0.0

    def run(self) -> None:
        for index, one in enumerate(self._lanes):
            for _ in range(one.pool.desired):
                self._push(0.0, Kind.READY, index, one.pool.create(0.0, cold=False))
            # Loops do not begin in step with the scrapes.
            self._push(one.pool.rng.uniform(0, min(15.0, one.policy.interval_seconds)), Kind.DECIDE, index)
        last = max(one.trace.seconds for one in self._lanes) + GRACE_SECONDS
        arrivals = _merged(self._lanes)
        place, number = 0, len(arrivals)
        events = self._events
        while events:
            if place < number and arrivals[place][0] <= events[0][0]:
                at, index, ask = arrivals[place]
                place += 1
                self.now = at
                self._arrive(index, ask)
                continue
            at, kind, _, index, replica, version = heappop(events)
            if at > last or (place == number and self._is_over()):
                break
            self.now = at
            if kind == Kind.STRIDE and replica is not None:
                if version == replica.engine.version:
                    self._stride(index, replica)
            else:
                self._do(kind, index, replica, version)
        for one in self._lanes:
            one.ended = self.now

    def _is_over(self) -> bool:
        now = self.now
        return all(
            not one.pool.in_flight and not one.pool.held and now >= one.trace.seconds for one in self._lanes
        )

    def _push(
        self, at: float, kind: Kind, index: int, replica: Replica | None = None, version: int = 0
    ) -> None:
        self._count += 1
        heappush(self._events, (at, kind, self._count, index, replica, version))

    def _do(self, kind: int, index: int, replica: Replica | None, version: int) -> None:
        if kind == Kind.DECIDE:
            self._decide(index)
        elif replica is None or replica.state is State.GONE:
            return
        elif kind == Kind.READY:
            self._ready(index, replica)
        elif kind == Kind.SCRAPE:
            self._scrape(index, replica)
        else:
            self._drained(index, replica, version)

    # Requests

    def _arrive(self, index: int, ask: Ask) -> None:
        one = self._lanes[index]
        pool = one.pool
        request = Request(*ask)
        one.requests.append(request)
        pool.tally(self.now)
        pool.in_flight += 1
        pool.gateway.arrived_requests += 1
        pool.gateway.arrived_prompt_tokens += request.prompt
        replica = pool.least_loaded()
        if replica is None:
            pool.held.append(request)
        else:
            self._submit(index, replica, request)

    def _submit(self, index: int, replica: Replica, request: Request) -> None:
        engine = replica.engine
        if engine.submit(request, self.now):
            self._push(engine.due, Kind.STRIDE, index, replica, engine.version)

    def _stride(self, index: int, replica: Replica) -> None:
        pool, engine = self._lanes[index].pool, replica.engine
        first, done = engine.end(self.now)
        gateway = pool.gateway
        if first:
            gateway.first_tokens += len(first)
            due = self.now - self._objective.first_token_seconds
            gateway.late_first_tokens += sum(request.arrived < due for request in first)
        if done:
            pool.tally(self.now)
            pool.in_flight -= len(done)
            gateway.finished_requests += len(done)
            gateway.finished_output_tokens += sum(request.output for request in done)
        if engine.begin(self.now):
            self._push(engine.due, Kind.STRIDE, index, replica, engine.version)
            return
        replica.last_end = self.now
        if replica.state is State.DRAINING and not isinstance(self._lanes[index].policy, Careful):
            pool.remove(replica, self.now)
            self._place()

    # Pods

    def _create(self, index: int) -> None:
        pool = self._lanes[index].pool
        replica = pool.create(self.now)
        if self._free(1) < 1:
            replica.ready_at = inf
        elif replica.ready_at < inf:
            self._push(replica.ready_at, Kind.READY, index, replica)

    def _free(self, waiting: int) -> int:
        """Return the free accelerators, if so many of the Pods that are there have none; as many if all is free."""
        if self._accelerators is None:
            return waiting
        return self._accelerators - (sum(len(one.pool.replicas) for one in self._lanes) - waiting)

    def _place(self) -> None:
        """Let Pods start that had no room, or were stuck until now."""
        waiting = sorted(
            (replica.created, index, replica.name, replica)
            for index, one in enumerate(self._lanes)
            if self.now >= one.pool.stuck_until
            for replica in one.pool.of(State.PENDING)
            if replica.ready_at == inf
        )
        for _, index, _, replica in waiting[: max(0, self._free(len(waiting)))]:
            pool = self._lanes[index].pool
            replica.ready_at = self.now + pool.start.draw(pool.rng)
            self._push(replica.ready_at, Kind.READY, index, replica)

    def _ready(self, index: int, replica: Replica) -> None:
        pool = self._lanes[index].pool
        replica.state = State.READY
        replica.last_end = self.now
        # Before, it tells nothing; and each target of Prometheus has its own phase.
        self._push(self.now + pool.rng.uniform(0, SCRAPE_SECONDS), Kind.SCRAPE, index, replica)
        while pool.held:
            ready = pool.least_loaded()
            assert ready is not None  # noqa: S101 - this one is
            self._submit(index, ready, pool.held.popleft())

    def _drained(self, index: int, replica: Replica, version: int) -> None:
        """End the time a replica had to drain, if it is still the same drain."""
        if replica.state is State.DRAINING and replica.drains == version:
            self._lanes[index].pool.remove(replica, self.now)
            self._place()

    def _scrape(self, index: int, replica: Replica) -> None:
        faults = self._lanes[index].faults
        if not faults.prometheus_down.holds(self.now):
            replica.unscraped = faults.one_unscraped.holds(self.now) and replica is self._first_ready(index)
            if not replica.unscraped and not faults.series_lost.holds(self.now):
                replica.scrapes.append(replica.scrape(self.now))
        self._push(self.now + SCRAPE_SECONDS, Kind.SCRAPE, index, replica)

    def _first_ready(self, index: int) -> Replica | None:
        return next(iter(self._lanes[index].pool.of(State.READY)), None)

    # Decisions

    def _decide(self, index: int) -> None:
        one = self._lanes[index]
        pool, faults = one.pool, one.faults
        if faults.operator_restart <= self.now and not one.restarted:
            one.restarted = True
            if isinstance(one.policy, Restartable):
                one.policy.restart(self.now)
        pool.stuck_until = faults.stuck_pending.end if faults.stuck_pending.holds(self.now) else -inf
        self._place()
        wanted = one.policy.decide(self.observe(index))
        self._push(self.now + one.policy.interval_seconds, Kind.DECIDE, index)
        if self._allocator is None:
            self._scale(index, wanted)
            return
        for other, replicas in enumerate(self._allocator(index, wanted)):
            self._scale(other, replicas)

    def _scale(self, index: int, wanted: int) -> None:
        one = self._lanes[index]
        pool = one.pool
        before = len(pool.of(State.PENDING)) + len(pool.of(State.READY))
        if wanted != before:
            policy = one.policy
            missing = one.faults.scrapes_missing(self.now)
            blind = policy.is_blind() if isinstance(policy, Aware) else missing
            one.changes.append(Change(self.now, before, wanted, blind))
        if isinstance(one.policy, Careful):
            one.policy.leave(pool, wanted, self.now)
        else:
            self._shrink(index, wanted)
        pool.desired = wanted
        there = len(pool.of(State.PENDING)) + len(pool.of(State.READY))
        for _ in range(wanted - there):
            self._create(index)
        one.replicas.append((self.now, len(pool.of(State.READY)), len(pool.replicas)))

    def _shrink(self, index: int, wanted: int) -> None:
        """Take the surplus away as a ReplicaSet does: who is not ready first, then the youngest; for good."""
        pool = self._lanes[index].pool
        pending, ready = pool.of(State.PENDING), pool.of(State.READY)
        surplus = len(pending) + len(ready) - wanted
        for replica in (*reversed(pending), *reversed(ready)):
            if surplus <= 0:
                break
            surplus -= 1
            if replica.state is State.PENDING or not replica.engine.in_flight:
                pool.remove(replica, self.now)
            else:
                pool.drain(replica, self.now)
                self._push(self.now + pool.drain_seconds, Kind.DRAINED, index, replica, replica.drains)

    # What a law sees

    def observe(self, index: int) -> Observation:
        one = self._lanes[index]
        pool, faults, now = one.pool, one.faults, self.now
        prometheus = not faults.prometheus_down.holds(now)
        lost = faults.series_lost.holds(now) or not prometheus
        pods = tuple(
            PodView(
                replica.name,
                replica.state is State.READY,
                replica.state is State.DRAINING,
                replica.created,
                () if lost or replica.unscraped else replica.scrapes,
                replica.engine.in_flight,
                replica.ready_at == inf and now - replica.created > pool.start.quantile(2.3263),
                replica.ready_at if replica.ready_at <= now else None,
            )
            for replica in pool.replicas
        )
        direct = None
        if not faults.engines_unreachable.holds(now):
            direct = {
                replica.name: replica.scrape(now)
                for replica in pool.replicas
                if replica.state is not State.PENDING and not replica.unscraped
            }
        pool.tally(now)
        gateway = None if faults.gateways_unreachable.holds(now) else _told(pool)
        return Observation(now, pool.desired, pods, gateway, prometheus, direct)


def _told(pool: Pool) -> GatewayView:
    seen: Gateway = pool.gateway
    return GatewayView(
        seen.arrived_requests,
        seen.arrived_prompt_tokens,
        seen.finished_requests,
        seen.finished_output_tokens,
        seen.first_tokens,
        seen.late_first_tokens,
        seen.request_seconds,
        len(pool.held),
        sum(request.prompt for request in pool.held),
        pool.in_flight - len(pool.held),
    )


def _merged(lanes: Sequence[Lane]) -> list[tuple[float, int, Ask]]:
    """Return all arrivals with the index of their lane, in the order of their times."""
    if len(lanes) == 1:
        return [(ask[0], 0, ask) for ask in lanes[0].trace.asks]
    return sorted((ask[0], index, ask) for index, one in enumerate(lanes) for ask in one.trace.asks)
