"""The port for the cluster: health, readiness, metrics, and what operator and other gateways ask.

Owns these routes. Clients cannot reach it. Cold: aiohttp is good enough here.
"""

import asyncio
from collections.abc import Iterable, Iterator

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import Metric

from tidegate_api.names import STATE_PATH
from tidegate_gateway.gateway import Gateway
from tidegate_gateway.limits import peers, state

LISTEN_HOST = None


class Snapshot(CollectorRegistry):
    """Metrics as they were at one moment."""

    def __init__(self, families: Iterable[Metric]) -> None:
        super().__init__()
        self._families = list(families)

    def collect(self) -> Iterator[Metric]:
        """Return them."""
        yield from self._families


async def start_admin(
    gateway: Gateway, port: int, others: peers.Peers | None = None, host: str | None = LISTEN_HOST
) -> web.AppRunner:
    """Serve the admin port until the runner is cleaned up; `others` answers the other gateways."""

    async def health(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def ready(_: web.Request) -> web.Response:
        if gateway.is_ready:
            return web.Response(text="ready\n")
        return web.Response(
            status=503, text="not ready: services, tenants and workers are not all known yet\n"
        )

    async def metrics(_: web.Request) -> web.Response:
        # Looked at here, where nothing changes meanwhile; written in a thread, which takes longer.
        now = Snapshot(gateway.metrics.registry.collect())
        page = await asyncio.to_thread(generate_latest, now)
        return web.Response(body=page, headers={"content-type": CONTENT_TYPE_LATEST})

    async def tell_state(_: web.Request) -> web.Response:
        services = [
            (served.model.namespace, served.model.service, served.dispatcher.figures())
            for served in gateway.services.values()
        ]
        workers = [
            (endpoint.worker, endpoint.requests)
            for served in gateway.services.values()
            for endpoint in served.fleet.in_use()
        ]
        versions = [
            (served.model.namespace, served.model.service, served.versions)
            for served in gateway.services.values()
            if served.versions is not None
        ]
        told = state.encode(gateway.instance, gateway.ledger.usage(), services, workers, versions)
        return web.Response(body=told, content_type="application/json")

    app = web.Application()
    app.router.add_get("/healthz", health)
    app.router.add_get("/readyz", ready)
    app.router.add_get("/metrics", metrics)
    app.router.add_get(STATE_PATH, tell_state)
    if others is not None:
        app.router.add_get(peers.PATH, others.answer)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
