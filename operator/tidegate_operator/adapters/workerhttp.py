"""The workers for real, as far as adapters go: one GET and two POSTs on the port of each.

Owns timeouts and how much of an answer is taken. Must not decide anything.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import aiohttp

from tidegate_api.names import WORKER_PORT
from tidegate_operator import podhttp
from tidegate_operator.adapters.workers import (
    LOAD_PATH,
    MODELS_PATH,
    UNLOAD_PATH,
    Refused,
    read_served,
    refusal,
)
from tidegate_operator.podanswer import Unreadable

TIMEOUT: Final = aiohttp.ClientTimeout(total=5, sock_connect=2)
# Reading an adapter from a slow volume takes its time; meanwhile the engine computes nothing else.
LOAD_TIMEOUT: Final = aiohttp.ClientTimeout(total=120, sock_connect=2)
MOST_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class HttpWorkers:
    """`Workers` by HTTP."""

    session: aiohttp.ClientSession
    port: int = WORKER_PORT

    async def served(self, address: str) -> Mapping[str, str]:
        """See Workers."""
        where = podhttp.url(address, self.port, MODELS_PATH)
        return read_served(await podhttp.answer(self.session, where, MOST_BYTES))

    async def load(self, address: str, name: str, path: str) -> None:
        """See Workers."""
        status, body = await self._tell(address, LOAD_PATH, {"lora_name": name, "lora_path": path})
        if status != 200:
            raise Refused(refusal(status, body, path))

    async def unload(self, address: str, name: str) -> None:
        """See Workers."""
        status, body = await self._tell(address, UNLOAD_PATH, {"lora_name": name})
        if status not in (200, 404):
            raise Refused(refusal(status, body))

    async def _tell(self, address: str, path: str, what: Mapping[str, str]) -> tuple[int, bytes]:
        where = podhttp.url(address, self.port, path)
        try:
            async with self.session.post(where, json=what, timeout=LOAD_TIMEOUT) as found:
                body = await podhttp.whole(found, MOST_BYTES)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreadable(str(error) or "no answer in time") from error
        return found.status, body or b""


@asynccontextmanager
async def connect(port: int = WORKER_PORT) -> AsyncIterator[HttpWorkers]:
    """Return the workers, asked on this port; connections end with the block."""
    async with podhttp.session(TIMEOUT) as session:
        yield HttpWorkers(session, port)
