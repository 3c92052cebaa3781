"""Requests for a model without workers: held until the first one answers, or told when to come again."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import openai
import pytest
from prometheus_client import generate_latest

from integration.gateway.engine import CHAT, DONE, STREAM, WORDS, Call, FakeEngine, complete, event
from integration.gateway.rig import (
    DEADLINE,
    MODEL,
    QUICK,
    STOPPED,
    Answer,
    Client,
    Rig,
    close_rig,
    eventually,
    holder,
    in_flight,
    make_rig,
)
from tidegate_api.keys import new_key
from tidegate_api.names import QosClass
from tidegate_bench.sim.profile import Profile
from tidegate_bench.sim.server import SimEngine
from tidegate_gateway.directory import DEFAULT_CLASSES, ColdStart, Model

KEYS: dict[QosClass, str] = {"high": new_key(), "medium": new_key(), "low": new_key()}
CALLERS = [holder(key, f"{name}-tenant", name) for name, key in KEYS.items()]
FAST = Profile(answer_tokens=5).faster(50)
WAITING = b": waiting for a worker\n\n"


def starting(**cold: float) -> Model:
    """Return the model with other terms for those who find no worker."""
    start = ColdStart(**cold)  # type: ignore[arg-type]
    return replace(MODEL, classes={name: replace(p, cold_start=start) for name, p in DEFAULT_CLASSES.items()})


def held(rig: Rig) -> int:
    """Return how many requests wait for the first worker."""
    return sum(rig.look(lambda gateway: gateway.held()).values())


def ask(rig: Rig, **fields: object) -> "asyncio.Task[Answer]":
    return asyncio.create_task(rig.ask(rig.post(**fields)))


def error_in(body: bytes) -> dict[str, object]:
    """Return the error that ends a stream."""
    assert b"[DONE]" not in body
    error: dict[str, object] = json.loads(body.strip().split(b"\n\n")[-1].removeprefix(b"data: "))["error"]
    return error


@pytest.fixture
async def lively() -> AsyncIterator[Rig]:
    """A gateway that soon tells held streams that they wait."""
    rig = await make_rig(replace(QUICK, heartbeat_seconds=0.1))
    yield rig
    await close_rig(rig)


@pytest.fixture
async def beating(lively: Rig) -> Client:
    """A client that was told so."""
    client = await lively.client()
    await client.send(lively.post(stream=True))
    assert (await client.read_head())[0] == 200
    assert await client.read_chunk() == WAITING
    return client


async def test_a_hundred_held_requests_are_answered_once_there_is_a_worker(rig: Rig) -> None:
    rig.publish([], callers=CALLERS)
    asking = [
        ask(rig, key=KEYS[name], stream=stream)
        for name in ("low", "medium", "high", "low")
        for stream in (True, False)
        for _ in range(13)
    ]
    await eventually(lambda: held(rig) == len(asking), "all are held")
    engine = FakeEngine()
    await engine.start()
    rig.engines.append(engine)
    rig.publish([engine], callers=CALLERS)
    answers = await asyncio.gather(*asking)
    assert {(answer.status, answer.body) for answer in answers} == {(200, STREAM), (200, CHAT)}
    assert len(engine.calls) == len(asking)
    await eventually(lambda: in_flight(rig) == 0, "nothing is left")
    assert held(rig) == 0


async def test_who_comes_when_as_many_are_held_as_may_be_is_told_when_to_come_again(rig: Rig) -> None:
    rig.publish([], model=starting(max_queue=1, expected_seconds=90))
    first = ask(rig)
    await eventually(lambda: held(rig) == 1, "one is held")
    refused = await rig.ask(rig.post(stream=True))
    assert (refused.status, refused.error["code"], refused.error["type"]) == (
        503,
        "model_waking",
        "server_error",
    )
    assert 80 < int(refused.headers["retry-after"]) <= 90
    assert "is being started" in refused.error["message"]
    await rig.add(FakeEngine())
    assert (await first).status == 200


async def test_who_is_held_too_long_is_told_so(rig: Rig) -> None:
    rig.publish([], model=starting(timeout_seconds=0.3))
    answer = await rig.ask(rig.post(stream=True))
    assert (answer.status, answer.error["code"]) == (503, "model_waking")
    assert int(answer.headers["retry-after"]) > 0
    assert "No worker was ready" in answer.error["message"]
    assert in_flight(rig) == 0


async def test_a_service_that_rejects_says_when_to_come_again_and_asks_for_a_worker(rig: Rig) -> None:
    rig.publish([], model=starting(holds=False, expected_seconds=40))
    answer = await rig.ask(rig.post())
    assert (answer.status, answer.error["code"], answer.headers["retry-after"]) == (503, "model_waking", "40")
    assert rig.look(lambda gateway: gateway.demand.wakes) == {("ns", "m-svc", "shared"): 1}


@pytest.mark.parametrize(
    ("stopped", "why"), [("suspended", "suspended"), ("no replicas", "replicas is set to 0")]
)
async def test_a_service_that_nobody_would_start_is_refused_at_once(rig: Rig, stopped: str, why: str) -> None:
    rig.publish([], model=replace(MODEL, classes=STOPPED, stopped=stopped))  # type: ignore[arg-type]
    answer = await rig.ask(rig.post())
    assert (answer.status, answer.error["code"]) == (503, "no_ready_worker")
    assert why in answer.error["message"]
    assert rig.look(lambda gateway: gateway.demand.wakes) == {}


async def test_who_is_held_when_the_service_is_suspended_or_deleted_is_refused(rig: Rig) -> None:
    for change in (replace(MODEL, classes=STOPPED, stopped="suspended"), Model("n", "ns", "n-svc", 1.0)):
        rig.publish([])
        asking = ask(rig)
        await eventually(lambda: held(rig) == 1, "it is held")
        rig.publish([], model=change)
        assert (await asking).error["code"] == "no_ready_worker"


# Streams


async def test_a_held_stream_is_told_that_it_waits_until_it_begins(lively: Rig, beating: Client) -> None:
    for _ in range(2):
        assert await beating.read_chunk() == WAITING
    await lively.add(FakeEngine())
    body = b""
    while chunk := await beating.read_chunk():
        body += chunk
    assert body.replace(WAITING, b"") == STREAM
    await beating.send(lively.post())
    assert (await beating.read()).body == CHAT, "the connection can be used again"


async def test_a_plain_answer_is_not_begun_before_it_is_there(lively: Rig) -> None:
    client = await lively.client()
    await client.send(lively.post())
    await eventually(lambda: held(lively) == 1, "it is held")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await client.reader.read(1)
    await lively.add(FakeEngine())
    assert (await client.read()).body == CHAT


async def test_a_stream_that_only_waits_for_room_keeps_its_status(lively: Rig) -> None:
    async def hang(_: Call) -> None:
        await asyncio.sleep(3600)

    classes = {name: replace(p, queue_timeout_seconds=0.6) for name, p in DEFAULT_CLASSES.items()}
    engine = await lively.add(FakeEngine(hang))
    lively.publish([engine], model=replace(MODEL, classes=classes))
    lively.look(lambda gateway: [setattr(e, "limit_tokens", 1.0) for e in gateway.endpoints()])
    first = ask(lively)
    await eventually(lambda: engine.running == 1, "one runs")
    assert (await lively.ask(lively.post(stream=True))).status == 503
    first.cancel()


async def test_the_official_client_reads_a_stream_that_was_held(lively: Rig) -> None:
    client = openai.AsyncOpenAI(base_url=lively.url, api_key=lively.key, max_retries=0, timeout=DEADLINE)
    async with client:
        stream = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "?"}], stream=True
        )
        await lively.add(FakeEngine())
        assert [chunk.choices[0].delta.content async for chunk in stream] == list(WORDS)


async def test_the_official_client_raises_when_a_held_stream_fails(lively: Rig) -> None:
    lively.publish([], model=starting(timeout_seconds=0.5))
    client = openai.AsyncOpenAI(base_url=lively.url, api_key=lively.key, max_retries=0, timeout=DEADLINE)
    async with client:
        stream = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "?"}], stream=True
        )
        with pytest.raises(openai.APIError) as raised:
            _ = [chunk async for chunk in stream]
    assert raised.value.code == "model_waking"


async def test_a_held_stream_for_http_1_0_ends_with_its_connection(lively: Rig) -> None:
    client = await lively.client()
    await client.send(lively.post(stream=True).replace(b"HTTP/1.1", b"HTTP/1.0", 1))
    _, headers = await client.read_head()
    assert "transfer-encoding" not in headers
    await lively.add(FakeEngine())
    assert (await client.read_to_end()).replace(WAITING, b"") == STREAM


async def refuse_as_vllm(call: Call) -> None:
    error = {
        "message": "This model's maximum context length is 8 tokens.",
        "type": "BadRequestError",
        "code": 400,
    }
    await call.answer(400, json.dumps({"error": error}).encode())


async def fail(call: Call) -> None:
    await call.answer(500, b"oh")


@pytest.mark.parametrize(
    ("script", "code", "word"),
    [(refuse_as_vllm, "BadRequestError", "maximum context"), (fail, "worker_failed", "failed")],
    ids=["a refusal in the engine's words", "a failure in ours"],
)
async def test_what_goes_wrong_after_a_stream_was_held_is_told_in_it(
    lively: Rig, beating: Client, script: object, code: str, word: str
) -> None:
    await lively.add(FakeEngine(script))  # type: ignore[arg-type]
    body = b""
    while chunk := await beating.read_chunk():
        body += chunk
    error = error_in(body)
    assert error["code"] == code
    assert word in str(error["message"])
    assert await beating.read_to_end() == b""
    assert in_flight(lively) == 0


async def test_a_text_of_ours_is_told_that_it_waits_too(lively: Rig) -> None:
    client = await lively.client()
    await client.send(lively.post(path="/v1/generate"))
    assert (await client.read_head())[0] == 200
    assert await client.read_chunk() == WAITING
    body = b""
    async with SimEngine(FAST) as engine:
        lively.publish([engine])
        while chunk := await client.read_chunk():
            body += chunk
        lively.publish([])
    assert re.match(rb'data: \{"text":"[^"]+","ttft_ms":', body.replace(WAITING, b""))
    assert body.endswith(DONE)


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/generate_nobatch"])
async def test_what_is_answered_with_json_waits(lively: Rig, path: str) -> None:
    fields = {"prompts": ["a", "b"]} if path == "/v1/batch" else {"prompt": "a"}
    body = json.dumps({"model": "m", **fields}).encode()
    asking = asyncio.create_task(lively.ask(lively.head(path=path, length=len(body)) + body))
    await eventually(lambda: held(lively) > 0, "it is held")
    await asyncio.sleep(0.3)
    async with SimEngine(FAST) as engine:
        lively.publish([engine])
        answer = await asking
        lively.publish([])
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")


# Who loses its only worker


def again(rig: Rig) -> float | None:
    """Return how many requests were held for a second worker."""
    return rig.gateway.metrics.registry.get_sample_value("tidegate_gateway_retries_total", {"reason": "held"})


@pytest.mark.parametrize("stream", [True, False], ids=["streaming", "not streaming"])
async def test_fifty_requests_whose_only_worker_dies_are_all_answered_by_the_next(
    lively: Rig, stream: bool
) -> None:
    engine = await lively.add(FakeEngine(hang))
    asking = [ask(lively, stream=stream) for _ in range(50)]
    await eventually(lambda: len(engine.calls) == 50, "all are with it")
    for call in engine.calls:
        call.reset()
    await eventually(lambda: again(lively) == 50, "all have lost it")
    assert held(lively) == 0, "it seems to be there still"
    lively.publish([])
    await eventually(lambda: held(lively) == 50, "all are held")
    if stream:
        await asyncio.sleep(0.3)
    good = FakeEngine()
    await good.start()
    lively.engines.append(good)
    lively.publish([good])
    answers = await asyncio.gather(*asking)
    assert {answer.status for answer in answers} == {200}
    bodies = {answer.body.replace(WAITING, b"") for answer in answers}
    assert bodies == {STREAM if stream else CHAT}
    assert (len(good.calls), in_flight(lively)) == (50, 0)


async def hang(_: Call) -> None:
    await asyncio.sleep(3600)


async def test_a_worker_that_comes_back_after_its_crash_gets_its_requests_again(rig: Rig) -> None:
    engine = await rig.add(FakeEngine(hang))
    asking = ask(rig)
    await eventually(lambda: engine.calls, "it is there")
    engine.calls[0].reset()
    await eventually(lambda: again(rig) == 1, "it has lost it")
    rig.publish([])
    engine.script = complete
    rig.publish([engine])
    assert (await asking).status == 200


async def test_who_has_seen_two_workers_die_is_not_sent_to_a_third(rig: Rig) -> None:
    """It may be what they die of."""
    engines = []
    asking = ask(rig, stream=True)
    for death in (1, 2):
        engine = FakeEngine(die)
        await engine.start()
        rig.engines.append(engine)
        engines.append(engine)
        rig.publish([engine])
        await eventually(lambda engine=engine: engine.calls, "it has it")
        if death == 1:
            await eventually(lambda: again(rig) == 1, "it waits for another")
            rig.publish([])
            await eventually(lambda: held(rig) == 1, "it is held again")
    answer = await asking
    assert (answer.status, answer.error["code"]) == (502, "worker_failed")
    await rig.add(FakeEngine())
    assert [len(engine.calls) for engine in rig.engines] == [1, 1, 0]


async def die(call: Call) -> None:
    call.reset()


async def test_who_has_lost_its_only_worker_and_gets_no_other_in_time_is_told_so(rig: Rig) -> None:
    engine = await rig.add(FakeEngine(hang))
    rig.publish([engine], model=starting(timeout_seconds=0.6))
    asking = ask(rig)
    await eventually(lambda: engine.calls, "it is there")
    engine.calls[0].reset()
    await eventually(lambda: again(rig) == 1, "it has lost it")
    rig.publish([], model=starting(timeout_seconds=0.6))
    answer = await asking
    assert (answer.status, answer.error["code"]) == (503, "model_waking")


async def test_a_client_that_leaves_after_its_worker_died_leaves_nothing(rig: Rig) -> None:
    engine = await rig.add(FakeEngine(hang))
    client = await rig.client()
    await client.send(rig.post())
    await eventually(lambda: engine.calls, "it is there")
    engine.calls[0].reset()
    await eventually(lambda: again(rig) == 1, "it has lost it")
    client.abort()
    await eventually(lambda: in_flight(rig) == 0, "it has left")
    rig.publish([])
    assert held(rig) == 0


async def test_where_requests_are_not_held_a_dead_worker_is_told_at_once(rig: Rig) -> None:
    engine = await rig.add(FakeEngine(die))
    rig.publish([engine], model=starting(holds=False))
    answer = await rig.ask(rig.post())
    assert (answer.status, answer.error["code"]) == (502, "worker_failed")
    assert again(rig) is None


# Who leaves


@pytest.mark.case(13)
async def test_a_client_that_leaves_while_it_is_held_leaves_nothing(lively: Rig, beating: Client) -> None:
    quiet = await lively.client()
    await quiet.send(lively.post())
    await eventually(lambda: held(lively) == 2, "both are held")
    quiet.abort()
    await eventually(lambda: held(lively) == 1, "one has left")
    beating.abort()
    await eventually(lambda: held(lively) == 0, "the other has, too")
    engine = await lively.add(FakeEngine())
    assert (await lively.ask(lively.post())).status == 200
    assert len(engine.calls) == 1


async def test_a_key_that_is_revoked_meanwhile_is_refused(lively: Rig, beating: Client) -> None:
    asking = ask(lively)
    await eventually(lambda: held(lively) == 2, "both are held")
    lively.publish([], callers=[])
    assert (await asking).status == 401
    body = b""
    while chunk := await beating.read_chunk():
        body += chunk
    assert error_in(body)["code"] == "invalid_api_key"
    assert held(lively) == 0


async def test_a_gateway_that_ends_still_answers_those_it_holds(lively: Rig, beating: Client) -> None:
    asking = ask(lively)
    await eventually(lambda: held(lively) == 2, "both are held")
    draining = asyncio.create_task(asyncio.to_thread(lively.thread.call, lively.gateway.drain))
    await asyncio.sleep(0.2)
    await lively.add(FakeEngine())
    assert (await asking).body == CHAT
    body = b""
    while chunk := await beating.read_chunk():
        body += chunk
    assert body.replace(WAITING, b"") == STREAM
    await draining


async def test_a_gateway_that_ends_without_a_worker_says_so() -> None:
    rig = await make_rig(replace(QUICK, heartbeat_seconds=0.1), drain_seconds=0.5)
    stream = await rig.client()
    await stream.send(rig.post(stream=True))
    await stream.read_head()
    asking = ask(rig)
    await eventually(lambda: held(rig) == 2, "both are held")
    await asyncio.to_thread(rig.thread.call, rig.gateway.drain)
    answer = await asking
    assert (answer.status, answer.error["code"], answer.headers["retry-after"]) == (
        503,
        "gateway_stopping",
        "1",
    )
    body = b""
    while chunk := await stream.read_chunk():
        body += chunk
    assert error_in(body)["code"] == "gateway_stopping"
    await close_rig(rig)


async def test_a_stream_that_outlasts_the_drain_is_told_so() -> None:
    """Its connection was once just closed."""

    async def for_ever(call: Call) -> None:
        await call.head()
        await call.chunk(event("Par"))
        await asyncio.sleep(3600)

    rig = await make_rig(drain_seconds=0.3)
    engine = await rig.add(FakeEngine(for_ever))
    client = await rig.client()
    await client.send(rig.post(stream=True))
    await client.read_head()
    assert await client.read_chunk() == event("Par")
    await asyncio.to_thread(rig.thread.call, rig.gateway.drain)
    assert error_in(await client.read_chunk())["code"] == "gateway_stopping"
    assert await client.read_chunk() == b""
    await eventually(lambda: engine.running == 0, "the engine works for nobody")
    await close_rig(rig)


# What is known meanwhile


async def test_an_adapter_of_a_model_that_sleeps_keeps_its_name(rig: Rig) -> None:
    await rig.add(FakeEngine())
    rig.look(lambda gateway: [setattr(e, "adapters", frozenset({"lora-1"})) for e in gateway.endpoints()])
    rig.publish([])
    listed = json.loads((await rig.get("/v1/models")).body)["data"]
    assert [entry["id"] for entry in listed] == ["asleep", "lora-1", "m"]
    asking = ask(rig, model="lora-1")
    await eventually(lambda: held(rig) == 1, "it is held")
    rig.publish(rig.engines)
    assert (await asking).status == 200
    assert (await rig.ask(rig.post(model="lora-1"))).status == 200


async def test_what_is_held_and_what_was_woken_can_be_seen(rig: Rig) -> None:
    def shown() -> list[str]:
        page = rig.look(lambda gateway: generate_latest(gateway.metrics.registry)).decode()
        return [
            line.replace('{namespace="ns",pool="shared",service="m-svc"}', "").removeprefix(
                "tidegate_gateway_"
            )
            for line in page.splitlines()
            if line.startswith(("tidegate_gateway_held", "tidegate_gateway_wakes_total")) and "m-svc" in line
        ]

    assert shown() == ["held_requests 0.0", "wakes_total 0.0"]
    for wakes in (1, 2):
        asking = [ask(rig) for _ in range(3)]
        await eventually(lambda: held(rig) == 3, "all are held")
        assert shown() == ["held_requests 3.0", f"wakes_total {wakes}.0"]
        rig.publish([await rig.add(FakeEngine())])
        await asyncio.gather(*asking)
        assert shown() == ["held_requests 0.0", f"wakes_total {wakes}.0"]
        rig.publish([])
