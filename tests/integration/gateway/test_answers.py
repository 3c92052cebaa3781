"""Answers reach the client byte for byte, and at once."""

import asyncio
import gzip
import json

import openai
import pytest

from integration.gateway.engine import (
    CHAT,
    DONE,
    OPEN_ENDED,
    STREAM,
    WORDS,
    Call,
    FakeEngine,
    complete,
    event,
)
from integration.gateway.rig import DEADLINE, Rig, eventually, in_flight

HEARTBEAT = b": still here\r\n\r\n"
ODD_EVENTS = {
    "events with CRLF": b'data: {"a":1}\r\n\r\ndata: [DONE]\r\n\r\n',
    "data without a space after the colon": b'data:{"a":1}\n\ndata:[DONE]\n\n',
    "comments between events": HEARTBEAT + event("x") + HEARTBEAT + DONE,
    "an event of a mebibyte": event("x" * 2**20) + DONE,
    "several lines of data in one event": b"data: one\ndata: two\nid: 7\nevent: x\n\n" + DONE,
    "nothing but the end": DONE,
    "no event at all": b"",
}


def openai_client(rig: Rig, key: str | None = None) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=rig.url, api_key=key or rig.key, max_retries=0, timeout=DEADLINE)


@pytest.mark.case(1)
async def test_a_chat_completion_is_passed_on(rig: Rig, engine: FakeEngine) -> None:
    answer = await rig.ask(rig.post())
    assert (answer.status, answer.body) == (200, CHAT)
    assert answer.headers["content-type"] == "application/json"
    assert "server" not in answer.headers


async def test_a_completion_keeps_its_path(rig: Rig, engine: FakeEngine) -> None:
    answer = await rig.ask(rig.post(path="/v1/completions", prompt="?"))
    assert answer.status == 200
    assert engine.calls[0].path == "/v1/completions"


@pytest.mark.case(5)
async def test_a_stream_is_passed_on_with_one_done(rig: Rig, engine: FakeEngine) -> None:
    answer = await rig.ask(rig.post(stream=True))
    assert (answer.status, answer.body) == (200, STREAM)
    assert answer.body.count(b"[DONE]") == 1
    assert answer.headers["content-type"] == "text/event-stream"


@pytest.mark.case(3)
async def test_a_stream_split_at_every_byte_stays_the_same(rig: Rig) -> None:
    async def each_byte(call: Call) -> None:
        await call.head()
        for byte in STREAM:
            await call.chunk(bytes([byte]))
        await call.end()

    await rig.add(FakeEngine(each_byte))
    assert (await rig.ask(rig.post(stream=True))).body == STREAM


async def test_an_answer_whose_framing_is_split_at_every_byte_stays_the_same(rig: Rig) -> None:
    async def each_byte(call: Call) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(e), e) for e in (*map(event, WORDS), DONE))
        for byte in head + chunks + b"0\r\n\r\n":
            await call.send(bytes([byte]))
            await asyncio.sleep(0)

    await rig.add(FakeEngine(each_byte))
    assert (await rig.ask(rig.post(stream=True))).body == STREAM


@pytest.mark.case(4)
@pytest.mark.parametrize("sent", ODD_EVENTS.values(), ids=ODD_EVENTS.keys())
async def test_events_are_not_touched(rig: Rig, sent: bytes) -> None:
    async def script(call: Call) -> None:
        await call.head()
        for start in range(0, len(sent), 100_000):
            await call.chunk(sent[start : start + 100_000])
        await call.end()

    await rig.add(FakeEngine(script))
    assert (await rig.ask(rig.post(stream=True))).body == sent


@pytest.mark.case(2)
async def test_each_chunk_is_forwarded_before_the_next_one_exists(rig: Rig) -> None:
    may_go_on = asyncio.Semaphore(0)

    async def one_at_a_time(call: Call) -> None:
        await call.head()
        for word in WORDS:
            await call.chunk(event(word))
            await may_go_on.acquire()
        await call.end()

    await rig.add(FakeEngine(one_at_a_time))
    client = await rig.client()
    await client.send(rig.post(stream=True))
    await client.read_head()
    for word in WORDS:
        assert await client.read_chunk() == event(word)
        may_go_on.release()
    assert await client.read_chunk() == b""


@pytest.mark.case(7)
@pytest.mark.parametrize("status", [400, 404, 422, 429])
async def test_a_refusal_of_the_engine_keeps_status_and_body_on_a_stream(rig: Rig, status: int) -> None:
    refusal = json.dumps({"error": {"message": "too long", "code": status}}).encode()
    await rig.add(FakeEngine(lambda call: call.answer(status, refusal, "retry-after: 3")))
    answer = await rig.ask(rig.post(stream=True))
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (status, refusal, "3")


@pytest.mark.case(7)
@pytest.mark.parametrize("status", [500, 501, 503])
async def test_a_failure_of_the_engine_keeps_its_status_but_not_its_words(rig: Rig, status: int) -> None:
    await rig.add(FakeEngine(lambda call: call.answer(status, b"Traceback: 0x7f3a secret")))
    answer = await rig.ask(rig.post(stream=True))
    assert (answer.status, answer.error["code"]) == (status, "worker_failed")
    assert b"secret" not in answer.body
    assert answer.error["request_id"] == answer.headers["x-request-id"]


