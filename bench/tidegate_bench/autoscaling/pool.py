"""The replicas of one pool: who is there, who answers, who goes, and what each has been seen to do.

Owns the life of a replica (pending, ready, draining, gone), the least-loaded choice, and what is scraped. The world
gives it the time and takes the events.
"""

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import count
from math import inf
from typing import Final

from tidegate_bench.autoscaling.engine import Engine, Request
from tidegate_bench.autoscaling.model import Model, Start

SCRAPE_SECONDS: Final = 15.0
# What five minutes of scrapes are, which is as far as any query looks back.
KEPT_SCRAPES: Final = 21


class State(IntEnum):
    """Where in its life a replica is."""

    PENDING = 0
    READY = 1
    DRAINING = 2
    GONE = 3


@dataclass(frozen=True, slots=True)
class Scrape:
    """What an engine told at a moment: what is, and what it has done since it started."""

    at: float
    waiting: int
    running: int
    kv_used: float
    prompt_tokens: int
    output_tokens: int
    finished: int
    finished_prompt_tokens: int
    finished_output_tokens: int
    gap_seconds: float
    gaps: int


class Replica:
    """One Pod and its engine."""

    __slots__ = (
        "created", "drains", "drains_since", "engine", "gone", "last_end", "name", "ready_at", "scrapes", "state",
        "unscraped",
    )  # fmt: skip

    def __init__(self, name: str, model: Model, created: float, ready_at: float) -> None:
        self.name = name
        self.engine = Engine(model)
        self.created = created
        # Infinite: it will never be, until somebody helps.
        self.ready_at = ready_at
        self.state = State.PENDING
        self.drains_since: float | None = None
        # How often it began to drain, so that the end of one drain is not taken for that of another.
        self.drains = 0
        # When its last request ended, for how long it has had none.
        self.last_end = 0.0
        self.gone = inf
        self.scrapes: deque[Scrape] = deque(maxlen=KEPT_SCRAPES)
        self.unscraped = False

    def scrape(self, now: float) -> Scrape:
        """Return what the engine tells now."""
        engine = self.engine
        counters = engine.counters
        return Scrape(
            now,
            len(engine.waiting),
            engine.running,
            engine.kv_used(now),
            counters.prompt_tokens,
            engine.output_tokens(now),
            counters.finished,
            counters.finished_prompt_tokens,
            counters.finished_output_tokens,
            counters.gap_seconds,
            counters.gaps,
        )


@dataclass(slots=True)
class Gateway:
    """What the gateway has counted of the pool since it started."""

    arrived_requests: int = 0
    arrived_prompt_tokens: int = 0
    finished_requests: int = 0
    finished_output_tokens: int = 0
    first_tokens: int = 0
    late_first_tokens: int = 0
    # Seconds in which requests were there, summed over them, up to `at`: the mean concurrency of any time.
    request_seconds: float = 0.0
    at: float = 0.0


@dataclass(slots=True)
class Pool:
    """A pool: `replicas` are those that are there, the gone ones apart."""

    name: str
    model: Model
    start: Start
    rng: random.Random
    # How long a draining replica may take before its requests are cut.
    drain_seconds: float = 120.0
    desired: int = 0
    replicas: list[Replica] = field(default_factory=list)
    departed: list[Replica] = field(default_factory=list)
    # Held by the gateway, because nobody is ready.
    held: deque[Request] = field(default_factory=deque)
    gateway: Gateway = field(default_factory=Gateway)
    in_flight: int = 0
    # Pods created until then never become ready.
    stuck_until: float = -inf
    cut: int = 0
    _numbers: "count[int]" = field(default_factory=count)

    def of(self, state: State) -> list[Replica]:
        """Return the replicas in this state, the oldest first."""
        return [replica for replica in self.replicas if replica.state is state]

    def create(self, now: float, cold: bool = True) -> Replica:
        """Add a replica, which becomes ready after a cold start; one that is not cold is ready at once."""
        seconds = self.start.draw(self.rng)
        ready_at = inf if now < self.stuck_until else now + (seconds if cold else 0.0)
        replica = Replica(f"{self.name}-{next(self._numbers)}", self.model, now, ready_at)
        self.replicas.append(replica)
        return replica

    def remove(self, replica: Replica, now: float) -> None:
        """Take a replica away now, whatever it is doing; what it was doing is lost."""
        lost = replica.engine.cut()
        self.cut += len(lost)
        for request in lost:
            request.end = now
            request.refused = True
        self.tally(now)
        self.in_flight -= len(lost)
        replica.state = State.GONE
        replica.gone = now
        self.replicas.remove(replica)
        self.departed.append(replica)

    def drain(self, replica: Replica, now: float) -> None:
        """Give a ready replica no more requests."""
        replica.state = State.DRAINING
        replica.drains_since = now
        replica.drains += 1

    def restore(self, replica: Replica) -> None:
        """Give a draining replica requests again."""
        replica.state = State.READY
        replica.drains_since = None

    def least_loaded(self) -> Replica | None:
        """Return the ready replica with the fewest requests."""
        best, fewest = None, inf
        for replica in self.replicas:
            if replica.state is State.READY:
                load = replica.engine.in_flight
                if load < fewest:
                    best, fewest = replica, load
        return best

    def tally(self, now: float) -> None:
        """Count the time of the requests that are there; called before their number changes."""
        self.gateway.request_seconds += self.in_flight * (now - self.gateway.at)
        self.gateway.at = now

    def hours(self, since: float, until: float) -> float:
        """Return the replica-hours between two times: from creation until gone, whatever it did meanwhile."""
        everyone: Sequence[Replica] = [*self.departed, *self.replicas]
        return sum(max(0.0, min(r.gone, until) - max(r.created, since)) for r in everyone) / 3600
