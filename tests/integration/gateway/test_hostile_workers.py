"""What a worker that was taken over may send: no client is told of it, and the gateway's memory stays bounded."""

import asyncio
import json

import pytest

from integration.gateway.engine import Call, FakeEngine
from integration.gateway.rig import Rig, in_flight
from tidegate_gateway.sse import MOST_HELD
from tidegate_gateway.upstream import HEAD_BYTES

MILLION = 1_000_000
TELLING = (
    b'{"error":{"message":"cannot identify <_io.BytesIO object at 0x7f3a9c1d2e80> in '
    b'/opt/venv/lib/python3.11/site-packages/vllm/x.py of 10.42.3.17:8000","type":"BadRequestError","code":400}}'
)
SECRETS = (b"0x7f3a", b"/opt", b"site-packages", b"10.42")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 429, 500, 501, 503, 599])
@pytest.mark.parametrize(
    "cut", [None, 80, 110, 150], ids=lambda cut: "whole" if cut is None else f"cut at {cut}"
)
async def test_a_refusal_tells_nothing_of_the_worker(rig: Rig, status: int, cut: int | None) -> None:
    async def refuse(call: Call) -> None:
        if cut is None:
            await call.answer(status, TELLING)
            return
        await call.head(status, media_type="application/json")
        for part in (TELLING[:cut], TELLING[cut:]):
            await call.chunk(part)
            await asyncio.sleep(0.01)
        await call.end()

    await rig.add(FakeEngine(refuse))
    answer = await rig.ask(rig.post())
    assert answer.status == status
    assert [secret for secret in SECRETS if secret in answer.body] == []
    if status < 500:
        assert (len(answer.body), answer.error["type"]) == (len(TELLING), "BadRequestError")


async def test_a_refusal_without_end_is_passed_on_in_pieces(rig: Rig) -> None:
    async def endless(call: Call) -> None:
        await call.head(400, media_type="application/json")
        for _ in range(40):
            await call.chunk(b"x" * 10_000)
        await call.end()

    await rig.add(FakeEngine(endless))
    answer = await rig.ask(rig.post())
    assert (answer.status, answer.body) == (400, b"x" * 400_000)


async def test_a_refusal_in_a_batch_tells_nothing_either(rig: Rig) -> None:
    async def refuse(call: Call) -> None:
        await call.answer(400, TELLING)

    await rig.add(FakeEngine(refuse))
    body = b'{"model":"m","prompts":["a","b"]}'
    answer = await rig.ask(rig.head(path="/v1/batch", length=len(body)) + body)
    assert answer.status == 400
    assert [secret for secret in SECRETS if secret in answer.body] == []


async def test_a_million_chunks_of_a_byte_arrive(rig: Rig) -> None:
    async def crumbs(call: Call) -> None:
        await call.head(media_type="application/json")
        for _ in range(10):
            await call.send(b"1\r\nx\r\n" * (MILLION // 10))
        await call.end()

    await rig.add(FakeEngine(crumbs))
    answer = await rig.ask(rig.post())
    assert (answer.status, len(answer.body)) == (200, MILLION)


ENDLESS = {
    "one header": b"x" * 10_000,
    "many headers": b"x-a: b\r\n" * 1000,
    "interim answers": b"HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n" * 200,
}


async def test_a_head_without_end_is_a_failure_of_the_worker(rig: Rig) -> None:
    async def endless(call: Call) -> None:
        what = json.loads(call.body)["prompt"]
        if what != "interim answers":
            await call.send(b"HTTP/1.1 200 OK\r\nx: ")
        for _ in range(4 * HEAD_BYTES // len(ENDLESS[what])):
            await call.send(ENDLESS[what])

    await rig.add(FakeEngine(endless))
    asked = [rig.post(path="/v1/completions", prompt=what) for what in ENDLESS]
    answers = await asyncio.gather(*map(rig.ask, asked))
    assert [(answer.status, answer.error["code"]) for answer in answers] == [(502, "worker_failed")] * 3
    assert in_flight(rig) == 0


async def test_an_event_without_end_is_a_failure_of_the_worker(rig: Rig) -> None:
    async def endless(call: Call) -> None:
        await call.head()
        for _ in range(MOST_HELD // 100_000 + 5):
            await call.chunk(b"data: " + b"x" * 100_000)
        await call.end()

    await rig.add(FakeEngine(endless))
    body = json.dumps({"model": "m", "prompt": "?"}).encode()
    answer = await rig.ask(rig.head(path="/v1/generate", length=len(body)) + body)
    assert answer.status == 502 or b"worker_failed" in answer.body
    assert len(answer.body) < 10_000
