"""A worker's answer reaches the client the same, wherever its bytes are cut."""

import itertools
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_gateway import answer, upstream
from tidegate_gateway.answer import AnswerHead
from tidegate_gateway.directory import Worker
from tidegate_gateway.relay import Relay
from tidegate_gateway.request import Head
from tidegate_gateway.upstream import WorkerConnection
from tidegate_gateway.usage import StreamMeter

pytestmark = pytest.mark.skipif(
    str(upstream.__file__).endswith(".so"),
    reason="compiled classes take no stand-ins for a pool and a client",
)

WORKER = Worker("uid", "ns", "svc", "pod", "127.0.0.1")
HEAD = b"HTTP/1.1 200 OK\r\ndate: now\r\nserver: uvicorn\r\ncontent-type: text/event-stream\r\n"
TOKEN = 'data: {"choices":[{"index":0,"delta":{"content":"é🌊"}}]}\n\n'.encode()
REPORT = b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}\n\n'
DONE = b"data: [DONE]\n\n"
LONG = b"data: " + b"x" * 20_000 + b"\n\n"
JSON = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n{"answer":7}'
INTERIM = b"HTTP/1.1 102 Processing\r\nx-a: b\r\n\r\n"


def chunked(events: list[bytes]) -> bytes:
    """Return the body as vLLM's server frames it: an event a chunk."""
    return b"".join(b"%x\r\n%b\r\n" % (len(event), event) for event in events) + b"0\r\n\r\n"


@dataclass
class Wire:
    """A transport and a client at once: takes what is written to either."""

    written: list[bytes] = field(default_factory=list)
    close_after: bool = False
    is_paused: bool = False
    finished: int = 0
    aborted: bool = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def finish(self) -> None:
        self.finished += 1

    def get_extra_info(self, _: str) -> Any:
        return self

    def setsockopt(self, *_: int) -> None:
        pass

    def is_closing(self) -> bool:
        return False

    def abort(self) -> None:
        self.aborted = True


@dataclass
class Pool:
    """Takes connections back."""

    idle: list[WorkerConnection] = field(default_factory=list)

    def put(self, connection: WorkerConnection) -> None:
        self.idle.append(connection)


class Receiver:
    """Does with an answer what an exchange does."""

    def __init__(self, client: Wire) -> None:
        self.relay = Relay(cast(Any, client), Head(b"POST", b"/", "generate", None, "req-1"))
        self.head: AnswerHead | None = None
        self.meter: StreamMeter | None = None
        self.lost = False

    def on_head(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        self.head = answer.read_head(status, fields)

    def on_parts(self, parts: list[bytes], complete: bool) -> None:
        if self.head is not None:
            self.meter = StreamMeter(strip=True) if self.head.is_event_stream else None
            self.relay.begin(self.head, b"")
            self.head = None
        if self.meter is not None:
            parts = self.meter.feed(parts)
            parts = [*parts, self.meter.end()] if complete else parts
        self.relay.write(parts, complete)

    def on_lost(self, answered: bool, clean: bool) -> None:
        self.lost = True


def relay(parts: list[bytes]) -> tuple[bytes, bytes, Receiver, Pool]:
    """Return the head and the body that a client is sent of an answer in these parts."""
    client, worker, pool = Wire(), Wire(), Pool()
    connection = WorkerConnection(cast(Any, pool), WORKER)
    connection.connection_made(cast(Any, worker))
    receiver = Receiver(client)
    connection.send(cast(Any, receiver), [b"POST / HTTP/1.1\r\n\r\n"])
    for part in parts:
        connection.data_received(part)
    assert (client.finished, receiver.lost, worker.aborted) == (1, False, False)
    head, _, body = b"".join(client.written).partition(b"\r\n\r\n")
    return head, body, receiver, pool


def unchunk(body: bytes) -> bytes:
    found = []
    while True:
        size, _, body = body.partition(b"\r\n")
        found.append(body[: int(size, 16)])
        assert body[int(size, 16) :][:2] == b"\r\n"
        body = body[int(size, 16) + 2 :]
        if size == b"0":
            assert body == b""
            return b"".join(found)


def cut(data: bytes, points: list[int]) -> list[bytes]:
    edges = [0, *sorted(point % len(data) for point in points), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges) if a != b]


EVENTS = st.lists(st.sampled_from([TOKEN, LONG, b": ping\r\n\r\n"]), max_size=5)
POINTS = st.lists(st.integers(0, 2**20), max_size=12)


@settings(deadline=None, max_examples=300)
@given(events=EVENTS, interim=st.booleans(), points=POINTS)
def test_a_stream_is_the_same_wherever_it_is_cut(
    events: list[bytes], interim: bool, points: list[int]
) -> None:
    whole = (
        INTERIM * interim + HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunked([*events, REPORT, DONE])
    )
    head, body, receiver, pool = relay(cut(whole, points))
    assert unchunk(body) == b"".join([*events, DONE])
    assert head == (
        b"HTTP/1.1 200 OK\r\ndate: now\r\ncontent-type: text/event-stream\r\nx-request-id: req-1\r\n"
        b"transfer-encoding: chunked"
    )
    assert receiver.meter is not None and receiver.meter.usage is not None
    assert receiver.meter.usage.completion_tokens == 2
    assert len(pool.idle) == 1


@settings(deadline=None, max_examples=100)
@given(points=POINTS)
def test_an_answer_with_a_length_is_the_same_wherever_it_is_cut(points: list[int]) -> None:
    head, body, _, pool = relay(cut(JSON, points))
    assert (body, len(pool.idle)) == (b'{"answer":7}', 1)
    assert b"content-length: 12" in head and b"chunked" not in head


def test_a_stream_in_single_bytes_is_the_same() -> None:
    whole = HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunked([TOKEN, TOKEN, REPORT, DONE])
    assert unchunk(relay([whole[i : i + 1] for i in range(len(whole))])[1]) == TOKEN + TOKEN + DONE
