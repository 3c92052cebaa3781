"""Workers that die, stall or end, and clients that leave."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from integration.gateway.engine import CHAT, DONE, OPEN_ENDED, STREAM, Call, FakeEngine, complete, event
from integration.gateway.rig import (
    MODEL,
    QUICK,
    STOPPED,
    Client,
    Rig,
    close_rig,
    eventually,
    in_flight,
    make_rig,
)
from tidegate_gateway.directory import DEFAULT_CLASSES


async def die(call: Call) -> None:
    call.reset()


async def hang_up(call: Call) -> None:
    call.writer.close()


async def hang(call: Call) -> None:
    await asyncio.sleep(3600)


async def head_then_hang(call: Call) -> None:
    await call.head()
    await call.chunk(event("Par"))
    await asyncio.sleep(3600)


async def refused(rig: Rig) -> FakeEngine:
    """An engine that is routed to but does not listen."""
    engine = await rig.add(FakeEngine())
    await engine.stop()
    return engine


def settled(rig: Rig) -> bool:
    return in_flight(rig) == 0


def retries(rig: Rig, reason: str) -> float:
    return (
        rig.gateway.metrics.registry.get_sample_value("tidegate_gateway_retries_total", {"reason": reason})
        or 0
    )


# Before the first byte


@pytest.mark.case(17)
@pytest.mark.parametrize("stream", [True, False], ids=["streaming", "not streaming"])
@pytest.mark.parametrize("script", [die, hang_up], ids=["resets", "closes"])
async def test_a_worker_that_dies_before_the_first_byte_is_replaced(
    rig: Rig, script: object, stream: bool
) -> None:
    bad, good = FakeEngine(script), FakeEngine()  # type: ignore[arg-type]
    await rig.add(bad)
    await rig.add(good)
    for _ in range(8):
        answer = await rig.ask(rig.post(stream=stream))
        assert (answer.status, answer.body) == (200, STREAM if stream else CHAT)
    assert len(good.calls) == 8
    assert retries(rig, "reset") == len(bad.calls)
    assert settled(rig)


@pytest.mark.case(17)
async def test_a_worker_that_refuses_connections_is_replaced(rig: Rig) -> None:
    await refused(rig)
    await rig.add(FakeEngine())
    assert [(await rig.ask(rig.post())).status for _ in range(8)] == [200] * 8
    assert settled(rig)


async def test_the_body_reaches_the_second_worker_whole(rig: Rig) -> None:
    await rig.add(FakeEngine(die))
    good = await rig.add(FakeEngine())
    prompt = "word " * 200_000
    for _ in range(4):
        assert (await rig.ask(rig.post(prompt=prompt))).status == 200
    assert {json.loads(call.body)["prompt"] for call in good.calls} == {prompt}


async def test_only_one_retry_is_made(rig: Rig) -> None:
    engines = [await rig.add(FakeEngine(die)) for _ in range(3)]
    answer = await rig.ask(rig.post())
    assert (answer.status, answer.error["code"]) == (502, "worker_failed")
    assert sum(len(engine.calls) for engine in engines) == 2
    assert settled(rig)


@pytest.mark.case(17)
async def test_retries_have_a_budget(rig: Rig) -> None:
    bad = [await rig.add(FakeEngine(die)) for _ in range(2)]
    for _ in range(60):
        await rig.ask(rig.post())
    tried = sum(len(engine.calls) for engine in bad)
    # Each was good until its first failure, which costs nothing.
    assert 60 < tried <= 60 + 10 + 6 + len(bad)


@pytest.mark.case(17)
async def test_all_that_a_worker_takes_down_with_it_is_asked_of_another(rig: Rig) -> None:
    """The budget is for a service that fails, not for one death: 30 of these 40 were once told of a failure."""
    gate = asyncio.Event()

    async def die_together(call: Call) -> None:
        await gate.wait()
        call.reset()

    bad = await rig.add(FakeEngine(die_together))
    asking = [asyncio.create_task(rig.ask(rig.post(stream=True))) for _ in range(40)]
    await eventually(lambda: len(bad.calls) == 40, "all are there")
    good = await rig.add(FakeEngine())
    gate.set()
    answers = await asyncio.gather(*asking)
    assert {(answer.status, answer.body) for answer in answers} == {(200, STREAM)}
    assert len(good.calls) == 40
    assert settled(rig)


async def test_the_only_worker_refusing_is_told_as_no_ready_worker(rig: Rig) -> None:
    await refused(rig)
    answer = await rig.ask(rig.post())
    assert (answer.status, answer.error["code"], answer.headers["retry-after"]) == (
        503,
        "no_ready_worker",
        "5",
    )


@pytest.mark.case(19)
async def test_an_idle_connection_closed_by_the_only_worker_is_replaced(rig: Rig) -> None:
    """The race of case 19: the worker closes an idle connection while the next request is on its way to it."""
    engine = await rig.add(FakeEngine())
    client = await rig.client()
    await client.send(rig.post())
    assert (await client.read()).status == 200

    async def close_the_first(call: Call) -> None:
        if len(engine.calls) == 2:
            call.writer.close()
        else:
            await complete(call)

    engine.script = close_the_first
    await client.send(rig.post())
    assert (await client.read()).status == 200
    assert len(engine.calls) == 3
    assert retries(rig, "stale") == 1


@pytest.mark.case(19)
async def test_a_worker_that_closes_all_its_idle_connections_fails_no_request(rig: Rig) -> None:
    """As llama.cpp's server does after 5 s: a second attempt found the next closed connection, and was the last."""
    engine = await rig.add(FakeEngine())
    clients = [await rig.client() for _ in range(4)]
    for client in clients:
        await client.send(rig.post())
    assert [(await client.read()).status for client in clients] == [200] * 4
    opened: set[asyncio.StreamWriter] = {call.writer for call in engine.calls}

    async def close_if_reused(call: Call) -> None:
        if call.writer in opened:
            call.writer.close()
        else:
            await complete(call)

    engine.script = close_if_reused
    for _ in range(20):
        for client in clients:
            await client.send(rig.post())
        assert [(await client.read()).status for client in clients] == [200] * 4
        opened = {call.writer for call in engine.calls}
    assert settled(rig)


