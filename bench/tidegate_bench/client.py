"""The load: a closed loop over kept connections.

Owns what one arm of a round does. It runs in the harness's own process, so its cost is never a gateway's.
"""

import asyncio
import contextlib
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, cast

from tidegate_bench.answers import Expected, Reader, tokens_if_right

PROMPT_BYTES: Final = 600
TIMEOUT_SECONDS: Final = 60
# Prompts that are not the same: a gateway that hashes them has work to do.
VARIANTS: Final = 32
# Of the answer to a request that asks for none.
MAX_TOKENS: Final = 64


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked."""

    stream: bool
    requests: int
    connections: int
    chunks: int = 0
    prompt_bytes: int = PROMPT_BYTES


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. A request is wrong unless its whole, right answer came, and in time."""

    answers: int
    tokens: int
    wrong: int
    seconds: float
    # The beginning of the first answer that was not right.
    example: str = ""


@lru_cache(maxsize=8)
def requests_bytes(key: str, stream: bool, chunks: int, prompt_bytes: int) -> tuple[bytes, ...]:
    """Return VARIANTS of a request, to be sent in turns."""
    return tuple(request_bytes(key, stream, chunks, prompt_bytes, number) for number in range(VARIANTS))


def request_bytes(
    key: str, stream: bool, chunks: int = MAX_TOKENS, prompt_bytes: int = PROMPT_BYTES, variant: int = 0
) -> bytes:
    """Return a chat request as the openai client sends it, with the headers that it adds.

    Prompts share their first half, as chats with one system prompt do.
    """
    shared = ("word " * (prompt_bytes // 10 + 1))[: prompt_bytes // 2]
    prompt = (shared + f"{variant:04} " * (prompt_bytes // 10 + 1))[:prompt_bytes]
    body = (
        b'{"messages":[{"role":"user","content":"%b"}],"model":"m","max_tokens":%d,"temperature":0.7%b}'
        % (prompt.encode(), chunks or MAX_TOKENS, b',"stream":true' if stream else b"")
    )
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n"
        "Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\nContent-Type: application/json\r\n"
        "User-Agent: AsyncOpenAI/Python 3.54.0\r\nX-Stainless-Lang: python\r\nX-Stainless-Package-Version: 3.54.0\r\n"
        "X-Stainless-OS: Linux\r\nX-Stainless-Arch: x64\r\nX-Stainless-Runtime: CPython\r\n"
        "X-Stainless-Runtime-Version: 3.11.7\r\nX-Stainless-Async: async:asyncio\r\nx-stainless-retry-count: 0\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Connection(asyncio.Protocol):
    """Asks, reads to the end, asks again, for as long as the run has requests left."""

    def __init__(self, run: "_Run") -> None:
        self._run = run
        self._reader = Reader()
        self._is_waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self) -> None:
        run = self._run
        if run.left == 0:
            self._transport.close()
            return
        run.left -= 1
        self._is_waiting = True
        self._transport.write(run.requests[run.left % VARIANTS])

    def data_received(self, data: bytes) -> None:
        answer = self._reader.feed(data)
        if answer is not None:
            self._is_waiting = False
            self._run.judge(answer)
            self.ask()

    def close(self) -> None:
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.lost(self._is_waiting)


class _Run:
    """One run of a load against one port."""

    def __init__(self, port: int, load: Load, key: str, verbatim: bool) -> None:
        self.port = port
        self.requests = requests_bytes(key, load.stream, load.chunks, load.prompt_bytes)
        self.expected = Expected(load.stream, load.chunks, verbatim)
        self.left = load.requests
        self.answers = self.right = self.tokens = 0
        self.example = ""
        self.done = asyncio.Event()
        self._open = load.connections
        self._loop = asyncio.get_running_loop()
        self._reopening: set[asyncio.Task[None]] = set()

    def judge(self, answer: bytes) -> None:
        """Count one answer."""
        found, is_right = tokens_if_right(answer, self.expected)
        self.answers += 1
        self.right += is_right
        if not is_right and not self.example:
            self.example = answer[:200].decode(errors="replace")
        self.tokens += found

    async def connect(self) -> _Connection:
        """Open a connection."""
        _, connection = await self._loop.create_connection(lambda: _Connection(self), "127.0.0.1", self.port)
        return connection

    def lost(self, was_waiting: bool) -> None:
        """Note that a connection has ended; the run ends with the last. One closed between requests is replaced."""
        if self.left and not was_waiting:
            task = self._loop.create_task(self._reopen())
            self._reopening.add(task)
            task.add_done_callback(self._reopening.discard)
            return
        self.closed()

    def closed(self) -> None:
        """Do without one more connection."""
        self._open -= 1
        if self._open == 0:
            self.done.set()

    async def _reopen(self) -> None:
        try:
            (await self.connect()).ask()
        except OSError:
            self.closed()


async def run_load(port: int, load: Load, key: str, verbatim: bool = True) -> Outcome:
    """Run a load to its end, or until it is clear that it does not come to one.

    All connections are made at once, then all ask at once.
    """
    run = _Run(port, load, key, verbatim)
    made = await asyncio.gather(*(run.connect() for _ in range(load.connections)), return_exceptions=True)
    began = time.perf_counter()
    for connection in made:
        if isinstance(connection, _Connection):
            connection.ask()
        else:
            run.closed()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await run.done.wait()
    seconds = time.perf_counter() - began
    for connection in made:
        if isinstance(connection, _Connection):
            connection.close()
    return Outcome(run.answers, run.tokens, load.requests - run.right, seconds, run.example)
