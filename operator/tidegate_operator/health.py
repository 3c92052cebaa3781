"""What is asked of this process on the admin port: /healthz, /readyz, /metrics, and /scaling/NAMESPACE/NAME.

Owns the meaning of alive (watches are heard from, reconciles move on) and ready (a standby is; a leader once it has
read everything). Must not fix what it finds: the kubelet restarts, and a restart converges.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from tidegate_operator.facts import Key
from tidegate_operator.metrics import Metrics
from tidegate_operator.watches import Watches

STALLED_SECONDS = 120.0


@dataclass(slots=True)
class Health:
    """What is known about how this process does."""

    watches: Watches
    stalled_seconds: Callable[[], float]
    # None while another process leads, then whether everything was read once.
    synced: bool | None = field(default=None)

    def problems(self) -> list[str]:
        """Return why this process should be restarted."""
        problems = [f"the watch of {kind} is silent" for kind in self.watches.silent()]
        if self.stalled_seconds() > STALLED_SECONDS:
            problems.append(f"a reconcile has not moved for {self.stalled_seconds():.0f} s")
        return problems


@asynccontextmanager
async def serve(
    health: Health, metrics: Metrics, records: Callable[[Key], Iterable[str]], port: int
) -> AsyncIterator[None]:
    """Answer until the block ends; `records` are the decisions about an LLMService, as lines of JSON."""

    async def healthz(_: web.Request) -> web.Response:
        problems = health.problems()
        return web.Response(status=500 if problems else 200, text="\n".join(problems) or "ok")

    async def readyz(_: web.Request) -> web.Response:
        waiting = health.synced is False
        return web.Response(status=503 if waiting else 200, text="reading the cluster" if waiting else "ok")

    async def exposition(_: web.Request) -> web.Response:
        return web.Response(body=metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})

    async def decisions(request: web.Request) -> web.Response:
        key = Key(request.match_info["namespace"], request.match_info["name"])
        text = "".join(f"{line}\n" for line in records(key))
        return web.Response(text=text, content_type="application/x-ndjson")

    app = web.Application()
    app.add_routes(
        [
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
            web.get("/metrics", exposition),
            web.get("/scaling/{namespace}/{name}", decisions),
        ]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, port=port, shutdown_timeout=1).start()
        yield
    finally:
        await runner.cleanup()


CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"