@pytest.mark.case(20)
@pytest.mark.parametrize("status", [500, 503])
async def test_a_worker_that_is_being_stopped_is_replaced_when_it_refuses(rig: Rig, status: int) -> None:
    good = FakeEngine()

    async def stops(call: Call) -> None:
        rig.publish([good])
        await call.answer(status, b"{}")

    await good.start()
    rig.engines.append(good)
    draining = await rig.add(FakeEngine(stops))
    rig.publish([draining])
    answer = await rig.ask(rig.post())
    assert (answer.status, answer.body) == (200, CHAT)
    assert retries(rig, "draining") == 1


async def test_a_failure_of_a_ready_worker_is_not_retried(rig: Rig) -> None:
    engines = [await rig.add(FakeEngine(lambda call: call.answer(500, b"{}"))) for _ in range(2)]
    assert (await rig.ask(rig.post())).status == 500
    assert sum(len(engine.calls) for engine in engines) == 1


async def test_an_answer_that_is_not_http_is_a_failure(rig: Rig) -> None:
    await rig.add(FakeEngine(lambda call: call.send(b"SSH-2.0-OpenSSH_9.9\r\n")))
    answer = await rig.ask(rig.post())
    assert (answer.status, answer.error["code"]) == (502, "worker_failed")
    assert settled(rig)


# After the first byte


