"""How a Pod is asked by HTTP: its address in a URL, a session without a proxy, and no more of an answer than may be.

Owns what is the same for gateways and workers. Must not know what is asked, or what an answer means.
"""

import aiohttp


def url(address: str, port: int, path: str) -> str:
    """Return the URL of a path at an IP address."""
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}:{port}{path}"


def session(timeout: aiohttp.ClientTimeout, at_a_time: int = 100) -> aiohttp.ClientSession:
    """Return a session with one connection to each Pod."""
    connector = aiohttp.TCPConnector(limit=at_a_time, limit_per_host=1)
    # No proxy of the environment: these are Pods.
    return aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False)


async def whole(answer: aiohttp.ClientResponse, most_bytes: int) -> bytes | None:
    """Return the body of an answer, None if it is longer than it may be."""
    body = bytearray()
    async for piece in answer.content.iter_any():
        body += piece
        if len(body) > most_bytes:
            return None
    return bytes(body)
