"""Who calls, what they may use, and what they are told when that changes while they are served."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable

import pytest

from integration.gateway.engine import Call, FakeEngine, complete, event
from integration.gateway.rig import MODEL, Rig, eventually, holder, in_flight
from tidegate_api.keys import new_key
from tidegate_gateway.directory import Model, TenantLimits

# What an administrator is promised: a change acts within this time.
PROMISED_SECONDS = 2


async def endless(call: Call) -> None:
    """Stream until the client leaves."""
    await call.head()
    while True:
        await call.chunk(event("x"))
        await asyncio.sleep(0.01)


async def hang(call: Call) -> None:
    """Never answer."""
    await asyncio.sleep(60)


@pytest.fixture
async def stream(rig: Rig) -> tuple[FakeEngine, Callable[[], Awaitable[bytes]]]:
    """An open stream, and what reads it to its end."""
    engine = await rig.add(FakeEngine(endless))
    client = await rig.client()
    await client.send(rig.post(stream=True))
    await client.read_head()
    await client.read_chunk()
    return engine, client.read_to_end


# Keys


async def test_revoking_a_key_ends_its_open_stream(
    rig: Rig, stream: tuple[FakeEngine, Callable[[], Awaitable[bytes]]]
) -> None:
    engine, rest = stream
    began = time.monotonic()
    rig.publish([engine], callers=[])
    end = await rest()
    assert time.monotonic() - began < PROMISED_SECONDS
    assert b'"code":"invalid_api_key"' in end
    assert b"[DONE]" not in end
    await eventually(lambda: engine.running == 0, "the engine works for nobody")


async def test_a_key_that_expires_ends_its_open_stream(rig: Rig) -> None:
    engine = await rig.add(FakeEngine(endless))
    rig.publish([engine], callers=[rig.caller(not_after=time.time() + 0.3)])
    client = await rig.client()
    await client.send(rig.post(stream=True))
    assert b'"code":"invalid_api_key"' in await client.read_to_end()


async def test_revoking_a_key_refuses_what_waits_for_a_worker(rig: Rig) -> None:
    engine = await rig.add(FakeEngine(hang))
    first, second = await rig.client(), await rig.client()
    rig.look(lambda gateway: shrink(gateway, 1))
    await first.send(rig.post())
    await eventually(lambda: engine.running == 1, "the first runs")
    await second.send(rig.post())
    await eventually(lambda: queued(rig) == 1, "the second waits")
    rig.publish([engine], callers=[])
    assert [(await client.read()).status for client in (first, second)] == [401, 401]
    await eventually(lambda: queued(rig) == 0 and engine.running == 0, "nothing is left")


async def test_another_key_of_the_tenant_goes_on(rig: Rig) -> None:
    engine = await rig.add(FakeEngine())
    other = new_key()
    rig.publish([engine], callers=[rig.caller(), holder(other, "tenant")])
    rig.publish([engine], callers=[holder(other, "tenant")])
    assert (await rig.ask(rig.post())).status == 401
    assert (await rig.ask(rig.post(key=other))).status == 200


# Services


async def test_a_tenant_that_is_kept_to_some_services_sees_no_others(rig: Rig) -> None:
    engine = await rig.add(FakeEngine())
    rig.publish([engine], callers=[rig.caller(services=frozenset({"asleep"}))])
    answer = await rig.ask(rig.post())
    assert (answer.status, answer.error["code"]) == (404, "model_not_found")
    listed = json.loads((await rig.get("/v1/models")).body)["data"]
    assert [entry["id"] for entry in listed] == ["asleep"]
    assert (await rig.get("/v1/models/m")).status == 404
    assert engine.calls == []


# Without a key


async def test_without_a_key_one_is_refused_unless_that_is_allowed(rig: Rig) -> None:
    engine = await rig.add(FakeEngine())
    assert (await rig.ask(rig.post(key=""))).status == 401
    rig.publish([engine], anonymous=holder("", "public", "low"))
    assert (await rig.ask(rig.post(key=""))).status == 200
    assert json.loads(engine.calls[-1].body)["priority"] == 0
    assert (await rig.ask(rig.post(key="sk-wrong"))).status == 401
    rig.publish([engine])
    assert (await rig.ask(rig.post(key=""))).status == 401


# Limits


@pytest.mark.case(26)
async def test_requests_per_minute_hold_exactly(rig: Rig) -> None:
    engine = await rig.add(FakeEngine())
    rig.publish([engine], callers=[rig.caller(limits=TenantLimits(requests_per_minute=5))])
    answers = [await rig.ask(rig.post()) for _ in range(8)]
    assert [a.status for a in answers] == [200] * 5 + [429] * 3
    assert [a.headers["x-ratelimit-remaining-requests"] for a in answers[:5]] == ["4", "3", "2", "1", "0"]
    refused = answers[-1]
    assert (refused.error["code"], refused.error["type"]) == ("rate_limit_exceeded", "requests")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["x-ratelimit-limit-requests"] == "5"
    assert len(engine.calls) == 5


async def test_lowering_a_limit_acts_at_once_and_counts_what_was_used(rig: Rig) -> None:
    engine = await rig.add(FakeEngine())
    rig.publish([engine], callers=[rig.caller(limits=TenantLimits(requests_per_minute=100))])
    for _ in range(3):
        assert (await rig.ask(rig.post())).status == 200
    rig.publish([engine], callers=[rig.caller(limits=TenantLimits(requests_per_minute=3))])
    assert (await rig.ask(rig.post())).status == 429
    rig.publish([engine], callers=[rig.caller(limits=TenantLimits(requests_per_minute=4))])
    assert (await rig.ask(rig.post())).status == 200


async def test_open_streams_count_under_a_lowered_concurrency(
    rig: Rig, stream: tuple[FakeEngine, Callable[[], Awaitable[bytes]]]
) -> None:
    engine, _ = stream
    rig.publish([engine], callers=[rig.caller(limits=TenantLimits(concurrency=1))])
    answer = await rig.ask(rig.post())
    assert (answer.status, answer.error["code"]) == (429, "rate_limit_exceeded")
    rig.clients[0].abort()
    await eventually(lambda: engine.running == 0, "the stream has ended")
    engine.script = complete
    assert (await rig.ask(rig.post())).status == 200


async def test_tokens_are_settled_by_what_the_engine_counted(rig: Rig) -> None:
    engine = await rig.add(FakeEngine())
    rig.publish([engine], callers=[rig.caller(limits=TenantLimits(tokens_per_minute=1000))])
    # The engine reports 5 tokens of prompt and 1 of answer, whatever was asked for.
    first = await rig.ask(rig.post(max_tokens=900))
    assert int(first.headers["x-ratelimit-remaining-tokens"]) < 100
    second = await rig.ask(rig.post(max_tokens=900))
    assert (second.status, used(rig)) == (200, (2, 10, 2))
    refused = await rig.ask(rig.post(max_tokens=1001))
    assert (refused.status, refused.error["type"]) == (429, "tokens")
    assert "1000" in refused.error["message"]


@pytest.mark.parametrize("leaves", [True, False], ids=["the client leaves", "the worker dies"])
@pytest.mark.case(15)
async def test_a_stream_that_ends_early_is_settled_by_what_was_emitted_once(rig: Rig, leaves: bool) -> None:
    async def five(call: Call) -> None:
        await call.head()
        for _ in range(5):
            await call.chunk(event("x"))
        if leaves:
            await asyncio.sleep(60)
        call.reset()

    engine = await rig.add(FakeEngine(five))
    rig.publish([engine], callers=[rig.caller(limits=TenantLimits(tokens_per_minute=10_000, concurrency=5))])
    client = await rig.client()
    await client.send(rig.post(stream=True, max_tokens=5000))
    await client.read_head()
    read = b""
    while read.count(b"data: ") < 5:
        read += await client.read_chunk()
    if leaves:
        client.abort()
    await eventually(lambda: in_flight(rig) == 0, "the request has ended")
    requests, prompt, completion = used(rig)
    assert (requests, completion) == (1, 5)
    assert 0 < prompt < 50
    account = rig.look(lambda gateway: gateway.ledger.accounts["ns", "tenant"])
    assert (account.concurrency.used, account.reserved, account.tokens.used) == (0, 0, prompt + completion)


@pytest.mark.case(16)
async def test_a_plain_answer_that_nobody_waits_for_costs_no_tokens(rig: Rig) -> None:
    engine = await rig.add(FakeEngine(hang))
    rig.publish([engine], callers=[rig.caller(limits=TenantLimits(tokens_per_minute=10_000))])
    client = await rig.client()
    await client.send(rig.post())
    await eventually(lambda: engine.running == 1, "the engine works")
    client.abort()
    await eventually(lambda: engine.running == 0, "the engine works for nobody")
    await eventually(lambda: used(rig) == (1, 0, 0), "nothing was used")
    assert rig.look(lambda gateway: gateway.ledger.accounts["ns", "tenant"].tokens.used) == 0


async def test_a_budget_that_is_spent_is_told_with_the_moment_it_begins_anew(rig: Rig) -> None:
    engine = await rig.add(FakeEngine())
    limits = TenantLimits(budget_tokens=150, budget_window="Day")
    rig.publish([engine], callers=[rig.caller(limits=limits)])
    answers = [await rig.ask(rig.post(max_tokens=100)) for _ in range(10)]
    refused = [a for a in answers if a.status != 200]
    assert 0 < len(refused) < 10
    assert (refused[0].status, refused[0].error["code"]) == (429, "insufficient_quota")
    assert int(refused[0].headers["retry-after"]) <= 24 * 3600
    assert "day" in refused[0].error["message"]


async def test_the_prompts_of_tenants_are_kept_apart_unless_a_service_shares_them(rig: Rig) -> None:
    engine = await rig.add(FakeEngine())
    keys = {name: new_key() for name in ("one", "two")}
    callers = [holder(key, name) for name, key in keys.items()]
    rig.publish([engine], callers=callers)
    salts = []
    for key in keys.values():
        assert (await rig.ask(rig.post(key=key, cache_salt="mine"))).status == 200
        assert (await rig.ask(rig.post(key=key))).status == 200
        salts += [json.loads(call.body)["cache_salt"] for call in engine.calls[-2:]]
    assert len(set(salts)) == 4
    assert "mine" not in salts
    rig.publish([engine], callers=callers, model=Model("m", "ns", "m-svc", 1.0, shared_prefixes=True))
    for key in keys.values():
        await rig.ask(rig.post(key=key))
        assert "cache_salt" not in json.loads(engine.calls[-1].body)
    assert MODEL.shared_prefixes is False


def used(rig: Rig) -> tuple[int, int, int]:
    """Return requests, prompt tokens and answer tokens of all tenants."""
    totals = rig.look(lambda gateway: list(gateway.ledger.usage()))
    return (
        sum(t.requests for t in totals),
        sum(t.prompt_tokens for t in totals),
        sum(t.completion_tokens for t in totals),
    )


def shrink(gateway, tokens: float) -> None:  # type: ignore[no-untyped-def]
    """Leave each worker room for one request."""
    for served in gateway.services.values():
        for endpoint in served.fleet.by_uid.values():
            endpoint.limit_tokens = tokens


def queued(rig: Rig) -> int:
    """Return how many requests wait."""
    pools = rig.look(lambda gateway: gateway.services["ns", "m-svc"].dispatcher.figures())
    return sum(figures.queued for pool in pools for figures in pool.classes)
