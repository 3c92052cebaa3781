"""Requests that come when they come: an open loop, timed from when each was due.

Owns the schedule and the first token's latency. A client that is late counts its own delay: leaving it out would
hide what a slow gateway does to those who wait.
"""

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from tidegate_bench.alarm import Alarm
from tidegate_bench.answers import TOKEN, Expected, Reader, tokens_if_right
from tidegate_bench.client import PROMPT_BYTES, VARIANTS, requests_bytes

# After the last request, for all answers to end.
GRACE_SECONDS: Final = 40
# How long a stream takes, about, for how many connections are open at a time.
STREAM_SECONDS_PER_CHUNK: Final = 0.006


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Streams that begin at random moments, at a mean rate."""

    per_second: float
    seconds: float
    chunks: int
    # Whether each comes over a new connection.
    fresh: bool


@dataclass(slots=True)
class FirstTokens:
    """What came of them: milliseconds from when a request was due to its first token."""

    milliseconds: list[float] = field(default_factory=list)
    # Right ones; the others are wrong.
    answers: int = 0
    tokens: int = 0
    wrong: int = 0


def due_times(arrivals: Arrivals, rng: random.Random) -> list[float]:
    """Return the seconds at which requests are due: a Poisson process."""
    moments, now = [], rng.expovariate(arrivals.per_second)
    while now < arrivals.seconds:
        moments.append(now)
        now += rng.expovariate(arrivals.per_second)
    return moments


class _Stream(asyncio.Protocol):
    """A connection that carries one stream at a time."""

    def __init__(self, run: "_Open") -> None:
        self._run = run
        self._reader = Reader()
        self._due: float | None = None
        self._seen = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, due: float) -> None:
        self._due, self._seen = due, False
        self._run.asked += 1
        self._transport.write(self._run.requests[self._run.asked % VARIANTS])

    def data_received(self, data: bytes) -> None:
        if not self._seen and self._due is not None and TOKEN in data:
            self._seen = True
            self._run.found.milliseconds.append((time.monotonic() - self._due) * 1e3)
        answer = self._reader.feed(data)
        if answer is not None:
            self._due = None
            self._run.answered(self, answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.lost(self, self._due is not None)

    def close(self) -> None:
        self._transport.close()


class _Open:
    """One run of arrivals against one port."""

    def __init__(self, port: int, key: str, arrivals: Arrivals, verbatim: bool) -> None:
        self.requests = requests_bytes(key, stream=True, chunks=arrivals.chunks, prompt_bytes=PROMPT_BYTES)
        self.asked = 0
        self.found = FirstTokens()
        self._port = port
        self._fresh = arrivals.fresh
        self._expected = Expected(True, arrivals.chunks, verbatim)
        self._idle: deque[_Stream] = deque()
        self._open: set[_Stream] = set()
        self._loop = asyncio.get_running_loop()
        self._asking: set[asyncio.Task[None]] = set()
        self._all = asyncio.Event()
        self._outstanding = 0

    async def run(self, moments: Sequence[float], warm: int) -> FirstTokens:
        """Ask at each moment; return when all is answered, or clearly will not be."""
        await self._warm_up(warm)
        self.found = FirstTokens()
        self._await(len(moments))
        alarm = Alarm()
        began = time.monotonic() + 0.01
        for moment in moments:
            await alarm.until(began + moment)
            self._ask(began + moment)
        alarm.close()
        await self._answered_in_time()
        self.found.wrong = len(moments) - self.found.answers
        for stream in self._open:
            stream.close()
        return self.found

    async def _warm_up(self, connections: int) -> None:
        """Use each connection once: what is measured afterwards is a connection in use, with all its habits."""
        streams = [await self._connect() for _ in range(connections)]
        self._await(len(streams))
        for stream in streams:
            stream.ask(time.monotonic())
        await self._answered_in_time()

    def _await(self, answers: int) -> None:
        self._outstanding = answers
        self._all.clear()
        if not answers:
            self._all.set()

    async def _answered_in_time(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._all.wait(), GRACE_SECONDS)

    def _settle(self) -> None:
        self._outstanding -= 1
        if self._outstanding == 0:
            self._all.set()

    async def _connect(self) -> _Stream:
        _, stream = await self._loop.create_connection(lambda: _Stream(self), "127.0.0.1", self._port)
        self._open.add(stream)
        return stream

    def _ask(self, due: float) -> None:
        if self._idle:
            # The one that has waited longest, so that all stay in use.
            self._idle.popleft().ask(due)
            return
        task = self._loop.create_task(self._ask_anew(due))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask_anew(self, due: float) -> None:
        try:
            stream = await self._connect()
        except OSError:
            self._settle()
        else:
            stream.ask(due)

    def answered(self, stream: _Stream, answer: bytes) -> None:
        """Count an answer, and keep or end its connection."""
        tokens, is_right = tokens_if_right(answer, self._expected)
        self.found.answers += is_right
        self.found.tokens += tokens
        if self._fresh:
            stream.close()
        else:
            self._idle.append(stream)
        self._settle()

    def lost(self, stream: _Stream, was_waiting: bool) -> None:
        """Forget a connection that has ended."""
        self._open.discard(stream)
        if was_waiting:
            self._settle()
        elif stream in self._idle:
            self._idle.remove(stream)


async def first_tokens(
    port: int, key: str, arrivals: Arrivals, moments: Sequence[float], verbatim: bool = True
) -> FirstTokens:
    """Ask for streams at these moments, seconds from now, and return how long each waited for its first token."""
    concurrent = arrivals.per_second * STREAM_SECONDS_PER_CHUNK * (arrivals.chunks + 1)
    warm = 0 if arrivals.fresh else min(256, 4 + int(concurrent * 2))
    return await _Open(port, key, arrivals, verbatim).run(moments, warm)
