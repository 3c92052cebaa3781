"""Asks each worker once a second how it is, and now and then which adapters it serves.

Owns the asking: when, for how long, and over which connections. Must not judge an answer. A worker that does not
answer has said nothing: that is no failure here, requests find out.
"""

import asyncio
import random
from collections.abc import Callable, Iterable
from typing import Final

import aiohttp
import msgspec
from yarl import URL

from tidegate_gateway.routing.endpoint import Endpoint, Report
from tidegate_gateway.routing.exposition import NAMES, read_report

PERIOD_SECONDS: Final = 1.0
# At most this many pages a second; with more workers each is asked less often.
POLLS_PER_SECOND: Final = 200
MODELS_SECONDS: Final = 30.0
# Where adapters come and go while a worker runs, they are soon to be asked for, and not any more.
ADAPTERS_SECONDS: Final = 2.0
# A worker that has never reported, since its engine is not vLLM, is asked ever less often, down to this.
SILENT_SECONDS: Final = 30.0
TIMEOUT: Final = aiohttp.ClientTimeout(total=2.0, sock_connect=1.0)
LONGEST_PAGE: Final = 4 * 1024 * 1024
# vLLM's own route makes the whole page, 50 to 100 KB; the application mounted behind it makes what is asked for, for
# a fifth of the worker's CPU. It is empty where vLLM has several API servers: then the whole page is read.
SOME: Final = URL("/metrics/?" + "&".join(f"name[]={name}" for name in NAMES))
ALL: Final = URL("/metrics")
MODELS: Final = URL("/v1/models")


class _Model(msgspec.Struct):
    id: str
    # Set for an adapter: the model that it adapts.
    parent: str | None = None
    max_model_len: int | None = None


class _Models(msgspec.Struct):
    data: list[_Model]


class Signals:
    """Polls workers, each in a task of its own, so that no worker is ever asked twice at once.

    `on_report` gets each report, on the event loop. What a worker serves is written into its endpoint.
    """

    def __init__(
        self,
        on_report: Callable[[Endpoint, Report], None],
        rng: random.Random,
        period: float = PERIOD_SECONDS,
    ) -> None:
        self._on_report = on_report
        self._rng = rng
        self._period = period
        self._tasks: dict[Endpoint, asyncio.Task[None]] = {}
        self._session: aiohttp.ClientSession | None = None

    def update(self, endpoints: Iterable[Endpoint]) -> None:
        """Poll these endpoints from now on, and no others."""
        wanted = set(endpoints)
        for endpoint in self._tasks.keys() - wanted:
            self._tasks.pop(endpoint).cancel()
        if wanted and self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                timeout=TIMEOUT,
                headers={"accept-encoding": "identity"},
            )
        for endpoint in wanted - self._tasks.keys():
            self._tasks[endpoint] = asyncio.create_task(self._follow(endpoint))

    async def close(self) -> None:
        """Ask nobody any more."""
        tasks = list(self._tasks.values())
        self.update(())
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _follow(self, endpoint: Endpoint) -> None:
        loop = asyncio.get_running_loop()
        page, models_at = SOME, loop.time()
        # How often both pages were asked for in vain; None once it has reported.
        in_vain: int | None = 0
        # Not all at once after a start.
        await asyncio.sleep(self._rng.random() * self._pause() / 4)
        while True:
            try:
                if models_at <= loop.time():
                    models_at = loop.time() + (ADAPTERS_SECONDS if endpoint.has_adapters else MODELS_SECONDS)
                    await self._ask_models(endpoint)
                if await self._ask_load(endpoint, page):
                    in_vain = None
                else:
                    page = ALL if page is SOME else SOME
                    in_vain = None if in_vain is None else in_vain + (page is SOME)
            except Exception as error:
                # A fault in what is done with an answer must not end the asking.
                loop.call_exception_handler(
                    {"message": "a worker's report was not taken", "exception": error}
                )
            pause = self._pause()
            if in_vain and not endpoint.has_adapters:
                pause = max(pause, min(pause * 2.0 ** min(in_vain, 10), SILENT_SECONDS))
            await asyncio.sleep(pause * (0.9 + 0.2 * self._rng.random()))

    def _pause(self) -> float:
        return max(self._period, len(self._tasks) / POLLS_PER_SECOND)

    async def _ask_load(self, endpoint: Endpoint, page: URL) -> bool:
        asked_at = asyncio.get_running_loop().time()
        answer = await self._get(endpoint, page)
        report = None if answer is None else read_report(answer, asked_at)
        if report is not None:
            self._on_report(endpoint, report)
        return report is not None

    async def _ask_models(self, endpoint: Endpoint) -> None:
        answer = await self._get(endpoint, MODELS)
        try:
            models = msgspec.json.decode(answer or b"", type=_Models).data
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        endpoint.context_tokens = max((model.max_model_len or 0 for model in models), default=0)
        endpoint.adapters = frozenset(model.id for model in models if model.parent)

    async def _get(self, endpoint: Endpoint, path: URL) -> bytes | None:
        """Return the body of a 200, or None for everything else that can come of it."""
        if self._session is None:
            return None
        worker = endpoint.worker
        base = URL.build(scheme="http", host=worker.host, port=worker.port)
        page = bytearray()
        try:
            async with self._session.get(base.join(path), allow_redirects=False) as response:
                if response.status != 200:
                    return None
                async for chunk in response.content.iter_any():
                    page += chunk
                    if len(page) > LONGEST_PAGE:
                        return None
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None
        return bytes(page)
