"""What an answer cost is always known, and a client sees only what it asked for."""

import asyncio
import json
from typing import Any

import pytest

from integration.gateway.engine import DONE, WORDS, Call, FakeEngine, event
from integration.gateway.rig import Rig, eventually, holder, in_flight
from tidegate_api.keys import new_key
from tidegate_bench.sim.profile import Profile
from tidegate_bench.sim.server import SimEngine

REPORT = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],'
    b'"usage":{"prompt_tokens":7,"completion_tokens":6,"total_tokens":13}}\n\n'
)


async def stream_with_report(call: Call) -> None:
    """Stream as vLLM does, with the report of usage where it is asked for."""
    asked = json.loads(call.body)
    assert asked["stream_options"]["include_usage"] is True
    await call.head()
    for word in WORDS:
        await call.chunk(event(word))
    await call.chunk(REPORT)
    await call.chunk(DONE)
    await call.end()


@pytest.mark.case(6)
@pytest.mark.parametrize(
    ("options", "sees"),
    [
        ({}, False),
        ({"stream_options": None}, False),
        ({"stream_options": {"include_usage": False}}, False),
        ({"stream_options": {"include_usage": True}}, True),
    ],
    ids=["not asked for", "null", "declined", "asked for"],
)
async def test_usage_is_always_asked_of_the_engine_and_told_to_who_asked(
    rig: Rig, options: dict[str, Any], sees: bool
) -> None:
    await rig.add(FakeEngine(stream_with_report))
    answer = await rig.ask(rig.post(stream=True, **options))
    expected = b"".join(map(event, WORDS)) + (REPORT if sees else b"") + DONE
    assert answer.body == expected
    totals = rig.look(lambda gateway: next(iter(gateway.ledger.usage())))
    assert (totals.prompt_tokens, totals.completion_tokens) == (7, 6)


PATHS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {},
    "/v1/completions": {"prompt": "?", "messages": None},
    "/v1/embeddings": {"input": "?", "messages": None},
    "/tokenize": {"prompt": "?", "messages": None},
    "/detokenize": {"tokens": [1], "messages": None},
}


@pytest.mark.case(27)
@pytest.mark.parametrize("path", PATHS)
async def test_whatever_is_asked_counts_as_load(rig: Rig, path: str) -> None:
    async def hang(call: Call) -> None:
        await asyncio.sleep(60)

    engine = await rig.add(FakeEngine(hang))
    body = {"model": "m", "messages": [{"role": "user", "content": "?"}]} | PATHS[path]
    content = json.dumps({name: value for name, value in body.items() if value is not None}).encode()
    client = await rig.client()
    await client.send(rig.head(path=path, length=len(content)) + content)
    await eventually(lambda: engine.running == 1, "the engine works")
    loads = rig.look(lambda gateway: [(e.requests, e.tokens > 0) for e in gateway.endpoints()])
    assert loads == [(1, True)]
    client.abort()
    await eventually(lambda: in_flight(rig) == 0, "nothing is left")


@pytest.mark.case(38)
async def test_nothing_is_left_of_clients_that_came_and_went(rig: Rig) -> None:
    """A stand-in for a day of churn: requests, streams, clients that leave, tenants and prompts that never return."""

    async def churn(rounds: int) -> None:
        for number in range(rounds):
            key = new_key()
            rig.publish([engine], callers=[holder(key, f"tenant-{number % 7}")])
            stays, leaves = await rig.client(), await rig.client()
            await stays.send(rig.post(key=key, stream=number % 2 == 0, user=f"{number}"))
            await leaves.send(rig.post(key=key, stream=True, max_tokens=5000))
            assert (await stays.read()).status == 200
            leaves.abort()
            stays.abort()
            rig.clients.clear()
        await eventually(lambda: in_flight(rig) == 0, "nothing runs")
        await eventually(
            lambda: not rig.look(lambda gateway: len(gateway.connections)), "nobody is connected"
        )

    def objects() -> int:
        import gc

        gc.collect()
        return len(gc.get_objects())

    async with SimEngine(Profile(answer_tokens=4).faster(20)) as engine:
        await churn(60)
        before = rig.look(lambda _: objects())
        await churn(240)
        after = rig.look(lambda _: objects())
        rig.publish([])
    assert after - before < 400, f"{after - before} objects are left of 480 requests"
