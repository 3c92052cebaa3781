"""Requests over sockets, when they are due: each a stream, timed from when it should have been sent.

Owns connections, schedule and the reading of streams. Runs in the harness's own process: its cost is nobody's.
"""

import asyncio
import contextlib
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, cast

from tidegate_bench.alarm import Alarm
from tidegate_bench.answers import LAST_EVENT, Reader
from tidegate_bench.sim.outcome import Outcome

NOBODY: Final = -1
# The first token of an answer: its content is not empty, as that of the event before it, which says the role.
FIRST: Final = re.compile(rb'"(?:content|text)":"[^"]')
COMPLETION: Final = re.compile(rb'"completion_tokens": ?(\d+)')
CACHED: Final = re.compile(rb'"cached_tokens": ?(\d+)')
GRACE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """One request to send."""

    # Seconds from the beginning, and whose answer must have come before.
    at: float
    request: bytes
    tokens: int
    after: int = NOBODY


def chat_request(key: str, body: bytes) -> bytes:
    """Return a chat request as the openai client sends it."""
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n"
        b"Connection: keep-alive\r\nContent-Type: application/json\r\nUser-Agent: AsyncOpenAI/Python 3.54.0\r\n"
        b"Authorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b" % (key.encode(), len(body), body)
    )


class _Stream(asyncio.Protocol):
    """A connection that carries one request at a time."""

    def __init__(self, run: "_Run", port: int) -> None:
        self._run = run
        self.port = port
        self._reader = Reader()
        self.number = NOBODY
        self._seen = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def ask(self, number: int, request: bytes) -> None:
        self.number, self._seen = number, False
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        if not self._seen and FIRST.search(data):
            self._seen = True
            self._run.outcomes[self.number].first_token = time.monotonic()
        answer = self._reader.feed(data)
        if answer is not None:
            number, self.number = self.number, NOBODY
            self._run.answered(self, number, answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.lost(self, self.number)


class _Run:
    """One run of a load."""

    def __init__(
        self,
        wanted: Sequence[Wanted],
        port_of: Callable[[int], int],
        limit: int,
        check: Callable[[int, bytes], bool] | None,
    ) -> None:
        self._wanted = wanted
        self._check = check
        self._port_of = port_of
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._idle: dict[int, list[_Stream]] = {}
        self._streams: set[_Stream] = set()
        self._asking: set[asyncio.Task[None]] = set()
        self._followers: dict[int, list[int]] = {}
        self._left = len(wanted)
        self._open = 0
        self._room = asyncio.Event()
        self._all = asyncio.Event()
        self.outcomes = [Outcome(0.0, status=0) for _ in wanted]

    async def run(self) -> list[Outcome]:
        """Send everything when it is due; return when all is answered, or clearly will not be."""
        alarm = Alarm()
        began = self._began = time.monotonic() + 0.01
        first = []
        for number, wanted in enumerate(self._wanted):
            if wanted.after == NOBODY:
                first.append(number)
            else:
                self._followers.setdefault(wanted.after, []).append(number)
        for number in sorted(first, key=lambda n: self._wanted[n].at):
            await alarm.until(began + self._wanted[number].at)
            await self._wait_for_room()
            self._send(number, began + self._wanted[number].at)
        alarm.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._all.wait(), GRACE_SECONDS)
        for stream in list(self._streams):
            stream.transport.abort()
        await asyncio.sleep(0)
        return self.outcomes

    async def _wait_for_room(self) -> None:
        while self._open >= self._limit:
            self._room.clear()
            await self._room.wait()

    def _send(self, number: int, due: float) -> None:
        # Behind a limit nobody is late but by it: a closed loop is timed from when it sends.
        self.outcomes[number].due = due if self._limit == len(self._wanted) else time.monotonic()
        self._open += 1
        port = self._port_of(number)
        idle = self._idle.get(port)
        if idle:
            idle.pop().ask(number, self._wanted[number].request)
            return
        task = self._loop.create_task(self._connect(number, port))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _connect(self, number: int, port: int) -> None:
        try:
            _, stream = await self._loop.create_connection(lambda: _Stream(self, port), "127.0.0.1", port)
        except OSError:
            self._settle(number)
            return
        self._streams.add(stream)
        stream.ask(number, self._wanted[number].request)

    def answered(self, stream: _Stream, number: int, answer: bytes) -> None:
        """Judge an answer, and keep the connection."""
        outcome = self.outcomes[number]
        outcome.ended = time.monotonic()
        outcome.status = int(answer[9:12])
        found = COMPLETION.findall(answer)
        outcome.tokens = int(found[-1]) if found else 0
        cached = CACHED.findall(answer)
        outcome.cached_tokens = int(cached[-1]) if cached else 0
        is_whole = outcome.status == 200 and LAST_EVENT in answer
        outcome.is_right = is_whole and outcome.tokens == self._wanted[number].tokens
        if self._check is not None and not self._check(number, answer):
            outcome.is_right = False
        self._idle.setdefault(stream.port, []).append(stream)
        self._settle(number)

    def lost(self, stream: _Stream, number: int) -> None:
        """Forget a connection that has ended."""
        self._streams.discard(stream)
        if number != NOBODY:
            self._settle(number)
        elif stream in (idle := self._idle.get(stream.port, [])):
            idle.remove(stream)

    def _settle(self, number: int) -> None:
        self._open -= 1
        self._left -= 1
        self._room.set()
        for follower in self._followers.get(number, ()):
            due = max(time.monotonic(), self._began + self._wanted[follower].at)
            self._loop.call_at(due, self._send, follower, due)
        if self._left == 0:
            self._all.set()


async def send(
    wanted: Sequence[Wanted],
    port_of: Callable[[int], int],
    limit: int = 0,
    check: Callable[[int, bytes], bool] | None = None,
) -> list[Outcome]:
    """Send requests to the ports that `port_of` gives by number, at most `limit` at a time; 0 is without limit.

    A request that waits for another's answer is not held back by the limit. `check` is given each request's number and
    its whole answer, head and framing included, and tells whether it is right beyond what is looked at anyway.
    """
    return await _Run(wanted, port_of, limit or len(wanted), check).run()
