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
from tidegate_operator.models.loaders import Unreadable, read_progress

TIMEOUT: Final = aiohttp.ClientTimeout(total=2, sock_connect=1)
MOST_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class HttpLoaders:
    """`Loaders` by HTTP."""

    session: aiohttp.ClientSession

    async def read(self, address: str) -> Progress:
        """See Loaders."""
        try:
            async with self.session.get(podhttp.url(address, LOADER_PORT, PROGRESS_PATH)) as answer:
                if answer.status != 200:
                    raise Unreadable(f"it answered {answer.status}")
                body = await podhttp.whole(answer, MOST_BYTES)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreadable(str(error) or "no answer in time") from error
        if body is None:
            raise Unreadable(f"its answer has more than {MOST_BYTES} bytes")
        return read_progress(body)


@asynccontextmanager
async def connect() -> AsyncIterator[HttpLoaders]:
    """Return the loaders; connections end with the block."""
    async with podhttp.session(TIMEOUT) as session:
        yield HttpLoaders(session)
