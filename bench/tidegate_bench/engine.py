"""A fake engine that costs almost nothing: fixed bytes, at a fixed pace, from one event loop.

Owns what the gateways under test are asked to carry. It is no model and keeps no state. A stream has as many
chunks as the request's `max_tokens` says; the first comes at once, in a write of its own, as engines send it.
Run as `python -m tidegate_bench.engine INTERVAL_MS PORT...`: each port is one more engine, all in one process.
"""

import asyncio
import json
import re
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, cast

import uvloop

CONTENT: Final = "word " * 20
REPLY: Final = json.dumps(
    {
        "id": "chatcmpl-0123456789",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": CONTENT}, "finish_reason": "stop"}
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
# What vLLM says of itself while it has nothing to do, as far as gateways look at it.
METRICS: Final = b"""\
process_start_time_seconds 1795000000
vllm:num_requests_running{engine="0",model_name="m"} 0.0
vllm:num_requests_waiting{engine="0",model_name="m"} 0.0
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.1
vllm:num_preemptions_total{engine="0",model_name="m"} 0.0
vllm:cache_config_info{block_size="16",engine="0",num_gpu_blocks="1000000"} 1.0
"""
GETS: Final = {b"/models": MODELS, b"/metrics": METRICS}
LENGTH: Final = re.compile(rb"\ncontent-length: *(\d+)", re.IGNORECASE)
MAX_TOKENS: Final = re.compile(rb'"max(?:_completion)?_tokens": ?(\d+)')
BACKLOG: Final = 4096
# Of the prompt that clients of the benchmark send.
BYTES_PER_TOKEN: Final = 5


def _plain(content: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        len(content),
        content,
    )


@lru_cache(maxsize=8)
def _rendered(tokens: int) -> bytes:
    """Return what vLLM answers to a router that asks for the tokens of a prompt before it sends it."""
    return _plain(json.dumps({"request_id": "0123456789", "token_ids": [1, *([2046] * tokens)]}).encode())


class Engine(asyncio.Protocol):
    """One connection. Requests come one after the other, as gateways send them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, interval: float) -> None:
        self._loop = loop
        self._interval = interval
        self._parts: list[bytes] = []
        self._missing = 0
        self._left = 0
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer each complete request; parts of a long one are only joined when it is whole."""
        if self._missing > len(data):
            self._parts.append(data)
            self._missing -= len(data)
            return
        if self._parts:
            data = b"".join((*self._parts, data))
            self._parts = []
        self._missing = 0
        while not self._transport.is_closing() and (end := data.find(b"\r\n\r\n")) >= 0:
            found = LENGTH.search(data, 0, end)
            total = end + 4 + (int(found[1]) if found else 0)
            if len(data) < total:
                self._missing = total - len(data)
                break
            self._answer(data[:total], end)
            data = data[total:]
        if data:
            self._parts = [data]

    def _answer(self, request: bytes, end: int) -> None:
        if request.startswith(b"PRI"):
            # A router tries HTTP/2 first; vLLM's server does not speak it either.
            self._transport.close()
            return
        path = request.split(b" ", 2)[1]
        if request.startswith(b"GET"):
            told = next((content for ending, content in GETS.items() if path.endswith(ending)), b"{}")
            self._transport.write(_plain(told))
        elif path.endswith(b"/render"):
            self._transport.write(_rendered((len(request) - end) // BYTES_PER_TOKEN))
        elif b'"stream":true' in request or b'"stream": true' in request:
            self._transport.write(STREAM_HEAD)
            found = MAX_TOKENS.search(request, end)
            self._left = int(found[1]) if found else 1
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


async def serve(interval: float, ports: Sequence[int]) -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    for port in ports:
        await loop.create_server(lambda: Engine(loop, interval), "127.0.0.1", port, backlog=BACKLOG)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(float(sys.argv[1]) / 1000, [int(word) for word in sys.argv[2:]]))
