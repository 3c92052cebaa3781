"""Connections to workers: kept alive, reused, parsed.

Owns the pool and the reading of workers' answers. Must not know clients or decide where a request goes: who waits
for an answer is a `Receiver`.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Container
from functools import lru_cache
from typing import Any, Protocol, cast

import httptools

from tidegate_gateway.directory import Worker
from tidegate_gateway.settings import Limits
from tidegate_gateway.wire import collector

INTERIM = 200
JOINED_BYTES = 64 * 1024
# Of an answer, interim ones included; engines send some hundred.
HEAD_BYTES = 256 * 1024


def request_lines(worker: Worker, path: bytes, length: int, request_id: str, forwarded: bytes) -> bytes:
    """Return the head of a request to a worker: framed by its length only, without anything of the client's framing."""
    return (
        b"POST %b HTTP/1.1\r\nhost: %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
        b"x-request-id: %b\r\n%b\r\n"
        % (path, _authority(worker.host, worker.port), length, request_id.encode(), forwarded)
    )


@lru_cache(maxsize=1024)
def _authority(host: str, port: int) -> bytes:
    return (f"[{host}]:{port}" if ":" in host else f"{host}:{port}").encode()


class Receiver(Protocol):
    """Who waits for an answer."""

    def on_connected(self, connection: "WorkerConnection") -> None:
        """Use the connection that was asked for."""

    def on_refused(self) -> None:
        """Do without: no connection could be made."""

    def on_head(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        """Take status and headers."""

    def on_parts(self, parts: list[bytes], complete: bool) -> None:
        """Take the next parts of the body, and whether they are the last."""

    def on_lost(self, answered: bool, clean: bool) -> None:
        """Take notice that the connection ended: `answered` if a byte had come, `clean` if the worker closed it."""


class WorkerConnection(asyncio.Protocol):
    """The client's side of one TCP connection to a worker; serves one request at a time."""

    __slots__ = (
        "_answered",
        "_complete",
        "_fields",
        "_head_is_new",
        "_head_size",
        "_interim",
        "_parser",
        "_parts",
        "_pool",
        "_raw",
        "_reading_paused",
        "_receiver",
        "_reusable",
        "_status",
        "idle_since",
        "on_body",
        "on_header",
        "reused",
        "transport",
        "worker",
    )

    def __init__(self, pool: "Pool", worker: Worker) -> None:
        self._pool = pool
        self.worker = worker
        self.reused = False
        self.idle_since = 0.0
        self._receiver: Receiver | None = None
        self._parts: list[bytes] = []
        # The parser calls this for each chunk: the list's own method spares a Python call.
        self.on_body = self._parts.append
        self._raw: list[tuple[bytes, bytes]] = []
        self.on_header = collector(self._raw)
        self._reading_paused = False
        self._begin()
        self._parser: Any = httptools.HttpResponseParser(self)

    def _begin(self) -> None:
        self._raw.clear()
        self._fields: list[tuple[bytes, bytes]] = []
        self._answered = False
        self._complete = False
        self._head_is_new = False
        self._interim = False
        self._reusable = False
        self._status = 0
        self._head_size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send small packets at once."""
        self.transport = cast(asyncio.Transport, transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, receiver: Receiver, pieces: list[bytes | memoryview]) -> None:
        """Send a request; the answer goes to `receiver`."""
        self._begin()
        self._receiver = receiver
        # One buffer is cheaper to send than several, unless it is expensive to make.
        if sum(map(len, pieces)) <= JOINED_BYTES:
            self.transport.write(b"".join(pieces))
        else:
            self.transport.writelines(pieces)

    def pause(self) -> None:
        """Read no more for now."""
        if not self._reading_paused and not self.transport.is_closing():
            self._reading_paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self._reading_paused and not self.transport.is_closing():
            self._reading_paused = False
            self.transport.resume_reading()

    def abort(self) -> None:
        """End now: the worker notices, and stops working for nobody."""
        self._receiver = None
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Hand on what came, in one piece."""
        receiver = self._receiver
        if receiver is None:
            # Nothing was asked: whatever this is, the next answer must not be mixed up with it.
            self.transport.abort()
            return
        self._answered = True
        if not self._status:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
            if not self._status and self._head_size > HEAD_BYTES:
                raise httptools.HttpParserError("the head of the answer has no end")
        except httptools.HttpParserError:
            self.transport.abort()
            self._lose(clean=False)
            return
        if self._head_is_new:
            self._head_is_new = False
            receiver.on_head(self._status, self._fields)
        parts = self._parts
        if self._receiver is None:
            parts.clear()
        elif self._complete:
            # Back in the pool first: the client's next request may already wait for it.
            self._receiver = None
            self._release()
            receiver.on_parts(parts, True)
            parts.clear()
        elif parts:
            receiver.on_parts(parts, False)
            parts.clear()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits, or leave the pool."""
        self._pool.forget(self)
        self._lose(clean=exc is None)
        self._parser = None

    def _lose(self, clean: bool) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.on_lost(self._answered, clean)

    def _release(self) -> None:
        if self._reusable and not self.transport.is_closing():
            self.resume()
            self.reused = True
            self._pool.put(self)
        else:
            self.transport.close()

    # Called by the parser

    def on_headers_complete(self) -> None:
        """Note the head, unless it is of an interim answer."""
        if self._complete:
            raise ValueError("an answer to no request")
        status = self._parser.get_status_code()
        if status < INTERIM:
            self._interim = True
        else:
            self._status = status
            self._head_is_new = True
            self._fields = self._raw.copy()
        # Trailers, which come later, are no headers.
        self._raw.clear()

    def on_message_complete(self) -> None:
        """Note the end."""
        if self._interim:
            self._interim = False
        else:
            self._complete = True
            self._reusable = self._parser.should_keep_alive()


class Pool:
    """Idle connections by worker, the last used first."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: Limits) -> None:
        self._loop = loop
        self._limits = limits
        self._idle: dict[str, deque[WorkerConnection]] = {}

    def take(self, worker: Worker) -> WorkerConnection | None:
        """Return an idle connection, if there is one."""
        idle = self._idle.get(worker.uid)
        while idle:
            connection = idle.pop()
            if not connection.transport.is_closing():
                return connection
        return None

    def put(self, connection: WorkerConnection) -> None:
        """Keep a connection whose answer is complete."""
        connection.idle_since = self._loop.time()
        self._idle.setdefault(connection.worker.uid, deque()).append(connection)

    def forget(self, connection: WorkerConnection) -> None:
        """Drop a connection that has ended."""
        idle = self._idle.get(connection.worker.uid)
        if idle is not None and connection in idle:
            idle.remove(connection)

    def connect(self, worker: Worker, receiver: Receiver) -> asyncio.Task[None]:
        """Make a connection for `receiver`; cancel the task when it is not wanted any more."""
        return self._loop.create_task(self._connect(worker, receiver))

    async def _connect(self, worker: Worker, receiver: Receiver) -> None:
        try:
            async with asyncio.timeout(self._limits.connect_seconds):
                _, connection = await self._loop.create_connection(
                    lambda: WorkerConnection(self, worker), worker.host, worker.port
                )
        except OSError:
            receiver.on_refused()
        else:
            receiver.on_connected(connection)

    def prune(self, kept: Container[str], now: float) -> None:
        """Close connections to workers that are not in `kept`, and those that were idle for too long."""
        oldest = now - self._limits.upstream_idle_seconds
        for uid, idle in list(self._idle.items()):
            while idle and (uid not in kept or idle[0].idle_since < oldest):
                idle.popleft().transport.close()
            if not idle:
                del self._idle[uid]

    def close(self) -> None:
        """Close all idle connections."""
        self.prune((), 0)
