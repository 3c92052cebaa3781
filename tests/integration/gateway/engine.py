"""A fake engine: an HTTP server on a real socket that answers as a test tells it to.

It is not vLLM and batches nothing; it stalls, dies, splits and lies on demand, and records what reached it.
"""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

CHAT = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":'
    b'{"role":"assistant","content":"Paris"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}'
)


def event(text: str) -> bytes:
    """Return one event of a streamed chat completion."""
    delta = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [delta]}
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


WORDS = ("Par", "is", " ", "é", "🌊", "!")
DONE = b"data: [DONE]\n\n"
# The head of an answer, of the type given, whose end is told by the end of its connection only.
OPEN_ENDED = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\nconnection: close\r\n\r\n"
STREAM = b"".join(map(event, WORDS)) + DONE


@dataclass
class Call:
    """One request that reached the engine, and the way to answer it."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    writer: asyncio.StreamWriter
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def header(self, name: str) -> str | None:
        """Return a header's value."""
        return next((value for key, value in self.headers if key == name), None)

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def head(self, status: int = 200, *lines: str, media_type: str = "text/event-stream") -> None:
        """Send a head that announces chunks."""
        extra = "".join(f"{line}\r\n" for line in lines)
        await self.send(
            f"HTTP/1.1 {status} X\r\ncontent-type: {media_type}\r\n{extra}transfer-encoding: chunked\r\n\r\n".encode()
        )

    async def chunk(self, data: bytes) -> None:
        """Send one chunk."""
        await self.send(b"%x\r\n%b\r\n" % (len(data), data))

    async def end(self) -> None:
        """Send the last chunk."""
        await self.send(b"0\r\n\r\n")

    async def answer(
        self, status: int, content: bytes, *lines: str, media_type: str = "application/json"
    ) -> None:
        """Send a whole answer with a length."""
        extra = "".join(f"{line}\r\n" for line in lines)
        head = f"HTTP/1.1 {status} X\r\nserver: fake\r\ncontent-type: {media_type}\r\n{extra}"
        await self.send(f"{head}content-length: {len(content)}\r\n\r\n".encode() + content)

    def reset(self) -> None:
        """Die as a killed process does."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script = Callable[[Call], Awaitable[None]]


async def complete(call: Call) -> None:
    """Answer as an engine does: a stream where one was asked for, else one JSON object."""
    if json.loads(call.body).get("stream"):
        await call.head()
        for word in WORDS:
            await call.chunk(event(word))
        await call.chunk(DONE)
        await call.end()
    else:
        await call.answer(200, CHAT)


class FakeEngine:
    """The server."""

    def __init__(self, script: Script = complete) -> None:
        self.script = script
        self.calls: list[Call] = []
        self.running = 0
        self.connections = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, host, port, limit=2**24)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more, and end all connections."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while True:
                    await self._serve(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = [(k.lower(), v) for k, _, v in (line.partition(": ") for line in head[1:] if line)]
        body = await reader.readexactly(int(dict(headers).get("content-length", "0")))
        call = Call(method, path, headers, body, writer)
        self.calls.append(call)
        self.running += 1
        script = asyncio.ensure_future(self.script(call))
        # While an answer is being made, the next thing to read is that the other side has left.
        leaving = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait({script, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not script.done():
                call.gone.set()
                raise ConnectionResetError
            await script
        finally:
            self.running -= 1
            for task in (script, leaving):
                task.cancel()
            await asyncio.gather(script, leaving, return_exceptions=True)
