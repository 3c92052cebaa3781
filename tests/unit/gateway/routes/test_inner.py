"""An answer on its way to a coroutine."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from tidegate_gateway.answer import AnswerHead
from tidegate_gateway.errors import Problem, Refused, worker_failed
from tidegate_gateway.routes.inner import HIGH_WATER, Inner

HEAD = AnswerHead(200, b"", 0)
PROBLEM = Problem(503, "no_ready_worker", "none")


@dataclass
class Exchange:
    """Takes note of what it is told."""

    told: list[str] = field(default_factory=list)

    def pause(self) -> None:
        self.told.append("pause")

    def resume(self) -> None:
        self.told.append("resume")


def make() -> tuple[Inner, Exchange]:
    inner, exchange = Inner(), Exchange()
    inner.exchange = cast(Any, exchange)
    return inner, exchange


async def test_parts_come_out_as_they_went_in() -> None:
    inner, exchange = make()
    reading = asyncio.ensure_future(inner.read_all(100, worker_failed()))
    inner.begin(HEAD, b"")
    parts = [b"a", b"b"]
    inner.write(parts, False)
    parts.clear()
    await asyncio.sleep(0)
    inner.write([], False)
    inner.write([b"c"], True)
    assert await reading == b"abc"
    assert inner.is_over
    assert exchange.told == []


async def test_the_status_is_known_with_the_first_part() -> None:
    inner, _ = make()
    asking = asyncio.ensure_future(inner.status())
    await asyncio.sleep(0)
    assert not asking.done()
    inner.begin(AnswerHead(404, b"", 0), b"")
    inner.write([], True)
    assert await asking == 404
    assert await inner.read() == []


async def test_a_worker_is_paused_while_much_is_unread() -> None:
    inner, exchange = make()
    inner.begin(HEAD, b"")
    inner.write([b"x" * HIGH_WATER], False)
    assert not inner.is_paused
    inner.write([b"x"], False)
    inner.write([b"x"], False)
    assert inner.is_paused
    assert exchange.told == ["pause"]
    assert len(b"".join(await inner.read())) == HIGH_WATER + 2
    assert not inner.is_paused
    assert exchange.told == ["pause", "resume"]


async def test_a_worker_that_is_done_is_neither_paused_nor_resumed() -> None:
    inner, exchange = make()
    inner.begin(HEAD, b"")
    inner.write([b"x" * HIGH_WATER * 2], True)
    assert len(await inner.read()) == 1
    assert exchange.told == []


async def test_a_refusal_is_raised() -> None:
    inner, _ = make()
    reading = asyncio.ensure_future(inner.status())
    await asyncio.sleep(0)
    inner.refuse(PROBLEM)
    with pytest.raises(Refused, match="no_ready_worker"):
        await reading
    assert inner.is_over


async def test_what_came_before_a_break_is_read_first() -> None:
    inner, _ = make()
    inner.begin(HEAD, b"")
    inner.write([b"half"], False)
    inner.cut(PROBLEM)
    assert await inner.status() == 200
    assert await inner.read() == [b"half"]
    with pytest.raises(Refused):
        await inner.read()


async def test_an_answer_that_is_too_large_is_refused() -> None:
    inner, _ = make()
    inner.begin(HEAD, b"")
    inner.write([b"x" * 11], False)
    with pytest.raises(Refused, match="worker_failed"):
        await inner.read_all(10, worker_failed())
