"""What gateways are given to carry."""

import asyncio
import json
from typing import cast

import pytest

from tidegate_bench.client import request_bytes
from tidegate_bench.engine import CHUNK, DONE, STREAM_HEAD, WHOLE, Engine


class Wire:
    """A transport that keeps what is written, and a loop whose time is the engine's own."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_closed = False
        self.now = 0.0
        self.engine = Engine(cast(asyncio.AbstractEventLoop, self), 0.005)
        self.engine.connection_made(cast(asyncio.Transport, self))

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def time(self) -> float:
        return self.now

    def call_at(self, moment: float, callback: object) -> None:
        self.now = moment
        callback()  # type: ignore[operator]


@pytest.mark.parametrize("step", [1, 7, 100, 10_000])
def test_a_request_is_answered_once_however_it_was_cut(step: int) -> None:
    wire, request = Wire(), request_bytes("sk-x", stream=False) * 2
    for at in range(0, len(request), step):
        wire.engine.data_received(request[at : at + step])
    assert wire.written == [WHOLE, WHOLE]


@pytest.mark.parametrize("name", [b"max_tokens", b"max_completion_tokens"])
def test_a_stream_has_as_many_chunks_as_asked_for_at_its_pace(name: bytes) -> None:
    wire = Wire()
    body = b'{"model":"m","stream":true,"%b":3}' % name
    wire.engine.data_received(b"POST /v1/x HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    assert wire.written == [STREAM_HEAD, CHUNK, CHUNK, CHUNK, DONE]
    assert wire.now == pytest.approx(0.015)


def test_a_router_that_asks_for_tokens_gets_about_as_many_as_the_prompt_has_words() -> None:
    wire, request = Wire(), request_bytes("sk-x", stream=True, prompt_bytes=5000)
    wire.engine.data_received(request.replace(b"/v1/chat/completions", b"/v1/chat/completions/render", 1))
    (answer,) = wire.written
    assert 1000 <= len(json.loads(answer.partition(b"\r\n\r\n")[2])["token_ids"]) <= 1100


def test_who_tries_http_2_is_turned_away() -> None:
    wire = Wire()
    wire.engine.data_received(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert wire.is_closed
    assert wire.written == []


def test_prompts_begin_alike_and_go_on_differently_at_one_length() -> None:
    one, other = (request_bytes("sk-x", stream=False, prompt_bytes=600, variant=n) for n in (1, 2))
    assert len(one) == len(other)
    begin = one.index(b'"content":"') + len(b'"content":"')
    assert one[: begin + 300] == other[: begin + 300]
    assert one[begin + 300 :] != other[begin + 300 :]
