"""Engines' metrics from the engines themselves: one GET on the port of each worker.

Owns timeouts and how much of an answer is taken. Must not decide anything.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from tidegate_api.names import WORKER_PORT
from tidegate_operator import podhttp
from tidegate_operator.engines import Engine, Figures, Read, Unusable, figures
from tidegate_operator.exposition import read_page

TIMEOUT = aiohttp.ClientTimeout(total=3, sock_connect=1)
# All workers together; those that are not reached by then are not known.
LONGEST_SECONDS = 6.0
_NO_TIME = "there was no time to ask the worker: too many others do not answer"
# A vLLM's page has 100 to 200 kB.
MOST_BYTES = 4 * 1024 * 1024
_AT_A_TIME = 32


@dataclass(frozen=True, slots=True)
class Scrape:
    """`Engines` by HTTP. `now` is Unix time."""

    session: aiohttp.ClientSession
    port: int = WORKER_PORT
    now: Callable[[], float] = time.time
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_A_TIME))

    async def read(self, engines: Collection[Engine]) -> Read:
        """See Engines."""
        asked = {engine.uid: asyncio.ensure_future(self._ask(engine)) for engine in engines}
        if asked:
            _, left = await asyncio.wait(asked.values(), timeout=LONGEST_SECONDS)
            for one in left:
                one.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        told = {uid: _NO_TIME if one.cancelled() else one.result() for uid, one in asked.items()}
        return Read(
            {uid: one for uid, one in told.items() if isinstance(one, Figures)},
            {uid: one for uid, one in told.items() if isinstance(one, str)},
        )

    async def _ask(self, engine: Engine) -> Figures | str:
        """Return what one engine says, or why that is not known."""
        if not engine.address:
            return "the worker has no address yet"
        where = podhttp.url(engine.address, self.port, "/metrics")
        try:
            async with self._turns, self.session.get(where) as answer:
                if answer.status != 200:
                    return f"the worker answers {answer.status}"
                body = await podhttp.whole(answer, MOST_BYTES)
            if body is None:
                raise Unusable(f"it has more than {MOST_BYTES} bytes")
            now = self.now()
            return figures(read_page(body.decode(errors="replace")), now, now)
        except Unusable as error:
            return f"the worker's own page: {error}"
        except (aiohttp.ClientError, OSError) as error:  # a TimeoutError is an OSError
            return f"the worker cannot be asked: {type(error).__name__}"


@asynccontextmanager
async def connect(port: int = WORKER_PORT) -> AsyncIterator[Scrape]:
    """Return the workers, asked on this port; connections end with the block."""
    async with podhttp.session(TIMEOUT, _AT_A_TIME) as session:
        yield Scrape(session, port)
