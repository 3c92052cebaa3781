"""The gateways for real: one GET on the admin port of each.

Owns timeouts and how much of an answer is taken. Must not decide anything.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from tidegate_api.names import STATE_PATH
from tidegate_operator import podhttp
from tidegate_operator.census import Reading
from tidegate_operator.gateways import read_state

TIMEOUT = aiohttp.ClientTimeout(total=5, sock_connect=2)
# About 100,000 tenants.
MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class HttpGateways:
    """`Gateways` by HTTP."""

    session: aiohttp.ClientSession
    port: int

    async def read(self, address: str) -> Reading:
        """See Gateways."""
        where = podhttp.url(address, self.port, STATE_PATH)
        return read_state(await podhttp.answer(self.session, where, MOST_BYTES))


@asynccontextmanager
async def connect(port: int) -> AsyncIterator[HttpGateways]:
    """Return the gateways, asked on this port; connections end with the block."""
    async with podhttp.session(TIMEOUT) as session:
        yield HttpGateways(session, port)
