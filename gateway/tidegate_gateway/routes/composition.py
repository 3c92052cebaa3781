"""A client's request that is answered by asking workers on its behalf.

Owns the life of its coroutine: begun by the server, paused with the client, ended when the client leaves, and each
failure told once. Must not know what is asked.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from tidegate_api.names import QosClass
from tidegate_gateway import answer, errors
from tidegate_gateway.answer import AnswerHead
from tidegate_gateway.directory import Caller
from tidegate_gateway.errors import Problem, Refused
from tidegate_gateway.exchange import Exchange
from tidegate_gateway.outlet import Outlet
from tidegate_gateway.request import Head
from tidegate_gateway.routes.answers import problem_of
from tidegate_gateway.routes.inner import Inner

if TYPE_CHECKING:
    from tidegate_gateway.gateway import Gateway

OK: Final = 200
LONGEST_REFUSAL: Final = 64 * 1024
EVENTS: Final = AnswerHead(
    OK, b"content-type: text/event-stream\r\ncache-control: no-cache\r\n", answer.IS_EVENT_STREAM
)
Work = Callable[["Composition"], Coroutine[Any, Any, None]]
# Answers to requests of our own must be readable.
COMPRESSED: Final = b"accept-encoding:"
LINE_END: Final = b"\r\n"


class Composition:
    """One such request."""

    def __init__(
        self,
        gateway: "Gateway",
        outlet: Outlet,
        head: Head,
        caller: Caller,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.gateway = gateway
        self.head = head
        self.caller = caller
        self._outlet = outlet
        # Finer than the event loop's, which counts milliseconds.
        self._clock = clock
        self._started = clock()
        self._begun = False
        self._numbers = count(1)
        self._may_write = asyncio.Event()
        self._may_write.set()
        lines = head.forwarded.split(LINE_END)
        self._forwarded = LINE_END.join(line for line in lines if not line.startswith(COMPRESSED))
        self._task: asyncio.Task[None]

    # Called by the server

    def start(self, work: "Work") -> None:
        """Begin to work, as soon as the server is done with what it does now."""
        self._task = self.gateway.loop.create_task(self._run(work))

    def pause(self) -> None:
        """Write no more: the client is slower."""
        self._may_write.clear()

    def resume(self) -> None:
        """Write again."""
        self._may_write.set()

    def client_gone(self) -> None:
        """Stop: nobody waits for the answer."""
        self._task.cancel()

    # Called by the work

    @property
    def milliseconds(self) -> float:
        """Time since the request came."""
        return round((self._clock() - self._started) * 1000, 2)

    @contextmanager
    def ask(
        self, path: bytes, body: bytes, qos_class: QosClass | None = None, *, tells: bool = False
    ) -> Iterator[Inner]:
        """Send a request to a worker, as the caller; it is stopped if it is left before its end.

        With `tells` the client, who gets a stream, is told while it is held. Raises Refused if it may not be sent.
        """
        head, inner = self.head, Inner()
        if tells:
            inner.on_hold = self._hold
        name = f"{head.request_id}-{next(self._numbers)}"
        inner_head = Head(b"POST", path, "generate", None, name, self._forwarded, head.authorization)
        try:
            exchange = Exchange(self.gateway, inner, inner_head, self.caller, body, qos_class=qos_class)
            inner.exchange = exchange
            exchange.start()
        except Refused as refused:
            self.gateway.metrics.count_request(self.caller, refused.problem.status)
            raise
        try:
            yield inner
        finally:
            if not inner.is_over:
                exchange.client_gone()

    def begin_events(self) -> None:
        """Begin an answer that is a stream of events."""
        self._begin(EVENTS)

    async def write(self, data: bytes, complete: bool = False) -> None:
        """Write the next part of the answer, as soon as the client has read enough of it."""
        await self._may_write.wait()
        self._outlet.write([data], complete)

    def answer(self, content: bytes) -> None:
        """Answer with JSON, and end."""
        lines = b"content-type: application/json\r\ncontent-length: %d\r\n" % len(content)
        self._begin(AnswerHead(OK, lines, answer.HAS_LENGTH))
        self._outlet.write([content], True)

    def _hold(self) -> None:
        gateway = self.gateway
        if not self._begun and self._may_write.is_set():
            self._outlet.hold(gateway.ledger.headers(self.caller, gateway.loop.time()))

    def _begin(self, head: AnswerHead) -> None:
        gateway = self.gateway
        self._begun = True
        self._outlet.begin(head, gateway.ledger.headers(self.caller, gateway.loop.time()))

    async def _run(self, work: "Work") -> None:
        try:
            await work(self)
        except Refused as refused:
            self._fail(refused.problem)
        except Exception:
            self.gateway.log.exception("a route failed", request_id=self.head.request_id)
            self._fail(errors.INTERNAL)

    def _fail(self, problem: Problem) -> None:
        if self._begun:
            self._outlet.cut(problem)
        else:
            self._outlet.refuse(problem)


async def check_answered(inner: Inner) -> None:
    """Wait for an answer; raise Refused with the engine's own words if it is a refusal."""
    status = await inner.status()
    if status != OK:
        raise Refused(problem_of(status, await inner.read_all(LONGEST_REFUSAL, errors.worker_failed())))
