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
from tidegate_operator.gateways import Unreadable, read_state

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
        try:
            async with self.session.get(podhttp.url(address, self.port, STATE_PATH)) as answer:
                if answer.status != 200:
                    raise Unreadable(f"it answered {answer.status}")
                body = await podhttp.whole(answer, MOST_BYTES)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreadable(str(error) or "no answer in time") from error
        if body is None:
            raise Unreadable(f"its answer has more than {MOST_BYTES} bytes")
        return read_state(body)


@asynccontextmanager
async def connect(port: int) -> AsyncIterator[HttpGateways]:
    """Return the gateways, asked on this port; connections end with the block."""
    async with podhttp.session(TIMEOUT) as session:
        yield HttpGateways(session, port)
