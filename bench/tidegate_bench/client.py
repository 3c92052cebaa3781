"""The load: a closed loop over kept connections, counting bodies and tokens, not status codes.

Owns what one arm of a round does. It runs in the harness's own process, so its cost is never a gateway's.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Final, cast

from tidegate_bench.engine import EVENT, REPLY

PROMPT: Final = " ".join(["word"] * 60)


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked."""

    stream: bool
    requests: int
    connections: int
    chunks: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    answers: int
    tokens: int
    wrong: int
    seconds: float


def request_bytes(key: str, stream: bool) -> bytes:
    """Return a chat request as the openai client sends it, with the headers that it adds."""
    body = (
        b'{"messages":[{"role":"user","content":"%b"}],"model":"m","max_tokens":64,"temperature":0.7%b}'
        % (PROMPT.encode(), b',"stream":true' if stream else b"")
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
        self._data = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self) -> None:
        run = self._run
        if run.left == 0:
            run.finished(self._transport)
            return
        run.left -= 1
        self._data.clear()
        self._transport.write(run.request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        if self._data.endswith(self._run.end):
            self._run.judge(bytes(self._data))
            self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.lost()


class _Run:
    """One run of a load against one port."""

    def __init__(self, load: Load, key: str) -> None:
        self.load = load
        self.request = request_bytes(key, load.stream)
        self.end = b"0\r\n\r\n" if load.stream else REPLY[-20:]
        self.left = load.requests
        self.answers = self.tokens = self.wrong = 0
        self._open = load.connections
        self.done = asyncio.Event()

    def judge(self, data: bytes) -> None:
        """Count one answer: the whole body must be there."""
        if self.load.stream:
            tokens = data.count(b'"content":"tok "')
            right = tokens == self.load.chunks and data.count(b"data: [DONE]\n\n") == 1
            self.tokens += tokens
        else:
            right = data.endswith(REPLY)
        self.answers += 1
        self.wrong += not (right and data.startswith(b"HTTP/1.1 200"))

    def finished(self, transport: asyncio.Transport) -> None:
        """Take a connection out."""
        transport.close()

    def lost(self) -> None:
        """Note that a connection has ended; the run ends with the last."""
        self._open -= 1
        if self._open == 0:
            self.done.set()


async def run_load(port: int, load: Load, key: str) -> Outcome:
    """Run a load to its end."""
    loop = asyncio.get_running_loop()
    run = _Run(load, key)
    connections: list[_Connection] = []
    for _ in range(load.connections):
        _, connection = await loop.create_connection(lambda: _Connection(run), "127.0.0.1", port)
        connections.append(connection)
    began = time.perf_counter()
    for connection in connections:
        connection.ask()
    async with asyncio.timeout(120):
        await run.done.wait()
    return Outcome(run.answers, run.tokens, run.wrong, time.perf_counter() - began)


# One event of a stream, for the harness's own report of sizes.
EVENT_BYTES: Final = len(EVENT)