@pytest.mark.case(12)
async def test_gzip_is_passed_through(rig: Rig) -> None:
    packed = gzip.compress(CHAT)
    engine = await rig.add(FakeEngine(lambda call: call.answer(200, packed, "content-encoding: gzip")))
    answer = await rig.ask(rig.post("Accept-Encoding: gzip"))
    assert (answer.body, answer.headers["content-encoding"]) == (packed, "gzip")
    assert engine.calls[0].header("accept-encoding") == "gzip"


async def test_an_answer_that_ends_with_its_connection_is_passed_on_as_one(rig: Rig) -> None:
    """A frame of ours would say that it is whole, which nobody knows: the worker may have been killed."""

    async def script(call: Call) -> None:
        await call.send(OPEN_ENDED % b"application/json" + CHAT)
        call.writer.close()

    await rig.add(FakeEngine(script))
    client = await rig.client()
    await client.send(rig.post())
    status, headers = await client.read_head()
    assert (status, headers["connection"]) == (200, "close")
    assert not headers.keys() & {"transfer-encoding", "content-length"}
    assert await client.read_to_end() == CHAT


async def test_a_stream_that_ends_with_its_connection_is_complete_if_it_says_so(rig: Rig) -> None:
    async def script(call: Call) -> None:
        await call.send(OPEN_ENDED % b"text/event-stream" + STREAM)
        call.writer.close()

    await rig.add(FakeEngine(script))
    assert (await rig.ask(rig.post(stream=True))).body == STREAM


async def test_interim_answers_are_not_the_answer(rig: Rig) -> None:
    async def script(call: Call) -> None:
        await call.send(b"HTTP/1.1 102 Processing\r\nx-a: b\r\n\r\n")
        await call.answer(200, CHAT)

    await rig.add(FakeEngine(script))
    answer = await rig.ask(rig.post())
    assert (answer.status, answer.body) == (200, CHAT)
    assert "x-a" not in answer.headers


async def test_an_answer_without_content_has_no_framing(rig: Rig) -> None:
    await rig.add(FakeEngine(lambda call: call.send(b"HTTP/1.1 204 No Content\r\n\r\n")))
    client = await rig.client()
    await client.send(rig.post() + rig.post())
    for _ in range(2):
        status, headers = await client.read_head()
        assert status == 204
        assert "transfer-encoding" not in headers


async def test_the_official_client_reads_an_answer(rig: Rig, engine: FakeEngine) -> None:
    async with openai_client(rig) as client:
        made = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "?"}])
        assert made.choices[0].message.content == "Paris"
        listed = await client.models.list()
        assert [model.id for model in listed.data] == ["asleep", "m"]
        assert (await client.models.retrieve("m")).id == "m"


async def test_the_official_client_reads_a_stream(rig: Rig, engine: FakeEngine) -> None:
    async with openai_client(rig) as client:
        stream = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "?"}], stream=True
        )
        said = [chunk.choices[0].delta.content async for chunk in stream]
    assert said == list(WORDS)


async def test_the_official_client_raises_what_it_should(rig: Rig, engine: FakeEngine) -> None:
    async with openai_client(rig, key="sk-wrong") as client:
        with pytest.raises(openai.AuthenticationError):
            await client.models.list()
    async with openai_client(rig) as client:
        with pytest.raises(openai.NotFoundError) as unknown:
            await client.chat.completions.create(model="nope", messages=[{"role": "user", "content": "?"}])
        assert unknown.value.code == "model_not_found"
        with pytest.raises(openai.InternalServerError) as asleep:
            await client.chat.completions.create(model="asleep", messages=[{"role": "user", "content": "?"}])
        assert asleep.value.code == "no_ready_worker"


async def test_a_stream_that_breaks_raises_in_the_official_client(rig: Rig) -> None:
    async def dies(call: Call) -> None:
        await call.head()
        await call.chunk(event("Par"))
        await asyncio.sleep(0.05)
        call.reset()

    await rig.add(FakeEngine(dies))
    async with openai_client(rig) as client:
        stream = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "?"}], stream=True
        )
        with pytest.raises(openai.APIError, match="worker failed"):
            async for _ in stream:
                pass


async def test_connections_to_workers_are_reused(rig: Rig, engine: FakeEngine) -> None:
    client = await rig.client()
    for _ in range(20):
        await client.send(rig.post())
        assert (await client.read()).status == 200
    assert engine.connections == 1


async def test_a_worker_that_closes_after_each_answer_is_connected_to_anew(rig: Rig) -> None:
    async def closes(call: Call) -> None:
        await call.answer(200, CHAT, "connection: close")
        call.writer.close()

    engine = await rig.add(FakeEngine(closes))
    client = await rig.client()
    for _ in range(3):
        await client.send(rig.post())
        assert (await client.read()).status == 200
    assert engine.connections == 3


async def test_in_flight_counts_return_to_zero(rig: Rig, engine: FakeEngine) -> None:
    async def slow(call: Call) -> None:
        await asyncio.sleep(0.2)
        await complete(call)

    engine.script = slow
    asking = [asyncio.create_task(rig.ask(rig.post(stream=True))) for _ in range(20)]
    await eventually(lambda: in_flight(rig) == 20, "all are in flight")
    assert {answer.status for answer in await asyncio.gather(*asking)} == {200}
    await eventually(lambda: in_flight(rig) == 0, "none is in flight")
