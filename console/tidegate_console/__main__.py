"""`python -m tidegate_console`: the process.

Owns start and end: what is opened and closed in which order, signals, exit status.
"""

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from tidegate_console import kube, logs
from tidegate_console.api import Api
from tidegate_console.app import build, health
from tidegate_console.gateways import Gateways
from tidegate_console.metrics import Metrics
from tidegate_console.proxy import Proxy
from tidegate_console.settings import Settings, read_settings
from tidegate_console.views import Views

# Streams end at once: their tabs come back, to another Pod if there is one.
_ENDING_SECONDS: Final = 5.0
_VERSION: Final = "0.1.0"


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    ended = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, ended.set)
    async with AsyncExitStack() as opened:
        server = await opened.enter_async_context(kube.connect())
        views, gateways, proxy = (
            Views(server, settings),
            Gateways(settings.gateways),
            Proxy(settings.gateway_url),
        )
        metrics = Metrics(lambda: views.count, lambda: views.streams, lambda: gateways.failures)
        api = Api(settings, server, views, gateways, _version())
        app = build(settings, api, proxy, metrics, _version())
        await proxy.open()
        for closing in (proxy.close, gateways.close):
            opened.push_async_callback(closing)
        admin = await _listen(opened, _admin(metrics), settings.host, settings.admin_port)
        port = await _listen(opened, app, settings.host, settings.port)
        # Before the application: streams that end let it end.
        opened.push_async_callback(views.close)
        structlog.get_logger("console").info(
            "listening", port=port, admin_port=admin, ui=settings.static is not None
        )
        await ended.wait()


def _admin(metrics: Metrics) -> web.Application:
    async def page(_: web.Request) -> web.Response:
        body = generate_latest(metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/metrics", page)
    app.router.add_get("/healthz", health)
    app.router.add_get("/readyz", health)
    return app


async def _listen(opened: AsyncExitStack, app: web.Application, host: str | None, port: int) -> int:
    """Serve until the stack is closed; return the port, which is another where 0 was asked for."""
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=_ENDING_SECONDS)
    await runner.setup()
    opened.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, host, port).start()
    return int(runner.addresses[0][1])


def _version() -> str:
    try:
        return version("tidegate")
    except PackageNotFoundError:
        return _VERSION


def main() -> int:
    """Run the console of this Pod, or of this checkout."""
    try:
        settings = read_settings(os.environ, sys.argv[1:])
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logs.configure(settings.log_level)
    try:
        asyncio.run(serve(settings))
    except (ValueError, OSError) as error:
        sys.stderr.write(f"the console cannot start: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