@pytest.mark.case(8)
@pytest.mark.parametrize(
    ("sent", "passed"),
    [
        (event("Par"), event("Par")),
        (b'data: {"a":1}\r\n\r\n', b'data: {"a":1}\r\n\r\n'),
        (event("Par") + b'data: {"a":1}\n', event("Par")),
        (event("Par") + b'data: {"a', event("Par")),
        (b'data: {"a', b""),
        (b'data: "' + b"x" * 20_000, b'data: "' + b"x" * 20_000 + b"\n\n"),
    ],
    ids=[
        "whole event",
        "whole event with CRLF",
        "half an event",
        "half a line",
        "nothing whole",
        "half a long event",
    ],
)
async def test_a_stream_that_breaks_ends_with_an_error_event_of_its_own(
    rig: Rig, sent: bytes, passed: bytes
) -> None:
    async def script(call: Call) -> None:
        await call.head()
        await call.chunk(sent)
        await asyncio.sleep(0.05)
        call.reset()

    engine = await rig.add(FakeEngine(script))
    other = await rig.add(FakeEngine(script))
    client = await rig.client()
    await client.send(rig.post(stream=True))
    answer = await client.read()
    assert answer.status == 200
    assert answer.body.startswith(passed + b'data: {"error":')
    assert answer.body.endswith(b"}\n\n")
    assert b"[DONE]" not in answer.body
    assert await client.read_to_end() == b""
    assert len(engine.calls) + len(other.calls) == 1
    assert settled(rig)


async def test_a_stream_that_breaks_after_done_has_said_all(rig: Rig) -> None:
    async def script(call: Call) -> None:
        await call.head()
        await call.chunk(STREAM)
        await asyncio.sleep(0.05)
        call.reset()

    await rig.add(FakeEngine(script))
    body = (await rig.ask(rig.post(stream=True))).body
    assert body.startswith(STREAM)
    assert body.count(DONE) == 1


