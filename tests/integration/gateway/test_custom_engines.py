"""An engine that speaks OpenAI's API and nothing of vLLM's, behind the gateway."""

import json
from dataclasses import replace
from typing import Any

import pytest

from integration.gateway.engine import CHAT, DONE, WORDS, Call, FakeEngine, event
from integration.gateway.rig import MODEL, Rig
from tidegate_gateway.gateway import Gateway

# As a strict server checks its bodies.
KNOWN = {"model", "messages", "stream", "stream_options", "max_tokens", "temperature"}
LAST = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
EVENTS = (*map(event, WORDS), LAST)
REPORT = (
    b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":6,"total_tokens":11}}\n\n'
)


async def strict(call: Call) -> None:
    """Answer what OpenAI's API has, and refuse a body with anything else in it."""
    body = json.loads(call.body)
    if not body.keys() <= KNOWN:
        await call.answer(400, json.dumps({"error": {"message": f"unknown: {body.keys() - KNOWN}"}}).encode())
    elif body.get("stream"):
        await call.head()
        asked = [REPORT] if body.get("stream_options") else []
        for part in (*EVENTS, *asked, DONE):
            await call.chunk(part)
        await call.end()
    else:
        await call.answer(200, CHAT)


@pytest.fixture
async def engine(rig: Rig) -> FakeEngine:
    """A service of such an engine."""
    found = await rig.add(FakeEngine(strict))
    rig.publish([found], model=replace(MODEL, is_vllm=False))
    return found


@pytest.mark.parametrize(
    "fields",
    [{}, {"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}, {"max_tokens": 3}],
    ids=["an answer", "a stream", "a stream with its report", "a limit"],
)
async def test_its_bodies_are_the_clients_byte_for_byte(
    rig: Rig, engine: FakeEngine, fields: dict[str, Any]
) -> None:
    request = rig.post(**fields)
    answer = await rig.ask(request)
    assert answer.status == 200
    assert engine.calls[0].body == request.partition(b"\r\n\r\n")[2]
    asked = [REPORT] if "stream_options" in fields else []
    assert answer.body == (b"".join((*EVENTS, *asked, DONE)) if fields.get("stream") else CHAT)


async def test_what_a_client_may_not_set_does_not_reach_it(rig: Rig, engine: FakeEngine) -> None:
    assert (await rig.ask(rig.post(priority=-1000, cache_salt="x"))).status == 200
    assert json.loads(engine.calls[0].body).keys() == {"model", "messages"}


@pytest.mark.parametrize("stream", [True, False])
async def test_its_tokens_are_counted_as_it_reports_them_or_by_events(
    rig: Rig, engine: FakeEngine, stream: bool
) -> None:
    await rig.ask(rig.post(stream=stream))

    def completed(gateway: Gateway) -> int:
        return sum(totals.completion_tokens for totals in gateway.ledger.usage())

    # Six words, and two events that end them.
    assert rig.look(completed) == (8 if stream else 1)


async def test_texts_and_batches_work_with_it(rig: Rig, engine: FakeEngine) -> None:
    message = {"messages": [{"role": "user", "content": "?"}]}
    answer = await rig.ask(rig.post(path="/v1/generate", **message))
    assert answer.body.endswith(b"data: [DONE]\n\n")
    body = json.dumps({"model": "m", "requests": [message, message]}).encode()
    answer = await rig.ask(rig.head(path="/v1/batch", length=len(body)) + body)
    assert [result["text"] for result in json.loads(answer.body)["results"]] == ["Paris", "Paris"]


async def test_vllm_is_sent_what_only_it_knows(rig: Rig) -> None:
    vllm = await rig.add(FakeEngine(strict))
    answer = await rig.ask(rig.post())
    assert answer.status == 400
    assert json.loads(vllm.calls[0].body).keys() == {"model", "messages", "priority", "cache_salt"}
