"""What the gateways tell, asked for every two seconds while somebody looks.

Owns the asking: where the gateways are, deadlines, sizes. Needs no right in the cluster: a headless Service has the
address of each. Must not know what their pages mean.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import aiohttp
import structlog

from tidegate_live import Live, Window, as_json, live

PERIOD_SECONDS: Final = 2.0
_MOST_GATEWAYS: Final = 64
_MOST_BYTES: Final = 16 << 20
_TIMEOUT: Final = aiohttp.ClientTimeout(total=1.8, sock_connect=1)
# After the last one has left, so that who comes back a moment later has rates at once.
_IDLE_SECONDS: Final = 60.0
_FAILURES: Final = (aiohttp.ClientError, TimeoutError, OSError, ValueError)


class Gateways:
    """All gateways, as they are now."""

    def __init__(self, address: tuple[str, int] | None) -> None:
        self._address = address
        self._watchers = 0
        self._task: asyncio.Task[None] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._window = Window()
        self._looked = asyncio.Event()
        self._missing: str | None = None
        # The last look, as JSON.
        self.told: dict[str, Any] = _as_told(live(Window(), 0.0))
        self.failures = 0
        self._log = structlog.get_logger("gateways")

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Ask them for as long as somebody is in here."""
        self._watchers += 1
        if self._idle is not None:
            self._idle.cancel()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        try:
            # The first look is soon over, or told as missing.
            with suppress(TimeoutError):
                async with asyncio.timeout(PERIOD_SECONDS):
                    await self._looked.wait()
            yield
        finally:
            self._watchers -= 1
            if self._watchers == 0:
                self._idle = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._rest)

    async def close(self) -> None:
        """Ask no more."""
        if self._idle is not None:
            self._idle.cancel()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _rest(self) -> None:
        if self._task is not None and self._watchers == 0:
            self._task.cancel()
            self._task = None
            self._looked.clear()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        async with aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=False) as session:
            while True:
                began = loop.time()
                await self._look(session, began)
                self.told = _as_told(live(self._window, loop.time(), self._missing))
                self._looked.set()
                await asyncio.sleep(max(0.1, began + PERIOD_SECONDS - loop.time()))

    async def _look(self, session: aiohttp.ClientSession, at: float) -> None:
        if self._address is None:
            self._missing = "the console is not told where the gateways are"
            return
        host, port = self._address
        try:
            addresses = await _resolve(host, port)
        except OSError as error:
            self._missing = f"no gateway is found under {host}: {error.strerror or error}"
            return
        pages = await asyncio.gather(*(self._page(session, one, port) for one in addresses))
        self._window = self._window.only(addresses)
        silent = [address for address, page in zip(addresses, pages, strict=True) if page is None]
        for address, page in zip(addresses, pages, strict=True):
            if page is not None:
                # A page of many services takes some milliseconds to read.
                try:
                    self._window = await asyncio.to_thread(self._window.with_page, address, at, page)
                except ValueError:
                    silent.append(address)
        self.failures += len(silent)
        self._missing = _told_of(silent, len(addresses))

    async def _page(self, session: aiohttp.ClientSession, address: str, port: int) -> str | None:
        host = f"[{address}]" if ":" in address else address
        try:
            async with session.get(f"http://{host}:{port}/metrics", allow_redirects=False) as answer:
                if answer.status != 200:
                    return None
                page = await answer.content.read(_MOST_BYTES)
                while not answer.content.at_eof() and len(page) < _MOST_BYTES:
                    page += await answer.content.read(_MOST_BYTES - len(page))
                return page.decode()
        except _FAILURES as error:
            self._log.debug("a gateway does not answer", address=address, error=type(error).__name__)
            return None


async def _resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return sorted({str(one[4][0]) for one in found})[:_MOST_GATEWAYS]


def _told_of(silent: Iterable[str], asked: int) -> str | None:
    names = sorted(silent)
    if not names:
        return None
    return f"{len(names)} of {asked} gateways did not answer: {', '.join(names[:3])}"


def _as_told(figures: Live) -> dict[str, Any]:
    """Return figures as JSON, with the time as people have it."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    told: dict[str, Any] = as_json(figures)
    return {**told, "at": now}
