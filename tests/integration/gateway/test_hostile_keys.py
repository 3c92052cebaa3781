"""Guessing keys on real sockets: told to wait, served all the same once the key is right, nothing told meanwhile."""

import json
from typing import Any

from integration.gateway.engine import FakeEngine
from integration.gateway.rig import Answer, Rig
from tidegate_api.keys import new_key
from tidegate_gateway.guesses import MOST_WRONG

GUESSES = 60


async def guess(rig: Rig, count: int) -> list[Answer]:
    return [await rig.ask(rig.post(key=new_key())) for _ in range(count)]


def told(answer: Answer) -> dict[str, Any]:
    """Return what a refusal says, without the id that each has of its own."""
    return {key: value for key, value in answer.error.items() if key != "request_id"}


async def test_who_guesses_is_told_to_wait_and_a_right_key_from_the_same_address_is_served(
    rig: Rig, engine: FakeEngine
) -> None:
    answers = await guess(rig, GUESSES)
    assert [a.status for a in answers] == [401] * MOST_WRONG + [429] * (GUESSES - MOST_WRONG)
    refused = answers[-1]
    assert told(refused)["code"] == "too_many_wrong_keys"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["connection"] == "close", "each further guess costs a connection"
    assert (await rig.ask(rig.post())).status == 200
    assert (await rig.ask(rig.post(key=""))).status == 401, "who sends no key guesses none"
    assert len(engine.calls) == 1
    names = {family.name: family for family in rig.look(lambda g: list(g.metrics.registry.collect()))}
    assert names["tidegate_gateway_key_guessers"].samples[0].value == 1


async def test_guesses_on_one_connection_count_too(rig: Rig) -> None:
    client = await rig.client()
    for _ in range(MOST_WRONG):
        await client.send(rig.post(key=new_key()))
        assert (await client.read()).status == 401
    await client.send(rig.post(key=new_key()) + rig.post())
    assert (await client.read()).status == 429
    assert await client.read_to_end() == b""


async def test_every_wrong_key_is_told_the_same(rig: Rig, engine: FakeEngine) -> None:
    revoked = rig.key
    rig.publish([engine], callers=[])
    wrong = [revoked, new_key(), "sk-", "x", revoked[:-1], "sk-" + "a" * 300, "Bearer " + revoked]
    answers = [await rig.ask(rig.post(key=key)) for key in wrong]
    assert {a.status for a in answers} == {401}
    assert len({json.dumps(told(a)) for a in answers}) == 1
    assert len({tuple(sorted(a.headers.keys() - {"x-request-id"})) for a in answers}) == 1
    lengths = {len(a.body) - len(a.error["request_id"]) for a in answers}
    assert len(lengths) == 1
    assert engine.calls == []