@pytest.mark.case(18)
async def test_a_plain_answer_that_breaks_is_left_incomplete(rig: Rig) -> None:
    async def script(call: Call) -> None:
        await call.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{")
        await asyncio.sleep(0.05)
        call.reset()

    await rig.add(FakeEngine(script))
    client = await rig.client()
    await client.send(rig.post())
    status, headers = await client.read_head()
    assert (status, headers["content-length"]) == (200, "999")
    assert await client.read_to_end() == b"{"


async def test_a_compressed_stream_that_breaks_is_left_incomplete(rig: Rig) -> None:
    async def script(call: Call) -> None:
        await call.head(200, "content-encoding: gzip")
        await call.chunk(b"\x1f\x8b")
        await asyncio.sleep(0.05)
        call.reset()

    await rig.add(FakeEngine(script))
    client = await rig.client()
    await client.send(rig.post(stream=True))
    await client.read_head()
    assert await client.read_to_end() == b"2\r\n\x1f\x8b\r\n"


async def test_a_stream_without_a_length_whose_worker_is_killed_ends_with_an_error_event(rig: Rig) -> None:
    """The kernel closes a killed process' connections as if all were well."""

    async def script(call: Call) -> None:
        await call.send(OPEN_ENDED % b"text/event-stream" + event("Par"))
        call.writer.close()

    await rig.add(FakeEngine(script))
    answer = await rig.ask(rig.post(stream=True))
    assert answer.body.startswith(event("Par") + b'data: {"error":')
    assert b"[DONE]" not in answer.body
    assert settled(rig)


@pytest.mark.parametrize("stream", [True, False], ids=["streaming", "not streaming"])
async def test_a_worker_killed_after_the_head_of_an_answer_without_a_length_is_replaced(
    rig: Rig, stream: bool
) -> None:
    async def script(call: Call) -> None:
        await call.send(OPEN_ENDED % (b"text/event-stream" if stream else b"application/json"))
        call.writer.close()

    await rig.add(FakeEngine(script))
    await rig.add(FakeEngine())
    for _ in range(6):
        assert (await rig.ask(rig.post(stream=stream))).body == (STREAM if stream else CHAT)


async def test_a_plain_answer_without_a_length_that_breaks_is_reset(rig: Rig) -> None:
    """Its end is its connection's: closed as others are, half of it would look whole."""

    async def script(call: Call) -> None:
        await call.send(OPEN_ENDED % b"application/json" + b"{")
        await asyncio.sleep(0.05)
        call.reset()

    await rig.add(FakeEngine(script))
    client = await rig.client()
    await client.send(rig.post())
    await client.read_head()
    with pytest.raises(ConnectionResetError):
        await client.read_to_end()


# Stalls


@pytest.fixture
async def impatient() -> AsyncIterator[Rig]:
    """A gateway that waits a quarter of a second for a worker."""
    made = await make_rig(replace(QUICK, stall_seconds=0.25))
    yield made
    await close_rig(made)


async def test_a_worker_that_says_nothing_is_given_up(impatient: Rig) -> None:
    engine = await impatient.add(FakeEngine(hang))
    answer = await impatient.ask(impatient.post())
    assert (answer.status, answer.error["code"]) == (504, "worker_timeout")
    await eventually(lambda: engine.running == 0, "the engine works for nobody")


@pytest.mark.case(9)
async def test_a_stream_that_stalls_ends_with_an_error_event(impatient: Rig) -> None:
    engine = await impatient.add(FakeEngine(head_then_hang))
    answer = await impatient.ask(impatient.post(stream=True))
    assert answer.body.startswith(event("Par") + b'data: {"error":')
    assert b"worker_timeout" in answer.body
    await eventually(lambda: engine.running == 0, "the engine works for nobody")


async def test_a_stream_that_is_slow_but_goes_on_is_not_given_up(impatient: Rig) -> None:
    async def script(call: Call) -> None:
        await call.head()
        for _ in range(8):
            await call.chunk(event("x"))
            await asyncio.sleep(0.1)
        await call.end()

    await impatient.add(FakeEngine(script))
    assert (await impatient.ask(impatient.post(stream=True))).body == event("x") * 8


# Clients that leave


@pytest.mark.case(14)
@pytest.mark.parametrize("stream", [True, False], ids=["streaming", "not streaming"])
async def test_a_client_that_leaves_before_the_first_byte_stops_the_engine(rig: Rig, stream: bool) -> None:
    engine = await rig.add(FakeEngine(hang))
    client = await rig.client()
    await client.send(rig.post(stream=stream))
    await eventually(lambda: engine.running == 1, "the engine works")
    client.abort()
    await eventually(lambda: engine.running == 0, "the engine works for nobody")
    await eventually(lambda: settled(rig), "nothing is in flight")


@pytest.mark.case(15)
async def test_a_client_that_leaves_within_a_stream_stops_the_engine(rig: Rig) -> None:
    engine = await rig.add(FakeEngine(head_then_hang))
    client = await rig.client()
    await client.send(rig.post(stream=True))
    await client.read_head()
    client.abort()
    await eventually(lambda: engine.running == 0, "the engine works for nobody")
    await eventually(lambda: settled(rig), "nothing is in flight")
    sample = rig.gateway.metrics.registry.get_sample_value
    assert sample("tidegate_gateway_client_disconnects_total") == 1


async def test_a_client_that_leaves_while_the_gateway_connects_leaves_nothing_behind(rig: Rig) -> None:
    await rig.add(FakeEngine(hang))
    for _ in range(20):
        client = await rig.client()
        await client.send(rig.post())
        client.abort()
    await eventually(lambda: settled(rig) and not rig.gateway.connections, "nothing is in flight")


@pytest.mark.case(10)
async def test_a_client_that_reads_slowly_pauses_the_engine(rig: Rig) -> None:
    sent = 0
    chunk = event("x" * 60_000)

    async def flood(call: Call) -> None:
        nonlocal sent
        await call.head()
        for _ in range(1000):
            await call.chunk(chunk)
            sent += 1
        await call.end()

    await rig.add(FakeEngine(flood))
    client = await slow_client(rig)
    await client.send(rig.post(stream=True))
    await client.read_head()
    before = -1
    while before != sent:
        before = sent
        await asyncio.sleep(0.5)
    assert sent < 500
    (connection,) = rig.gateway.connections
    assert connection.transport.get_write_buffer_size() < 2**20
    total = 0
    while data := await client.read_chunk():
        total += len(data)
    assert total == 1000 * len(chunk)


async def slow_client(rig: Rig) -> Client:
    """A client that buffers little on its side."""
    client = Client(*await asyncio.open_connection("127.0.0.1", rig.port, limit=2**16))
    rig.clients.append(client)
    return client


async def test_a_client_that_stops_reading_is_dropped(rig: Rig) -> None:
    rushed = await make_rig(replace(QUICK, write_stall_seconds=0.3))

    async def flood(call: Call) -> None:
        await call.head()
        while True:
            await call.chunk(event("x" * 60_000))

    engine = await rushed.add(FakeEngine(flood))
    client = await slow_client(rushed)
    await client.send(rushed.post(stream=True))
    await eventually(lambda: engine.running == 1, "the engine works")
    await eventually(lambda: engine.running == 0, "the client was dropped")
    await close_rig(rushed)


# Workers that come and go


@pytest.mark.case(30)
async def test_workers_that_come_and_go_are_routed_to_and_not(rig: Rig) -> None:
    stopped = replace(MODEL, classes=STOPPED)
    rig.publish([], model=stopped)
    assert (await rig.ask(rig.post())).status == 503
    first = await rig.add(FakeEngine())
    assert (await rig.ask(rig.post())).status == 200
    second = await rig.add(FakeEngine())
    rig.publish([second])
    for _ in range(4):
        assert (await rig.ask(rig.post())).status == 200
    assert (len(first.calls), len(second.calls)) == (1, 4)
    rig.publish([], model=stopped)
    assert (await rig.ask(rig.post())).status == 503


async def test_a_stream_outlives_the_readiness_of_its_worker(rig: Rig) -> None:
    go_on = asyncio.Event()

    async def script(call: Call) -> None:
        await call.head()
        await call.chunk(event("Par"))
        await go_on.wait()
        await call.chunk(DONE)
        await call.end()

    await rig.add(FakeEngine(script))
    client = await rig.client()
    await client.send(rig.post(stream=True))
    await client.read_head()
    rig.publish([])
    go_on.set()
    assert await client.read_chunk() == event("Par")
    assert await client.read_chunk() == DONE


@pytest.mark.case(29)
async def test_requests_spread_over_idle_workers(rig: Rig) -> None:
    engines = [await rig.add(FakeEngine()) for _ in range(4)]
    for _ in range(80):
        assert (await rig.ask(rig.post())).status == 200
    assert min(len(engine.calls) for engine in engines) >= 5


async def test_a_busy_worker_is_avoided(rig: Rig) -> None:
    busy = await rig.add(FakeEngine(hang))
    client = await rig.client()
    await client.send(rig.post())
    await eventually(lambda: busy.running == 1, "one is busy")
    idle = await rig.add(FakeEngine())
    for _ in range(10):
        assert (await rig.ask(rig.post())).status == 200
    assert (len(busy.calls), len(idle.calls)) == (1, 10)


@pytest.mark.case(34)
async def test_a_thousand_at_once_are_all_answered(rig: Rig) -> None:
    for _ in range(4):
        await rig.add(FakeEngine())
    answers = await asyncio.gather(*(rig.ask(rig.post(stream=True)) for _ in range(1000)))
    assert {(answer.status, answer.body) for answer in answers} == {(200, STREAM)}
    assert settled(rig)


@pytest.mark.case(35)
async def test_two_hundred_long_prompts_at_once_are_all_answered(rig: Rig) -> None:
    for _ in range(2):
        await rig.add(FakeEngine())
    # Of 55,000 tokens each, a worker is given a few at a time: the others wait.
    patient = {name: replace(policy, max_queue=1000) for name, policy in DEFAULT_CLASSES.items()}
    rig.publish(rig.engines, model=replace(MODEL, classes=patient))
    prompts = [f"{number:04d}" + "word " * 44_000 for number in range(200)]
    answers = await asyncio.gather(
        *(rig.ask(rig.post(messages=[{"role": "user", "content": p}])) for p in prompts)
    )
    assert {(answer.status, answer.body) for answer in answers} == {(200, CHAT)}
    reached = {json.loads(call.body)["messages"][0]["content"] for e in rig.engines for call in e.calls}
    assert reached == set(prompts)
