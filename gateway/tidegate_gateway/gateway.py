"""The gateway as a whole: what its connections share.

Owns the listener, the current directory, the services, the pool and the end of it all. Must not know where a
directory or a report comes from: whoever knows more calls `publish` and `report`.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import structlog

from tidegate_gateway import demand
from tidegate_gateway.body import check_model_name
from tidegate_gateway.directory import Caller, Directory, Model
from tidegate_gateway.errors import model_not_found, refuse
from tidegate_gateway.exchange import Exchange
from tidegate_gateway.gauges import Gauges
from tidegate_gateway.guesses import Guesses
from tidegate_gateway.limits.ledger import Ledger
from tidegate_gateway.metrics import Metrics
from tidegate_gateway.routes.composer import Composer
from tidegate_gateway.routing.endpoint import Endpoint, Report
from tidegate_gateway.routing.prefix import share_entries
from tidegate_gateway.routing.retry import RetryBudget
from tidegate_gateway.served import Served
from tidegate_gateway.server import ClientConnection
from tidegate_gateway.settings import Settings
from tidegate_gateway.upstream import Pool

if TYPE_CHECKING:
    from tidegate_gateway.tracing import Tracing

BACKLOG = 4096
# What is written last needs so long to be sent.
GOODBYE_SECONDS = 0.1
# In this time at least one turn of the loop reads what has arrived before it.
ARRIVED_SECONDS = 0.1


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
        self.instance = f"{settings.pod_uid or 'gateway'}-{self.rng.getrandbits(32):08x}"
        self.metrics = Metrics()
        self.metrics.registry.register(Gauges(self))
        self.directory = Directory()
        # By namespace and name of the LLMService; a service keeps its queue as long as it has a name.
        self.services: dict[tuple[str, str], Served] = {}
        self.ledger = Ledger(self.instance)
        self.guesses = Guesses(self._tell_of_guesses)
        self.retries = RetryBudget()
        self.demand = demand.Demand()
        self.pool = Pool(loop, settings.limits)
        self.composer = Composer(self)
        self.tracing: Tracing | None = None
        # Called after each change of what is known.
        self.on_publish: Callable[[], None] = lambda: None
        self.connections: set[ClientConnection] = set()
        self.exchanges: set[Exchange] = set()
        # True once a whole directory has been published.
        self.is_published = False
        # Whether it knows what other gateways admit; before, tenants with limits would be refused.
        self.knows_its_share: Callable[[], bool] = lambda: True
        self._draining = False
        self._empty = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._sweeping: asyncio.TimerHandle | None = None

    @property
    def is_ready(self) -> bool:
        """Tell whether clients may be sent here."""
        return self.is_published and not self._draining and self.knows_its_share()

    # What is known

    def publish(self, directory: Directory) -> None:
        """Use what is known now; of the requests in progress only those are ended whose key is not good any more."""
        self.directory = directory
        self.is_published = True
        now = self.loop.time()
        services: dict[tuple[str, str], Served] = {}
        for models in directory.models.values():
            for model in models.values():
                key = (model.namespace, model.service)
                served = self.services.get(key) or self._serve(model)
                served.update(model, directory.workers.get(key, ()), now, 1 + len(directory.peers))
                services[key] = served
        for key in self.services.keys() - services.keys():
            self.services[key].end(now)
        self.services = services
        self.demand.keep(self._is_asleep)
        self.ledger.renew(directory.callers.values())
        share_entries([served.router.index for served in services.values()])
        self._revoke()
        self._prune()
        self.on_publish()

    def _serve(self, model: Model) -> Served:
        def wake(pool: str) -> None:
            self.demand.ask((model.namespace, model.service, pool))

        return Served(model, self.metrics, self.rng, self.loop.call_soon, wake)

    def _is_asleep(self, pool: demand.Pool) -> bool:
        served = self.services.get(pool[:2])
        return served is not None and not served.fleet.pools.get(pool[2])

    def held(self) -> dict[demand.Pool, int]:
        """Return how many requests wait for the first worker of which pool."""
        return {
            (*key, pool): count
            for key, served in self.services.items()
            for pool, count in served.dispatcher.held().items()
        }

    def find(self, caller: Caller, name: str) -> Served:
        """Return the service of a model or adapter that a caller may use; raise Refused if there is none."""
        model = self.directory.models.get(caller.namespace, {}).get(name)
        if model is None:
            served = self._with_adapter(caller, name)
        else:
            served = self.services[caller.namespace, model.service] if caller.may_call(model) else None
        if served is None:
            check_model_name(name)
            refuse(model_not_found(name))
        return served

    def _with_adapter(self, caller: Caller, name: str) -> Served | None:
        services = [s for s in self.services.values() if s.model.namespace == caller.namespace]
        candidates = [s for s in services if caller.may_call(s.model)]
        serving = next((s for s in candidates if name in s.adapters), None)
        return serving or next((s for s in candidates if name in s.model.adapters), None)

    def endpoints(self) -> Iterator[Endpoint]:
        """Return all workers of all services."""
        for served in self.services.values():
            yield from served.fleet.by_uid.values()

    def report(self, endpoint: Endpoint, report: Report) -> None:
        """Take what a worker's engine says of itself."""
        worker = endpoint.worker
        served = self.services.get((worker.namespace, worker.service))
        if served is not None and served.fleet.by_uid.get(worker.uid) is endpoint:
            served.router.reported(endpoint, report)
            served.dispatcher.report(endpoint, report, self.loop.time())

    # Life

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
        # On a busy machine there are connections that nobody has looked at yet, with requests: those are served.
        for connection in self.connections:
            connection.close_after = True
        await asyncio.sleep(ARRIVED_SECONDS)
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.drain()
        self._empty.clear()
        if self.connections:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), self.settings.drain_seconds)
        await self._give_up()
        cut = len(self.connections)
        for connection in list(self.connections):
            connection.transport.abort()
        if self._sweeping is not None:
            self._sweeping.cancel()
        self.pool.close()
        self.log.info("drained", cut=cut)

    async def _give_up(self) -> None:
        """Refuse what is still without an answer, break off the rest, and let that reach the clients."""
        waiting = list(self.exchanges)
        for exchange in waiting:
            exchange.give_up()
        if waiting:
            await asyncio.sleep(GOODBYE_SECONDS)

    def _tell_of_guesses(self, address: str) -> None:
        self.metrics.guessers.inc()
        self.log.warning("many wrong keys within a minute", address=address)

    def forget(self, connection: ClientConnection) -> None:
        """Drop a client's connection that has ended."""
        self.connections.discard(connection)
        if not self.connections:
            self._empty.set()

    def _revoke(self) -> None:
        """End the requests of callers that are not known any more."""
        wall = self.clock()
        for exchange in [e for e in self.exchanges if not self.directory.knows(e.caller, wall)]:
            exchange.revoke()

    def _prune(self) -> None:
        known = {worker.uid for workers in self.directory.workers.values() for worker in workers}
        self.pool.prune(known, self.loop.time())

    def _sweep(self) -> None:
        """Look for what did not happen in time: one timer for all, since each request would set several."""
        now = self.loop.time()
        for connection in list(self.connections):
            connection.check(now)
        for exchange in list(self.exchanges):
            exchange.check(now)
        for served in self.services.values():
            served.dispatcher.check(now)
        self.ledger.tidy(now, self.clock())
        self._revoke()
        self._prune()
        self._sweeping = self.loop.call_later(self.settings.limits.sweep_seconds, self._sweep)
