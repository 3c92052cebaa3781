"""/v1/generate: one text as events, the first of which tells how long it took; /v1/generate_nobatch: the same, alone.

Owns the events of the former and the turns of the latter, the baseline that batching is measured against: of one
service, this gateway sends one such request at a time.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final

import msgspec

from tidegate_gateway import errors
from tidegate_gateway.errors import Refused
from tidegate_gateway.routes.answers import Piece, read_event
from tidegate_gateway.routes.composition import Composition, check_answered
from tidegate_gateway.routes.requests import Ask
from tidegate_gateway.sse import EventReader

DONE: Final = b"data: [DONE]\n\n"
# Requests that wait for their turn at one service.
MOST_WAITING: Final = 100


class Alone(msgspec.Struct, omit_defaults=True):
    """The answer of /v1/generate_nobatch; times are milliseconds from the request's arrival."""

    model: str
    text: str
    finish_reason: str | None
    ttft_ms: float
    latency_ms: float
    # Of both, how long it waited for those before it.
    wait_ms: float
    usage: dict[str, Any] | None = None
    reasoning: str | None = None


class Turns:
    """Whose turn it is, by namespace and service."""

    def __init__(self) -> None:
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}
        self._present: dict[tuple[str, str], int] = {}

    @asynccontextmanager
    async def take(self, service: tuple[str, str]) -> AsyncIterator[None]:
        """Wait for a turn, in order, and have it; raise Refused if too many wait."""
        present = self._present.get(service, 0)
        if present > MOST_WAITING:
            raise Refused(errors.too_many_turns(MOST_WAITING))
        self._present[service] = present + 1
        lock = self._locks.setdefault(service, asyncio.Lock())
        try:
            async with lock:
                yield
        finally:
            self._present[service] -= 1
            if not self._present[service]:
                del self._present[service], self._locks[service]


async def generate(composition: Composition, ask: Ask) -> None:
    """Answer with events: texts as they come, then why they end and what they cost, then `[DONE]`."""
    end = Piece("")
    begun = False
    async with aclosing(_pieces(composition, ask, tells=True)) as pieces:
        async for piece in pieces:
            _note_end(piece, end)
            if not (piece.text or piece.reasoning):
                continue
            told = Piece(piece.text, piece.reasoning)
            if not begun:
                begun = True
                told.ttft_ms = composition.milliseconds
                composition.begin_events()
            await composition.write(_event(told))
    if end.finish_reason is None:
        raise Refused(errors.worker_failed())
    if not begun:
        end.ttft_ms = composition.milliseconds
        composition.begin_events()
    await composition.write(_event(end) + DONE, complete=True)


async def generate_alone(
    composition: Composition, ask: Ask, model: str, service: tuple[str, str], turns: Turns
) -> None:
    """Answer with JSON, once it was this request's turn and the text is whole."""
    texts, thoughts, end = [], [], Piece("")
    async with turns.take(service), aclosing(_pieces(composition, ask)) as pieces:
        wait = composition.milliseconds
        first = None
        async for piece in pieces:
            _note_end(piece, end)
            if first is None and (piece.text or piece.reasoning or piece.finish_reason):
                first = composition.milliseconds
            texts.append(piece.text)
            thoughts.append(piece.reasoning or "")
    if end.finish_reason is None or first is None:
        raise Refused(errors.worker_failed())
    latency, reasoning = composition.milliseconds, "".join(thoughts) or None
    told = Alone(model, "".join(texts), end.finish_reason, first, latency, wait, end.usage, reasoning)
    composition.answer(msgspec.json.encode(told))


async def _pieces(composition: Composition, ask: Ask, *, tells: bool = False) -> AsyncGenerator[Piece, None]:
    reader = EventReader()
    with composition.ask(ask.path, ask.body(stream=True), tells=tells) as inner:
        await check_answered(inner)
        while parts := await inner.read():
            for data in reader.feed(parts):
                piece = read_event(data)
                if piece is not None:
                    yield piece


def _note_end(piece: Piece, end: Piece) -> None:
    end.finish_reason = piece.finish_reason or end.finish_reason
    end.usage = piece.usage or end.usage


def _event(piece: Piece) -> bytes:
    return b"data: " + msgspec.json.encode(piece) + b"\n\n"
