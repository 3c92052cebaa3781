"""What one tenant has asked is in no other's prefix cache: counted by a real vLLM behind a real gateway, not timed."""

from __future__ import annotations

import json
import random
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from integration.gateway.rig import Model, Rig, close_rig, holder, make_rig
from integration.worker.workers import MODEL, Worker
from tidegate_api.keys import new_key

PROMPTS = 5
SALT = "salt-of-owner"
HITS = "vllm:prefix_cache_hits_total"
KEYS = {name: new_key() for name in ("owner", "guesser")}


@pytest.fixture
async def rig(worker: Worker) -> AsyncIterator[Rig]:
    """A gateway before the worker, with two tenants of one service."""
    made = await make_rig()
    callers = [holder(key, name) for name, key in KEYS.items()]
    made.publish([worker], callers=callers, model=Model(MODEL, "ns", "m-svc", 1.0))
    yield made
    await close_rig(made)


def hits(worker: Worker) -> float:
    """Return how many tokens the engine has taken out of its prefix cache so far."""
    with worker.open("/metrics") as page:
        text = page.read().decode()
    return sum(float(value) for value in re.findall(rf"^{HITS}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE))


def prompt(seed: str) -> str:
    """Return a text that no other seed begins like."""
    rng = random.Random(seed)
    return " ".join(rng.choice(("tide", "gate", "wave", "moor", "reef", "buoy")) for _ in range(120))


async def cost(rig: Rig, worker: Worker, who: str, text: str, **fields: Any) -> float:
    """Ask as a tenant; return the tokens that came out of the cache."""
    before = hits(worker)
    request = rig.post(
        path="/v1/completions", key=KEYS[who], model=MODEL, prompt=text, max_tokens=1, **fields
    )
    answer = await rig.ask(request)
    assert answer.status == 200, answer.body
    assert json.loads(answer.body)["usage"]["prompt_tokens"] > 100
    return hits(worker) - before


@pytest.mark.thorough
@pytest.mark.parametrize(
    "owners", [{}, {"cache_salt": SALT}], ids=["without a salt", "with a salt of its own"]
)
@pytest.mark.parametrize(
    "way",
    [
        pytest.param({}, id="as it is"),
        pytest.param({"cache_salt": SALT}, id="with the owner's salt"),
        pytest.param({"cache_salt": SALT, "priority": 0, "user": "owner"}, id="in the owner's name"),
    ],
)
async def test_who_asks_what_another_tenant_has_asked_finds_nothing_of_it(
    rig: Rig, worker: Worker, owners: dict[str, Any], way: dict[str, Any]
) -> None:
    for number in range(PROMPTS):
        text = prompt(f"{owners} {way} {number}")
        assert await cost(rig, worker, "owner", text, **owners) == 0
        assert await cost(rig, worker, "owner", text, **owners) > 50, "the cache works"
        assert await cost(rig, worker, "guesser", text, **way) == 0
        assert await cost(rig, worker, "guesser", text, **way) > 50, "its own is there"
