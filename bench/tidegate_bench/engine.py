"""A fake engine that costs almost nothing: fixed bytes, at a fixed pace, from one event loop.

Owns what the gateways under test are asked to carry. It is no model and keeps no state but its counts.
Run as `python -m tidegate_bench.engine PORT CHUNKS INTERVAL_MS`; it prints `ready` once it listens.
"""

import asyncio
import json
import sys
from typing import Final, cast

import uvloop

REPLY: Final = json.dumps(
    {
        "id": "chatcmpl-0123456789",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "word " * 20}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 60, "completion_tokens": 20, "total_tokens": 80},
    }
).encode()
WHOLE: Final = (
    b"HTTP/1.1 200 OK\r\ndate: Sat, 21 Nov 2026 12:00:00 GMT\r\nserver: uvicorn\r\n"
    b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(REPLY), REPLY)
)
STREAM_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\ndate: Sat, 21 Nov 2026 12:00:00 GMT\r\nserver: uvicorn\r\n"
    b"content-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
)
EVENT: Final = (
    b'data: {"id":"chatcmpl-0123456789","object":"chat.completion.chunk","created":1,"model":"m","choices":'
    b'[{"index":0,"delta":{"content":"tok "},"logprobs":null,"finish_reason":null}]}\n\n'
)
CHUNK: Final = b"%x\r\n%b\r\n" % (len(EVENT), EVENT)
DONE: Final = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
MODELS: Final = b'{"object":"list","data":[{"id":"m","object":"model","owned_by":"bench"}]}'


def _plain(content: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        len(content),
        content,
    )


class Engine(asyncio.Protocol):
    """One connection. Requests come one after the other, as gateways send them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, chunks: int, interval: float) -> None:
        self._loop = loop
        self._chunks = chunks
        self._interval = interval
        self._buffer = b""
        self._left = 0
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer each complete request."""
        self._buffer = self._buffer + data if self._buffer else data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            total = end + 4 + size
            if len(self._buffer) < total:
                return
            body = self._buffer[end + 4 : total]
            self._buffer = self._buffer[total:]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"get"):
            self._transport.write(_plain(MODELS if b"/models" in head else b"{}"))
        elif b'"stream": true' in body or b'"stream":true' in body:
            self._transport.write(STREAM_HEAD)
            self._left = self._chunks
            self._due = self._loop.time()
            self._tick()
        else:
            self._transport.write(WHOLE)

    def _tick(self) -> None:
        if self._transport.is_closing():
            return
        if self._left == 0:
            self._transport.write(DONE)
            return
        self._left -= 1
        self._transport.write(CHUNK)
        self._due += self._interval
        self._loop.call_at(self._due, self._tick)


async def serve(port: int, chunks: int, interval: float) -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Engine(loop, chunks, interval), "127.0.0.1", port, backlog=1024)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) / 1000))
