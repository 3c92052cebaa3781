"""Whether a request was ever sent on while a more important one could have been: counted over many admissions.

Owns the counting. Pure: our dispatcher before workers that hold each request for a random time; no engine, no clock.
"""

import heapq
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tidegate_api.names import QosClass
from tidegate_bench.qos.traffic import OVERLOAD, TENANTS
from tidegate_gateway.directory import DEFAULT_CLASSES, ClassPolicy, Worker
from tidegate_gateway.qos.dispatch import Dispatcher
from tidegate_gateway.qos.errors import Overloaded
from tidegate_gateway.qos.ticket import Reason, Ticket
from tidegate_gateway.routing.endpoint import Endpoint
from tidegate_gateway.routing.fleet import Fleet
from tidegate_gateway.routing.router import Router

WORKERS: Final = 4
# Credits of each worker, and how long one of its requests takes: about 25 at a time, 50 a second.
LIMIT_TOKENS: Final = 10_000
MEAN_TOKENS: Final = 400
HOLD_SECONDS: Final = 0.5
CLASSES: Final[tuple[QosClass, ...]] = ("high", "medium", "low")


@dataclass(slots=True)
class Counted:
    """What was admitted."""

    admissions: int = 0
    # Sent on while a request of a higher class waited.
    inversions: int = 0
    tokens: int = 0
    inverted_tokens: int = 0
    refused: int = 0


def policies(min_shares: bool) -> Mapping[QosClass, ClassPolicy]:
    """Return the default policies, with or without minimum shares."""
    if min_shares:
        return DEFAULT_CLASSES
    return {
        name: ClassPolicy(policy.pool, 0.0, policy.max_queue, policy.queue_timeout_seconds)
        for name, policy in DEFAULT_CLASSES.items()
    }


class _Waiter:
    def __init__(self, run: "_Run", qos_class: QosClass) -> None:
        self._run = run
        self._class = qos_class
        self.ticket: Ticket

    def dispatched(self, endpoint: Endpoint) -> None:
        """Leave the queue for a worker."""
        self._run.waiting[self._class] -= 1
        self._run.admitted(self.ticket)

    def rejected(self, reason: Reason) -> None:
        """Leave the queue for nothing."""
        self._run.waiting[self._class] -= 1
        self._run.counted.refused += 1

    def preempted(self) -> None:
        """Never happens: there is one pool."""
        raise RuntimeError("a request was taken back from the only pool")


class _Run:
    def __init__(self, seed: int, min_shares: bool) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - a load, not a secret
        router = Router(self.rng, "LeastLoad")
        self.dispatcher = Dispatcher(router)
        workers = [Worker(f"u{i}", "ns", "m", f"p{i}", "127.0.0.1", i) for i in range(WORKERS)]
        self.dispatcher.update(policies(min_shares), Fleet(router, LIMIT_TOKENS).update(workers), 0.0)
        self.counted = Counted()
        self.waiting: dict[QosClass, int] = dict.fromkeys(CLASSES, 0)
        self.now = 0.0
        self._order = 0
        self._ends: list[tuple[float, int, Ticket]] = []
        self._checked = 0.0

    def ask(self) -> None:
        """Let time pass to the next request, and submit it."""
        per_second = sum(OVERLOAD.values()) * WORKERS * LIMIT_TOKENS / MEAN_TOKENS / HOLD_SECONDS
        self._pass(self.now + self.rng.expovariate(per_second))
        (qos_class,) = self.rng.choices(CLASSES, [OVERLOAD[name] for name in CLASSES])
        waiter = _Waiter(self, qos_class)
        ticket = waiter.ticket = Ticket(
            waiter,
            f"{qos_class}-{self.rng.randrange(TENANTS)}",
            qos_class,
            prompt_tokens=self.rng.randint(50, 2 * MEAN_TOKENS - 150),
            output_tokens=100,
        )
        # Counted as waiting before it is known whether it has to: it is told of its turn only if it had.
        self.waiting[qos_class] += 1
        try:
            endpoint = self.dispatcher.submit(ticket, self.now)
        except Overloaded:
            waiter.rejected("overloaded")
            return
        if endpoint is not None:
            waiter.dispatched(endpoint)

    def _pass(self, until: float) -> None:
        while self._ends and self._ends[0][0] <= until:
            self.now, _, ticket = heapq.heappop(self._ends)
            self.dispatcher.end(ticket, self.now)
        self.now = until
        if self.now - self._checked >= 1.0:
            self._checked = self.now
            self.dispatcher.check(self.now)

    def admitted(self, ticket: Ticket) -> None:
        """Judge an admission: who of a higher class waits now?"""
        counted, tokens = self.counted, ticket.prompt_tokens + ticket.output_tokens
        counted.admissions += 1
        counted.tokens += tokens
        if any(self.waiting[name] for name in CLASSES[: CLASSES.index(ticket.qos_class)]):
            counted.inversions += 1
            counted.inverted_tokens += tokens
        self._order += 1
        ends = self.now + self.rng.expovariate(1 / HOLD_SECONDS)
        heapq.heappush(self._ends, (ends, self._order, ticket))


def count(admissions: int, seed: int, min_shares: bool) -> Counted:
    """Return what happened in so many admissions at three times the load that fits."""
    run = _Run(seed, min_shares)
    while run.counted.admissions < admissions:
        run.ask()
    return run.counted
