"""One tab's stream: a snapshot, then each section whole when it has changed, and what is live every two seconds.

Owns the pace. Must not hold objects: a slow client is given what there is when it can take it, never a backlog.
"""

import asyncio
from typing import Any, Final

from aiohttp import web

from tidegate_console.gateways import PERIOD_SECONDS, Gateways
from tidegate_console.sections import compact, live_of, message
from tidegate_console.view import View

SECTIONS: Final = ("services", "models", "tenants", "events")
# At most two messages a second of each section.
SECTION_SECONDS: Final = 0.5
COMMENT_SECONDS: Final = 15.0
# A client that takes nothing for so long has gone, whatever its connection says.
STALL_SECONDS: Final = 30.0
_HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    # A reverse proxy in front must hand on what it gets.
    "X-Accel-Buffering": "no",
}


class Stream:
    """What one client has been sent."""

    def __init__(self, view: View, gateways: Gateways, namespace: str | None) -> None:
        self._view, self._gateways, self._namespace = view, gateways, namespace
        self._number = 0
        self._sent: dict[str, int] = {}
        self._sent_at: dict[str, float] = {}
        self._loop = asyncio.get_running_loop()

    async def run(self, request: web.Request) -> web.StreamResponse:
        """Answer a request until its client leaves, or its token is not good any more."""
        response = web.StreamResponse(headers=_HEADERS)
        heard = self._view.listen()
        try:
            async with self._gateways.watched():
                await response.prepare(request)
                await self._write(response, self._snapshot())
                await self._follow(response, heard)
        finally:
            self._view.forget(heard)
        return response

    async def _follow(self, response: web.StreamResponse, heard: asyncio.Event) -> None:
        live_at = self._loop.time() + PERIOD_SECONDS
        comment_at = self._loop.time() + COMMENT_SECONDS
        while not self._view.over.is_set():
            heard.clear()
            now = self._loop.time()
            parts = [self._section(name, now) for name in self._due(now)]
            if now >= live_at:
                parts.append(self._message("live", compact(self._live())))
                live_at = now + PERIOD_SECONDS
            if now >= comment_at:
                parts.append(b": still here\n\n")
                comment_at = now + COMMENT_SECONDS
            if parts:
                await self._write(response, b"".join(parts))
            await self._wait(heard, min(live_at, comment_at))

    async def _wait(self, heard: asyncio.Event, until: float) -> None:
        """Wait for the next change that may be sent, or the next time that something is due."""
        pending = [self._sent_at[name] + SECTION_SECONDS for name in SECTIONS if self._is_changed(name)]
        seconds = min([until, *pending]) - self._loop.time()
        if seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                # What has changed already waits for its time; another change does not shorten that.
                await (asyncio.sleep(seconds) if pending and min(pending) <= until else heard.wait())
        except TimeoutError:
            return

    def _due(self, now: float) -> list[str]:
        return [
            name
            for name in SECTIONS
            if self._is_changed(name) and now >= self._sent_at[name] + SECTION_SECONDS
        ]

    def _is_changed(self, section: str) -> bool:
        return self._sent[section] != self._view.versions[section]

    def _snapshot(self) -> bytes:
        texts = [f'"{name}":{self._text(name, self._loop.time())}' for name in SECTIONS]
        return self._message("snapshot", "{" + ",".join([*texts, f'"live":{compact(self._live())}']) + "}")

    def _section(self, name: str, now: float) -> bytes:
        return self._message(name, self._text(name, now))

    def _text(self, name: str, now: float) -> str:
        self._sent[name], self._sent_at[name] = self._view.versions[name], now
        return self._view.text(name, self._namespace)

    def _live(self) -> dict[str, Any]:
        services = self._view.names("services", self._namespace)
        return live_of(self._gateways.told, services, self._view.names("tenants", self._namespace))

    def _message(self, event: str, data: str) -> bytes:
        self._number += 1
        return message(event, self._number, data)

    async def _write(self, response: web.StreamResponse, data: bytes) -> None:
        async with asyncio.timeout(STALL_SECONDS):
            await response.write(data)
