"""Puts the parts together and runs them: stand by, lead, stop.

Owns the life of the process. Whatever goes wrong while leading ends it (a restart converges); so does losing the
Lease. Must not know what a reconcile does.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog

from tidegate_api.settings import Settings
from tidegate_operator import gatewayhttp, gatewaywatch, goldenhttp, handlers, health, resync, scrape
from tidegate_operator.adapters import workerhttp
from tidegate_operator.adapters.loop import AdapterLoop
from tidegate_operator.adapters.workers import Workers
from tidegate_operator.autoscaler import Autoscaler
from tidegate_operator.cache import Cache, Change
from tidegate_operator.census import Census, changed_services, changed_tenants
from tidegate_operator.cluster import Cluster, ClusterError, Object
from tidegate_operator.enginereader import EngineReader
from tidegate_operator.engines import Engines
from tidegate_operator.environment import Environment
from tidegate_operator.examiner import Examiner
from tidegate_operator.facts import Key
from tidegate_operator.gatewayreader import Reader
from tidegate_operator.gateways import Gateways
from tidegate_operator.goldenhttp import Golden
from tidegate_operator.interest import all_keys, all_tenants, key_of, woken
from tidegate_operator.kinds import ENDPOINT_SLICE, LLM_MODEL
from tidegate_operator.kube import Sessions, connect
from tidegate_operator.lease import Election
from tidegate_operator.metrics import Metrics
from tidegate_operator.models import loaderhttp
from tidegate_operator.models.loaders import Loaders
from tidegate_operator.models.progress import ProgressLoop
from tidegate_operator.models.reconcile import ModelReconciler
from tidegate_operator.prometheus import Prometheus
from tidegate_operator.queues import Queues
from tidegate_operator.reconcile import Reconciler
from tidegate_operator.resync import WATCHED
from tidegate_operator.startups import pagehttp
from tidegate_operator.startups.loop import Pages, StartupLoop
from tidegate_operator.tenants import TenantReconciler
from tidegate_operator.watches import Watches, trace_requests
from tidegate_operator.workqueue import WorkQueue

# As many as a script would send requests at once: most of a look is waiting for answers.
WORKERS = 16
TENANT_WORKERS = 2
MODEL_WORKERS = 2

log = structlog.get_logger(__name__)


async def run(environment: Environment) -> None:
    """Run until SIGTERM or SIGINT; raises when it has to end for any other reason."""
    loop = asyncio.get_running_loop()
    metrics, watches = Metrics(), Watches(loop.time)
    admin_port = environment.settings.gateway_service.admin_port
    async with (
        connect([trace_requests(metrics, watches)]) as (cluster, sessions),
        gatewayhttp.connect(admin_port) as gateways,
        _engines(environment.settings, metrics) as engines,
        loaderhttp.connect() as loaders,
        workerhttp.connect() as workers,
        goldenhttp.connect() as golden,
        pagehttp.connect() as pages,
    ):
        asked = Asked(gateways, engines, loaders, workers, golden, pages)
        operator = Operator.assemble(environment, cluster, asked, metrics=metrics, watches=watches)
        records, port = operator.autoscaler.records, environment.admin_port
        async with health.serve(operator.health, metrics, records, port):
            await operator.stand_by_and_lead(sessions)


@asynccontextmanager
async def _engines(settings: Settings, metrics: Metrics) -> AsyncIterator[EngineReader]:
    """Return the ways in which engines are read."""
    asked = Prometheus(settings.prometheus) if settings.prometheus.url else None
    try:
        async with scrape.connect() as direct:
            yield EngineReader(asked, direct, metrics)
    finally:
        if asked is not None:
            asked.close()


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom the operator asks besides the API server."""

    gateways: Gateways
    engines: Engines
    loaders: Loaders
    workers: Workers
    golden: Golden
    pages: Pages


