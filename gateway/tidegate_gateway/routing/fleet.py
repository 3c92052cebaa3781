"""The endpoints of one service, kept in step with its ready workers.

Owns which endpoint stands for which worker, and their slots in the prefix index. Must not choose among them.
"""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

from tidegate_gateway.directory import Canary, Worker
from tidegate_gateway.routing.endpoint import Endpoint
from tidegate_gateway.routing.router import Router


class Fleet:
    """Endpoints by worker."""

    __slots__ = ("_free", "_leaving", "_limit_tokens", "_router", "_slots", "by_uid", "pools")

    def __init__(self, router: Router, limit_tokens: float) -> None:
        self._router = router
        # What a new endpoint may have in flight at first.
        self._limit_tokens = limit_tokens
        # Slots that were given out and came back, and how many there are in all.
        self._free: list[int] = []
        self._slots = 0
        # Workers that are not ready, with requests of ours that have not ended.
        self._leaving: dict[str, Endpoint] = {}
        # All that are ready, and by pool those that may be given requests.
        self.by_uid: dict[str, Endpoint] = {}
        self.pools: dict[str, tuple[Endpoint, ...]] = {}

    def update(
        self, workers: Iterable[Worker], canary: Canary | None = None
    ) -> dict[str, tuple[Endpoint, ...]]:
        """Take the workers that are ready now, and return the endpoints that may be given requests, by pool.

        One that drains, or is on trial and has no share of the requests, stays as it is, outside of its pool: it may
        be taken back.
        A worker that was not ready for a moment keeps its counts if requests of ours are still with it; else it may
        have been restarted, and what it had cached is gone. One with another uid or address is another worker.
        """
        before = self.by_uid | self._leaving
        self.by_uid = {}
        self.pools = {}
        for worker in workers:
            endpoint = before.pop(worker.uid, None)
            if endpoint is not None and (endpoint.worker != worker or not self._stays(endpoint)):
                self._drop(endpoint)
                endpoint = None
            if endpoint is None:
                endpoint = Endpoint(worker, self._take_slot(), self._limit_tokens)
            endpoint.is_draining = not worker.may_serve(canary)
            endpoint.is_canary = canary is not None and worker.is_of(canary)
            self.by_uid[worker.uid] = endpoint
            if not endpoint.is_draining:
                self.pools[worker.pool] = (*self.pools.get(worker.pool, ()), endpoint)
        self._leaving = {}
        for uid, endpoint in before.items():
            endpoint.is_draining = False
            endpoint.is_canary = canary is not None and endpoint.worker.is_of(canary)
            if endpoint.requests:
                self._leaving[uid] = endpoint
            else:
                self._drop(endpoint)
        return self.pools

    def in_use(self) -> Iterator[Endpoint]:
        """Return the endpoints that are there, and of those that left the ones that still have requests of ours."""
        yield from self.by_uid.values()
        yield from (endpoint for endpoint in self._leaving.values() if endpoint.requests)

    def _stays(self, endpoint: Endpoint) -> bool:
        return bool(endpoint.requests) or endpoint.worker.uid not in self._leaving

    def _take_slot(self) -> int:
        if self._free:
            return heappop(self._free)
        self._slots += 1
        return self._slots - 1

    def _drop(self, endpoint: Endpoint) -> None:
        endpoint.is_draining = False
        self._router.forget(endpoint)
        heappush(self._free, endpoint.slot)
