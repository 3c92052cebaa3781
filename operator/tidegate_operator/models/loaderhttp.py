"""The loaders for real: one GET on the port of each.

Owns timeouts and how much of an answer is taken. Must not decide anything.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import aiohttp

from tidegate_api.names import LOADER_PORT, PROGRESS_PATH
from tidegate_operator import podhttp
from tidegate_operator.models.facts import Progress
from tidegate_operator.models.loaders import read_progress

TIMEOUT: Final = aiohttp.ClientTimeout(total=2, sock_connect=1)
MOST_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class HttpLoaders:
    """`Loaders` by HTTP."""

    session: aiohttp.ClientSession

    async def read(self, address: str) -> Progress:
        """See Loaders."""
        where = podhttp.url(address, LOADER_PORT, PROGRESS_PATH)
        return read_progress(await podhttp.answer(self.session, where, MOST_BYTES))


@asynccontextmanager
async def connect() -> AsyncIterator[HttpLoaders]:
    """Return the loaders; connections end with the block."""
    async with podhttp.session(TIMEOUT) as session:
        yield HttpLoaders(session)