@dataclass(frozen=True, slots=True)
class Operator:
    """The parts of one process."""

    environment: Environment
    cluster: Cluster
    cache: Cache
    queues: Queues
    autoscaler: Autoscaler
    progress: ProgressLoop
    adapters: AdapterLoop
    examiner: Examiner
    startups: StartupLoop
    watches: Watches
    health: health.Health
    metrics: Metrics

    @classmethod
    def assemble(
        cls, environment: Environment, cluster: Cluster, asked: Asked, *, metrics: Metrics, watches: Watches
    ) -> "Operator":
        """Make all parts; nothing runs yet."""
        loop, settings = asyncio.get_running_loop(), environment.settings

        def tell(change: Change) -> None:
            queues.changed(change, cache)
            if key_of_woken := woken(change):
                autoscaler.woken(key_of_woken)

        cache = Cache(tell)
        shared = (cluster, cache, settings, metrics, environment.identity)
        queues = Queues(
            WorkQueue(Reconciler(*shared).timed, _reporter("LLMService", metrics), loop),
            WorkQueue(TenantReconciler(*shared).timed, _reporter("LLMTenant", metrics), loop),
            WorkQueue(ModelReconciler(*shared).timed, _reporter("LLMModel", metrics), loop),
        )
        autoscaler = Autoscaler(
            reader=Reader(settings.gateway_service, cluster, asked.gateways, metrics),
            engines=asked.engines,
            cluster=cluster,
            cache=cache,
            settings=settings,
            metrics=metrics,
            tell=_listener(cache, queues),
            changed=queues.services.add,
        )
        progress = ProgressLoop(asked.loaders, cache, queues.models.add, loop.time)
        adapters = AdapterLoop(asked.workers, cache, settings, metrics, queues.services.add, loop.time)
        examiner = Examiner(asked.golden, cluster, cache, queues.services.add)
        startups = StartupLoop(asked.pages, cache, queues.services.add)
        metrics.observe(lambda: queues.depth, watches.ages)
        alive = health.Health(watches, queues.stalled_seconds)
        return cls(
            environment,
            cluster,
            cache,
            queues,
            autoscaler,
            progress,
            adapters,
            examiner,
            startups,
            watches,
            alive,
            metrics,
        )

    @property
    def scope(self) -> tuple[str | None, ...]:
        """Return the namespaces to look at, None for all."""
        return self.environment.namespaces or (None,)

    async def stand_by_and_lead(self, sessions: Sessions) -> None:
        """Wait for the Lease, lead while it holds, hand it on when asked to stop."""
        loop = asyncio.get_running_loop()
        election = Election(
            self.cluster, self.environment.own_namespace, self.environment.identity, loop.time
        )
        stop = asyncio.Event()
        _on_signals(stop)
        try:
            await _first(stop.wait(), election.acquire())
            if not stop.is_set():
                self.metrics.leader.set(1)
                self.health.synced = False
                await _first(stop.wait(), election.hold(), self._lead(sessions, stop))
        finally:
            await election.release()
        log.info("stopped")

    async def _lead(self, sessions: Sessions, stop: asyncio.Event) -> None:
        await self._read_everything()
        told = handlers.registry(WATCHED, self._changed, sessions.server, sessions.open)
        chosen, namespaces = handlers.settings(WATCHED), self.environment.namespaces
        gateway, seconds = self.environment.settings.gateway_service, self.environment.resync_seconds
        async with handlers.watching(told, chosen, namespaces) as tasks:
            _on_signals(stop)  # kopf has just put its own in their place
            await _first(
                *(_ended(task) for task in tasks),
                self.queues.services.run(WORKERS),
                self.queues.tenants.run(TENANT_WORKERS),
                self.queues.models.run(MODEL_WORKERS),
                resync.for_ever(self.cluster, self.cache, self.scope, self.queues, seconds),
                gatewaywatch.watch_gateway(gateway, self.cluster, self._gateway_changed),
                self.autoscaler.for_ever(self.environment.gateway_seconds),
                self.progress.for_ever(),
                self.adapters.for_ever(),
                self.examiner.for_ever(),
                self.startups.for_ever(),
            )

    async def _read_everything(self) -> None:
        """No reconcile before this: what is not known yet would look like gone."""
        gateway = self.environment.settings.gateway_service
        self.watches.expect(list(WATCHED), self.scope)
        self.watches.expect([ENDPOINT_SLICE], [gateway.namespace])
        self.cache.gateway_ready = await gatewaywatch.count(gateway, self.cluster)
        await resync.read_first(self.cluster, self.cache, self.scope)
        for queue, keys in self.queues.everything(self.cache):
            for key in keys:
                queue.add(key)
        self.health.synced = True

    def _changed(self, event: str | None, item: Object) -> None:
        change: Change | None = self.cache.drop(item) if event == "DELETED" else self.cache.put(item)
        if change is None:
            return
        if change.kind == LLM_MODEL and change.after is None and change.before is not None:
            self.cache.departed[key_of(change.before)] = change.before
        self.cache.tell(change)

    def _gateway_changed(self, ready: int) -> None:
        if ready != self.cache.gateway_ready:
            self.cache.gateway_ready = ready
            for key in all_keys(self.cache):
                self.queues.services.add(key)


def _listener(cache: Cache, queues: Queues) -> Callable[[Census | None, Census], None]:
    """Return what is told what the gateways said, before and now: who is concerned is looked at."""

    def said(before: Census | None, after: Census) -> None:
        cache.census = after
        for key in changed_services(before, after) if before is not None else all_keys(cache):
            queues.services.add(key)
        for key in changed_tenants(before, after) if before is not None else all_tenants(cache):
            queues.tenants.add(key)

    return said


def _reporter(kind: str, metrics: Metrics) -> Callable[[Key, Exception], None]:
    """Return what is told of a reconcile that failed."""

    def failed(key: Key, error: Exception) -> None:
        metrics.reconciled("failed")
        # Where a refusal of the API server came from is clear; anything else is a fault of ours.
        trace = None if isinstance(error, ClusterError | TimeoutError) else error
        log.warning("reconcile failed", kind=kind, **key._asdict(), error=repr(error), exc_info=trace)

    return failed


async def _ended(task: asyncio.Task[None]) -> None:
    await asyncio.wait([task])
    raise RuntimeError(f"kopf's {task.get_name()!r} has ended") from (
        None if task.cancelled() else task.exception()
    )


def _on_signals(stop: asyncio.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)


async def _first(*coroutines: Coroutine[Any, Any, Any]) -> None:
    """Run until the first one ends, then end the others; raises what it raised."""
    tasks = [asyncio.ensure_future(one) for one in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
