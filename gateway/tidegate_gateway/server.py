"""One client's connection: requests in order, answers out.

Owns pipelining, keep-alive, closing, and backpressure towards the client. Must not parse HTTP (`wire`) or know
workers: a request to generate becomes an `Exchange`, which calls back `write`, `refuse` and `finish`.
"""

import asyncio
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING, Final, cast

from tidegate_gateway import answer, local
from tidegate_gateway.auth import identify
from tidegate_gateway.directory import Caller, Directory
from tidegate_gateway.errors import INVALID_KEY, TIMED_OUT, Problem, Refused
from tidegate_gateway.exchange import Exchange
from tidegate_gateway.relay import Relay
from tidegate_gateway.request import Head
from tidegate_gateway.routes.composition import Composition
from tidegate_gateway.wire import Request, RequestReader

if TYPE_CHECKING:
    from tidegate_gateway.gateway import Gateway

# Buffered towards one client before its worker is paused.
HIGH_WATER: Final = 128 * 1024
# The value of SO_LINGER with which a connection is reset when it is closed.
RESET: Final = struct.pack("ii", 1, 0)


class ClientConnection(asyncio.Protocol):
    """The server's side of one TCP connection."""

    __slots__ = (
        "_advancing",
        "_continue_owed",
        "_current",
        "_gateway",
        "_last_caller",
        "_last_directory",
        "_last_key",
        "_queue",
        "_reader",
        "_reading_paused",
        "_stall_size",
        "_stalled_since",
        "close_after",
        "is_paused",
        "transport",
        "write",
    )

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway
        self._queue: deque[Request] = deque()
        self._current: Exchange | Composition | None = None
        self._last_key: bytes | None = None
        self._last_directory: Directory | None = None
        self._last_caller: Caller | None = None
        self._reader = RequestReader(self, gateway.settings.limits, gateway.loop.time)
        self._advancing = False
        self._continue_owed = False
        self._reading_paused = False
        self._stall_size = 0
        self._stalled_since = 0.0
        self.is_paused = False
        self.close_after = False

    # Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve."""
        self.transport = transport = cast(asyncio.Transport, transport)
        self.write = transport.write
        transport.set_write_buffer_limits(HIGH_WATER)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._gateway.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the work that nobody waits for any more."""
        self._gateway.forget(self)
        self._queue.clear()
        self._reader.close()
        current, self._current = self._current, None
        if current is not None:
            current.client_gone()

    def data_received(self, data: bytes) -> None:
        """Read on; after the last request, what still comes is dropped, so that our answer is not reset."""
        if not self._reader.ended:
            self._reader.feed(data)

    def pause_writing(self) -> None:
        """Stop the worker: this client reads slower than it answers."""
        self.is_paused = True
        if self._current is not None:
            self._current.pause()

    def resume_writing(self) -> None:
        """Let the worker go on."""
        self.is_paused = False
        if self._current is not None:
            self._current.resume()

    # Called by the reader

    def identify(self, authorization: bytes | None) -> Caller | None:
        """Return who is calling; the same key need not be hashed again as long as nothing else is known."""
        gateway = self._gateway
        directory, now = gateway.directory, gateway.clock()
        if (
            authorization is None
            or authorization is not self._last_key
            or directory is not self._last_directory
        ):
            self._last_key, self._last_directory = authorization, directory
            self._last_caller = identify(authorization, directory, now)
        caller = self._last_caller
        return None if caller is None or caller.is_expired(now) else caller

    def refuse_key(self, authorization: bytes | None) -> Problem:
        """Return what is told to a client without a valid key; one that sent a wrong one may have guessed it."""
        if authorization is None:
            return INVALID_KEY
        peer = self.transport.get_extra_info("peername")
        return self._gateway.guesses.refuse(peer[0] if peer else "", self._gateway.loop.time())

    def expect_body(self) -> None:
        """Ask for the body, once the answers before it are out."""
        self._continue_owed = True
        self._advance()

    def deliver(self, request: Request) -> None:
        """Serve a request after those before it."""
        self._continue_owed = False
        self._queue.append(request)
        if self._current is None:
            self._advance()
        elif not self._reading_paused and self._is_far_ahead():
            self._reading_paused = True
            self.transport.pause_reading()

    def _is_far_ahead(self) -> bool:
        """Tell whether a client has sent so much behind the request that is being answered that it has to wait."""
        limits, waiting = self._gateway.settings.limits, self._queue
        return (
            len(waiting) >= limits.pipelined_requests
            or sum(len(request.body) for request in waiting) >= limits.body_bytes
        )

    def _advance(self) -> None:
        if self._advancing:
            return
        # A loop, not recursion: a client may pipeline thousands of requests that are answered at once.
        self._advancing = True
        while self._queue and self._current is None:
            self._serve(self._queue.popleft())
        self._advancing = False
        if self._current is not None:
            return
        if self._continue_owed:
            self._continue_owed = False
            self.write(answer.CONTINUE)
        if self._reading_paused and not self.transport.is_closing():
            self._reading_paused = False
            self.transport.resume_reading()

    def _serve(self, request: Request) -> None:
        head, gateway = request.head, self._gateway
        if not head.keep_alive or head.is_http10:
            self.close_after = True
        try:
            if head.problem is not None:
                raise Refused(head.problem)
            if head.action == "generate" and request.caller is not None:
                self._current = exchange = Exchange(
                    gateway, Relay(self, head), head, request.caller, request.body
                )
                exchange.start()
                return
            if head.action == "compose" and request.caller is not None:
                self._current = gateway.composer.compose(
                    Relay(self, head), head, request.caller, request.body
                )
                return
            status, content, headers = local.answer(head, request.caller, gateway.directory, gateway.services)
        except Refused as refused:
            self._current = None
            gateway.metrics.count_request(request.caller, refused.problem.status)
            self.refuse(refused.problem, head)
            return
        is_head = head.method == b"HEAD"
        self.write(
            answer.local(status, content, head.request_id, headers, close=self.close_after, is_head=is_head)
        )
        gateway.metrics.count_request(request.caller, status)
        self.finish()

    # Called by the exchange

    def refuse(self, problem: Problem, head: Head) -> None:
        """Answer with a problem."""
        self.close_after = self.close_after or problem.close
        is_head = head.method == b"HEAD"
        self.write(answer.refusal(problem, head.request_id, close=self.close_after, is_head=is_head))
        self._gateway.log.debug(
            "refused", request_id=head.request_id, status=problem.status, code=problem.code
        )
        self.finish()

    def break_off(self, *, is_open_ended: bool) -> None:
        """End the connection within an answer: by a reset where its end alone would look like the answer's."""
        if is_open_ended:
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.transport.abort()
        else:
            self.transport.close()

    def finish(self) -> None:
        """Go on to the next request, or close: the answer is complete."""
        self._current = None
        limits = self._gateway.settings.limits
        if self.close_after:
            self._queue.clear()
            self._shut()
            return
        self._reader.wait(limits.keep_alive_seconds)
        if not self._advancing and (self._queue or self._continue_owed or self._reading_paused):
            self._advance()

    def drain(self) -> None:
        """Take no more requests than those that have begun to arrive."""
        self.close_after = True
        if self._current is None and self._reader.is_idle and not self._reader.ended:
            self.transport.close()

    def _shut(self) -> None:
        """Close our side, and read on for a moment: closing at once would reset what the client has yet to read."""
        self._reader.ended = True
        self._reader.deadline = self._gateway.loop.time() + self._gateway.settings.limits.linger_seconds
        if not self.transport.is_closing():
            self.transport.write_eof()

    # Called about once a second

    def check(self, now: float) -> None:
        """Notice what did not happen in time."""
        if self._is_write_stalled(now):
            self.transport.abort()
        elif self._current is None and now > self._reader.deadline:
            self._give_up()

    def _is_write_stalled(self, now: float) -> bool:
        size = self.transport.get_write_buffer_size()
        if size == 0 or size != self._stall_size:
            self._stall_size = size
            self._stalled_since = now
            return False
        return now - self._stalled_since > self._gateway.settings.limits.write_stall_seconds

    def _give_up(self) -> None:
        if self._reader.ended:
            if self.transport.get_write_buffer_size() == 0:
                self.transport.abort()
        elif self._reader.is_idle:
            self.transport.close()
        else:
            self._reader.end(TIMED_OUT)
