"""A simulated worker: HTTP as vLLM speaks it, tokens at a steady pace, and death where a prompt asks for it.

Owns one process' answers. It computes nothing and batches nothing. A prompt may hold `die HOW at K`: its worker then
kills itself, resets the connection or closes it after K tokens (of an answer that is not streamed: that share of its
bytes), the first time that anybody asks so. Every request that arrives is written down, with who took it.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httptools
import uvloop

from streams.words import token

FAULT: Final = re.compile(r"die (kill|reset|close) at (\d+)")
RESET: Final = struct.pack("ii", 1, 0)
HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\n%b\r\n\r\n"
STREAM: Final = b"text/event-stream; charset=utf-8"
JSON: Final = b"application/json"
CHUNKED: Final = b"transfer-encoding: chunked"
# How an answer says where it ends; `closed`: by the end of its connection, as a few engines do.
FRAMINGS: Final = re.compile(r"framed (chunked|length|closed)")


@dataclass(frozen=True)
class Pace:
    """How a worker answers, and where it writes down what it was asked."""

    folder: Path
    token_seconds: float
    prefill_seconds: float
    drain_seconds: float = 300.0


class Worker:
    """What the connections of one worker share."""

    def __init__(self, pace: Pace, name: str) -> None:
        self.pace = pace
        self.name = name
        self.connections: set[Connection] = set()
        self.is_ending = False
        self._written = os.open(pace.folder / "arrivals", os.O_APPEND | os.O_CREAT | os.O_WRONLY)

    def arrived(self, prompt: str) -> None:
        """Write down that a request is here."""
        os.write(self._written, f"{self.name}\t{prompt}\n".encode())

    def dies(self, prompt: str) -> bool:
        """Tell whether this is the first time that a worker is to die of this prompt."""
        mark = self.pace.folder / f"died-{token(prompt, 0).strip()}"
        try:
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._parser: Any = httptools.HttpRequestParser(self)
        self._parts: list[bytes] = []
        self._target = b""
        self._answering: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._worker.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._worker.connections.discard(self)
        self._parser = None
        if self._answering is not None:
            self._answering.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_body(self, part: bytes) -> None:
        self._parts.append(part)

    def on_message_complete(self) -> None:
        method, target = self._parser.get_method(), self._target
        body, self._parts, self._target = b"".join(self._parts), [], b""
        if method == b"POST":
            self._answering = asyncio.get_running_loop().create_task(self._answer(json.loads(body)))
        elif target.startswith(b"/v1/models"):
            self._say(b'{"object":"list","data":[{"id":"m","object":"model"}]}')
        elif target == b"/health":
            self._say(b"")
        else:
            self.transport.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")

    @property
    def is_idle(self) -> bool:
        return self._answering is None or self._answering.done()

    def _say(self, content: bytes) -> None:
        self.transport.write(HEAD % (JSON, b"content-length: %d" % len(content)) + content)

    # Answers

    async def _answer(self, body: dict[str, Any]) -> None:
        prompt: str = body["messages"][-1]["content"]
        self._worker.arrived(prompt)
        found = FAULT.search(prompt)
        how, at = (found[1], int(found[2])) if found and self._worker.dies(prompt) else ("", -1)
        framing = FRAMINGS.search(prompt)
        framed = framing[1] if framing else "chunked" if body.get("stream") else "length"
        tokens = int(body.get("max_tokens") or 16)
        if "flood" in prompt:
            await self._flood()
        elif body.get("stream"):
            await self._stream(body, prompt, tokens, how, at, is_chunked=framed == "chunked")
        else:
            await self._whole(prompt, tokens, how, at, framed)
        if framed == "closed" or self._worker.is_ending:
            self.transport.close()

    async def _stream(
        self, body: dict[str, Any], prompt: str, tokens: int, how: str, at: int, *, is_chunked: bool
    ) -> None:
        def frame(data: bytes) -> bytes:
            return b"%x\r\n%b\r\n" % (len(data), data) if is_chunked else data

        self.transport.write(HEAD % (STREAM, CHUNKED if is_chunked else b"connection: close"))
        if how and at == 0:
            await self._die(how)
        await asyncio.sleep(self._worker.pace.prefill_seconds)
        head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": body["model"]}
        # As vLLM: who speaks is said with the first token.
        data = frame(_event(head, {"role": "assistant", "content": ""}, None))
        loop = asyncio.get_running_loop()
        due = loop.time()
        for number in range(tokens):
            reason = "length" if number == tokens - 1 else None
            self.transport.write(data + frame(_event(head, {"content": token(prompt, number)}, reason)))
            data = b""
            if how and at == number + 1:
                await self._die(how)
            due += self._worker.pace.token_seconds
            await asyncio.sleep(max(0.0, due - loop.time()))
        options = body.get("stream_options") or {}
        if options.get("include_usage"):
            usage = {"prompt_tokens": 9, "completion_tokens": tokens, "total_tokens": 9 + tokens}
            data = frame(b"data: " + json.dumps(head | {"choices": [], "usage": usage}).encode() + b"\n\n")
        end = b"0\r\n\r\n" if is_chunked else b""
        self.transport.write(data + frame(b"data: [DONE]\n\n") + end)

    async def _whole(self, prompt: str, tokens: int, how: str, at: int, framed: str) -> None:
        if how and at == 0:
            await self._die(how)
        await asyncio.sleep(self._worker.pace.prefill_seconds)
        text = "".join(token(prompt, number) for number in range(tokens))
        message = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "length"}
        usage = {"prompt_tokens": 9, "completion_tokens": tokens, "total_tokens": 9 + tokens}
        content = json.dumps({"object": "chat.completion", "choices": [message], "usage": usage}).encode()
        ends = {
            "chunked": CHUNKED,
            "length": b"content-length: %d" % len(content),
            "closed": b"connection: close",
        }
        self.transport.write(HEAD % (JSON, ends[framed]))
        pieces = [content[: len(content) * at // (tokens + 1)]] if how else [content]
        for piece in pieces:
            self.transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if framed == "chunked" else piece)
        if how:
            await self._die(how)
        if framed == "chunked":
            self.transport.write(b"0\r\n\r\n")

    async def _flood(self) -> None:
        """Send events for as long as somebody reads them."""
        self.transport.write(HEAD % (STREAM, CHUNKED))
        event = _event({"id": "c"}, {"content": "x" * 16_000}, None)
        while True:
            await self._writable.wait()
            self.transport.write(b"%x\r\n%b\r\n" % (len(event), event))
            await asyncio.sleep(0)

    async def _die(self, how: str) -> None:
        """Die once the kernel has what was written."""
        while self.transport.get_write_buffer_size():  # noqa: ASYNC110 - within one turn of the loop
            await asyncio.sleep(0)
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif how == "reset":
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.transport.abort()
        else:
            self.transport.close()
        await asyncio.Event().wait()


def _event(head: dict[str, Any], delta: dict[str, Any], reason: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    return b"data: " + json.dumps(head | {"choices": [choice]}, separators=(",", ":")).encode() + b"\n\n"


def serve(listening: socket.socket, pace: Pace, name: str) -> None:
    """Answer until SIGTERM, then finish what was begun, as vLLM does within its --shutdown-timeout."""
    uvloop.run(_serve(listening, Worker(pace, name)))


async def _serve(listening: socket.socket, worker: Worker) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    server = await loop.create_server(lambda: Connection(worker), sock=listening, backlog=1024)
    await ended.wait()
    worker.is_ending = True
    server.close()
    for connection in [one for one in worker.connections if one.is_idle]:
        connection.transport.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(worker.pace.drain_seconds):
            while worker.connections:  # noqa: ASYNC110 - a drain looks now and then, as the real one does
                await asyncio.sleep(0.02)
