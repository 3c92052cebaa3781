"""The gateway as a whole: what its connections share.

Owns the listener, the current directory, the pool and the end of it all. Must not know where a directory comes
from: whoever knows more calls `publish`.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable

import structlog

from tidegate_gateway.directory import Directory
from tidegate_gateway.metrics import Metrics, Occupancy
from tidegate_gateway.pick import Loads, RetryBudget
from tidegate_gateway.server import ClientConnection
from tidegate_gateway.settings import Settings
from tidegate_gateway.upstream import Pool

BACKLOG = 4096


class Gateway:
    """Everything that requests need besides themselves. One per process and event loop."""

    def __init__(
        self,
        settings: Settings,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float] = time.time,
        rng: random.Random | None = None,
    ) -> None:
        self.settings = settings
        self.loop = loop
        self.clock = clock
        self.rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self.log: structlog.typing.FilteringBoundLogger = structlog.get_logger("gateway")
        self.metrics = Metrics()
        self.metrics.registry.register(Occupancy(self))
        self.directory = Directory()
        self.loads = Loads()
        self.retries = RetryBudget()
        self.pool = Pool(loop, settings.limits)
        self.connections: set[ClientConnection] = set()
        # True once a whole directory has been published, until the end begins.
        self.is_ready = False
        self._draining = False
        self._empty = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._sweeping: asyncio.TimerHandle | None = None

    def publish(self, directory: Directory) -> None:
        """Use what is known now; requests in progress are not touched."""
        self.directory = directory
        self.is_ready = not self._draining
        self._prune()

    async def start(self) -> int:
        """Listen, and return the port."""
        settings = self.settings
        self._server = await self.loop.create_server(
            lambda: ClientConnection(self), settings.host, settings.port, backlog=BACKLOG
        )
        self._sweep()
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def drain(self) -> None:
        """Take no new connection, let requests finish for as long as the settings allow, then end the rest."""
        self._draining = True
        self.is_ready = False
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.drain()
        self._empty.clear()
        if self.connections:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), self.settings.drain_seconds)
        cut = len(self.connections)
        for connection in list(self.connections):
            connection.transport.abort()
        if self._sweeping is not None:
            self._sweeping.cancel()
        self.pool.close()
        self.log.info("drained", cut=cut)

    def forget(self, connection: ClientConnection) -> None:
        """Drop a client's connection that has ended."""
        self.connections.discard(connection)
        if not self.connections:
            self._empty.set()

    def _prune(self) -> None:
        known = {worker.uid for workers in self.directory.workers.values() for worker in workers}
        self.pool.prune(known, self.loop.time())

    def _sweep(self) -> None:
        """Look for what did not happen in time: one timer for all, since each request would set several."""
        now = self.loop.time()
        for connection in list(self.connections):
            connection.check(now)
        self._prune()
        self._sweeping = self.loop.call_later(self.settings.limits.sweep_seconds, self._sweep)
