"""Which worker gets a request: the one with the fewest of our own requests in flight, ties at random.

Owns the counts and the budget of retries. Must not do I/O or look at what workers report.
"""

import random
from collections.abc import Collection, Sequence

from tidegate_gateway.directory import Worker


class Loads:
    """How many requests this gateway has in flight, by worker and by service."""

    __slots__ = ("by_service", "by_worker")

    def __init__(self) -> None:
        self.by_worker: dict[str, int] = {}
        self.by_service: dict[tuple[str, str], int] = {}

    def acquire(self, worker: Worker) -> None:
        """Count a request in."""
        service = (worker.namespace, worker.service)
        self.by_worker[worker.uid] = self.by_worker.get(worker.uid, 0) + 1
        self.by_service[service] = self.by_service.get(service, 0) + 1

    def release(self, worker: Worker) -> None:
        """Count a request out. Services stay listed at zero, for the metric; workers do not."""
        self.by_service[(worker.namespace, worker.service)] -= 1
        left = self.by_worker[worker.uid] - 1
        if left:
            self.by_worker[worker.uid] = left
        else:
            del self.by_worker[worker.uid]


def pick(
    workers: Sequence[Worker], loads: Loads, failed: Collection[str], rng: random.Random
) -> Worker | None:
    """Return the least busy worker that is not among the `failed` uids, or None if there is none."""
    if not failed and len(workers) == 1:
        return workers[0]
    candidates = [w for w in workers if w.uid not in failed] if failed else workers
    if not candidates:
        return None
    busy = [loads.by_worker.get(w.uid, 0) for w in candidates]
    least = min(busy)
    if busy.count(least) == 1:
        return candidates[busy.index(least)]
    return rng.choice([w for w, count in zip(candidates, busy, strict=True) if count == least])


class RetryBudget:
    """Lets retries be a tenth of the requests, so that a failing service is not asked twice as much.

    A gateway that has seen few requests may still retry `burst` times.
    """

    __slots__ = ("_burst", "_ratio", "_tokens")

    def __init__(self, ratio: float = 0.1, burst: float = 10.0) -> None:
        self._ratio = ratio
        self._burst = burst
        self._tokens = burst

    def note_request(self) -> None:
        """Earn a part of a retry."""
        self._tokens = min(self._burst, self._tokens + self._ratio)

    def take(self) -> bool:
        """Spend a retry, if there is one."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
