"""A request to a worker on behalf of a coroutine.

Owns what an answer that nobody reads yet may hold, and that a worker is stopped when its reader is gone. Must not
know what is asked or how it is told to a client.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tidegate_gateway.answer import AnswerHead
from tidegate_gateway.errors import Problem, Refused

if TYPE_CHECKING:
    from tidegate_gateway.exchange import Exchange

# Held of an answer before its worker is paused.
HIGH_WATER: Final = 256 * 1024


class Inner:
    """The outlet of one such request: parts go in on the event loop, and out to a coroutine."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._arrived = asyncio.Event()
        self._problem: Problem | None = None
        self._head: AnswerHead | None = None
        # Set before the exchange starts, which calls `write` and the others.
        self.exchange: Exchange | None = None
        self.on_hold: Callable[[], None] = lambda: None
        self.is_paused = False
        # No more will come, for better or worse.
        self.is_over = False

    # Called by the exchange

    def hold(self, _: bytes) -> bool:
        """Tell whoever asked, who may tell its client; the answer itself has not begun by that."""
        self.on_hold()
        return False

    def begin(self, head: AnswerHead, _: bytes) -> None:
        """Keep the head."""
        self._head = head

    def write(self, parts: list[bytes], complete: bool) -> None:
        """Keep parts until they are read; pause the worker when they are many."""
        self._parts += parts
        self._size += sum(map(len, parts))
        self.is_over = complete
        self._arrived.set()
        if self._size > HIGH_WATER and not complete and not self.is_paused and self.exchange is not None:
            self.is_paused = True
            self.exchange.pause()

    def refuse(self, problem: Problem) -> None:
        """Take a problem in place of what has yet to come."""
        self._problem = problem
        self.is_over = True
        self._arrived.set()

    cut = refuse

    # Called by the coroutine

    async def status(self) -> int:
        """Wait for the answer, and return its status; raise Refused if there is none."""
        await self._wait()
        if self._head is None:
            raise RuntimeError("an answer without a head")
        return self._head.status

    async def read(self) -> list[bytes]:
        """Return the next parts, none at the end; raise Refused if the rest will not come."""
        await self._wait()
        parts, self._parts = self._parts, []
        self._size = 0
        if self.is_paused:
            self.is_paused = False
            if self.exchange is not None and not self.is_over:
                self.exchange.resume()
        return parts

    async def read_all(self, most: int, otherwise: Problem) -> bytes:
        """Return the whole answer; raise Refused with `otherwise` if it has more bytes than `most`."""
        parts: list[bytes] = []
        size = 0
        while new := await self.read():
            parts += new
            size += sum(map(len, new))
            if size > most:
                raise Refused(otherwise)
        return b"".join(parts)

    async def _wait(self) -> None:
        while not self._parts and not self.is_over:
            self._arrived.clear()
            await self._arrived.wait()
        if self._problem is not None and not self._parts:
            raise Refused(self._problem)
