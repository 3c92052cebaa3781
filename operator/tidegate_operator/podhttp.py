"""How a Pod is asked by HTTP: its address in a URL, a session without a proxy, and no more of an answer than may be.

Owns what is the same for gateways, loaders and workers. Must not know what is asked, or what an answer means.
"""

import aiohttp

from tidegate_operator.podanswer import Unreadable


def url(address: str, port: int, path: str) -> str:
    """Return the URL of a path at an IP address."""
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}:{port}{path}"


def session(timeout: aiohttp.ClientTimeout, at_a_time: int = 100) -> aiohttp.ClientSession:
    """Return a session with one connection to each Pod."""
    connector = aiohttp.TCPConnector(limit=at_a_time, limit_per_host=1)
    # No proxy of the environment: these are Pods.
    return aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False)


async def answer(session: aiohttp.ClientSession, where: str, most_bytes: int) -> bytes:
    """Return what a Pod answers at a URL; raises Unreadable for none, another status than 200, or too much."""
    try:
        async with session.get(where) as found:
            if found.status != 200:
                raise Unreadable(f"it answered {found.status}")
            body = await whole(found, most_bytes)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Unreadable(str(error) or "no answer in time") from error
    if body is None:
        raise Unreadable(f"its answer has more than {most_bytes} bytes")
    return body


async def whole(found: aiohttp.ClientResponse, most_bytes: int) -> bytes | None:
    """Return the body of an answer, None if it is longer than it may be."""
    body = bytearray()
    async for piece in found.content.iter_any():
        body += piece
        if len(body) > most_bytes:
            return None
    return bytes(body)
