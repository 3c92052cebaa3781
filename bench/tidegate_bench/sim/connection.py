"""One connection of a client: requests in, one after the other.

Owns the parsing of HTTP and the life of the socket. What an answer says is decided elsewhere.
"""

import asyncio
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING, Any, cast

import httptools

from tidegate_bench.sim.call import Call

if TYPE_CHECKING:
    from tidegate_bench.sim.server import SimEngine

RESET = struct.pack("ii", 1, 0)


class Received:
    """One request as it came."""

    __slots__ = ("body", "headers", "method", "path")

    def __init__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body


class Connection(asyncio.Protocol):
    """The server's side."""

    def __init__(self, engine: "SimEngine") -> None:
        self._engine = engine
        self._parser: Any = httptools.HttpRequestParser(self)
        self._begin()
        self._waiting: deque[Received] = deque()
        self.call: Call | None = None
        self.idle_since = engine.loop.time()

    def _begin(self) -> None:
        self._target = b""
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send small packets at once, as uvicorn's loop does."""
        self.transport = cast(asyncio.Transport, transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A reader that falls behind is the gateway's matter: what is not sent stays in memory.
        self.transport.set_write_buffer_limits(high=2**30)
        self._engine.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Free what the client asked for: it has gone."""
        self._engine.connections.discard(self)
        self._parser = None
        call, self.call = self.call, None
        if call is not None:
            self._engine.abandon(call)

    def data_received(self, data: bytes) -> None:
        """Read the next bytes."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.close()

    # Called by the parser

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, part: bytes) -> None:
        """Take a part of the body."""
        self._parts.append(part)

    def on_message_complete(self) -> None:
        """Answer the request, or let it wait for the one before."""
        method, path = self._parser.get_method().decode(), self._target.decode().partition("?")[0]
        self._waiting.append(Received(method, path, self._headers, b"".join(self._parts)))
        self._begin()
        self._next()

    def _next(self) -> None:
        while self._waiting and self.call is None and not self.transport.is_closing():
            self._engine.serve(self, self._waiting.popleft())

    # What a call needs

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.transport.write(data)

    def done(self) -> None:
        """End the call, and take the next request."""
        self.call = None
        self.idle_since = self._engine.loop.time()
        self._next()

    def close(self) -> None:
        """Close once all is sent."""
        self.transport.close()

    def reset(self) -> None:
        """Die as a killed process does."""
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.transport.abort()

    @property
    def is_idle(self) -> bool:
        """Tell whether no request is under way."""
        return self.call is None and not self._target and not self._waiting
