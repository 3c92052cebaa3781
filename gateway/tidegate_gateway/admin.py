"""The port for the cluster: health, readiness, metrics. Clients cannot reach it.

Owns these three routes. Cold: aiohttp is good enough here.
"""

import asyncio

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from tidegate_gateway.gateway import Gateway

LISTEN_HOST = None


async def start_admin(gateway: Gateway, port: int, host: str | None = LISTEN_HOST) -> web.AppRunner:
    """Serve the admin port until the runner is cleaned up."""

    async def health(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def ready(_: web.Request) -> web.Response:
        if gateway.is_ready:
            return web.Response(text="ready\n")
        return web.Response(
            status=503, text="not ready: services, tenants and workers are not all known yet\n"
        )

    async def metrics(_: web.Request) -> web.Response:
        page = await asyncio.to_thread(generate_latest, gateway.metrics.registry)
        return web.Response(body=page, headers={"content-type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/healthz", health)
    app.router.add_get("/readyz", ready)
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
