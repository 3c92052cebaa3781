"""Workers' pages of metrics for real: one GET on the port of each.

Owns timeouts and how much of an answer is taken. Must not decide anything.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import aiohttp

from tidegate_operator import podhttp
from tidegate_operator.podanswer import Unreadable

TIMEOUT: Final = aiohttp.ClientTimeout(total=5, sock_connect=2)
# A vLLM's page has 100 to 200 kB.
MOST_BYTES: Final = 4 * 1024 * 1024
_PATH: Final = "/metrics"


@dataclass(frozen=True, slots=True)
class HttpPages:
    """`Pages` by HTTP."""

    session: aiohttp.ClientSession

    async def read(self, address: str, port: int) -> str:
        """See Pages."""
        if not address:
            raise Unreadable("it has no address yet")
        where = podhttp.url(address, port, _PATH)
        return (await podhttp.answer(self.session, where, MOST_BYTES)).decode(errors="replace")


@asynccontextmanager
async def connect() -> AsyncIterator[HttpPages]:
    """Return the pages; connections end with the block."""
    async with podhttp.session(TIMEOUT) as session:
        yield HttpPages(session)
