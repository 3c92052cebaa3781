"""Whatever is written into an LLMService, even past the definition's rules, the operator says what of it it cannot do.

Every field of the schema by every deed, as `chaos.leaves` has them. Only types, bounds and enums are taken for granted:
rules over several fields are left out here, so that what one of them forgets is the operator's to say.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from chaos.leaves import SCHEMA, Operation, chains, operations
from chaos.meanings import GROUNDS
from tidegate_api.settings import Settings
from tidegate_operator.cache import Cache
from tidegate_operator.errors import Waiting
from tidegate_operator.kinds import CLAIM, LLM_SERVICE
from tidegate_operator.metrics import Metrics
from tidegate_operator.reconcile import Reconciler
from tidegate_operator.resync import read_all
from unit.operator.fakes import KEY, FakeCluster, child, service

SETTINGS = Settings()
CLAIMED = child(CLAIM, "models", owner=None, status={"phase": "Bound"})
LOOKS = 2


def looked_at(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the status that a service of this spec comes to; raises whatever a reconcile raises unexpectedly."""
    cluster = FakeCluster()
    cluster.seed({**service(), "spec": spec})
    cluster.seed(CLAIMED)
    asyncio.run(_look(cluster))
    found = cluster.objects[LLM_SERVICE, KEY.namespace, KEY.name]
    status: dict[str, Any] = found.get("status") or {}
    return status


async def _look(cluster: FakeCluster) -> None:
    for _ in range(LOOKS):
        cache = Cache()
        cache.gateway_ready = 1
        await read_all(cluster, cache, [None])
        try:
            await Reconciler(cluster, cache, SETTINGS, Metrics(), "operator-0").reconcile(KEY)
        except Waiting:
            continue


def dialect(schema: Any) -> Any:
    """Return a structural schema in the words of JSON Schema: what may be null, and numbers that may be words."""
    if isinstance(schema, list):
        return [dialect(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    said = {key: dialect(value) for key, value in schema.items() if key not in ("default", "nullable")}
    if schema.get("x-kubernetes-int-or-string"):
        said["type"] = ["integer", "string"]
    if schema.get("nullable") and isinstance(schema.get("type"), str):
        said["type"] = [schema["type"], "null"]
    return said


LAX = Draft202012Validator(dialect(SCHEMA))


def judge(status: dict[str, Any]) -> None:
    told = {one["type"]: one for one in status["conditions"]}
    assert status["observedGeneration"] == 1
    assert told["ConfigValid"]["status"] in ("True", "False")
    assert told["ConfigValid"]["reason"]
    assert told["ConfigValid"]["message"]


def fields() -> list[str]:
    return list(dict.fromkeys(one.field for one in operations()))


@pytest.mark.parametrize("ground", GROUNDS)
def test_deeds_are_done_to_specs_that_are_valid(ground: str) -> None:
    """What is wrong elsewhere would be said first, and nothing else of the spec be looked at."""
    told = {one["type"]: one for one in looked_at(GROUNDS[ground])["conditions"]}
    assert told["ConfigValid"]["status"] == "True", told["ConfigValid"]["message"]


@pytest.mark.parametrize("field", fields())
def test_every_deed_to_a_field_ends_in_conditions_and_in_no_exception(field: str) -> None:
    for operation in operations():
        if operation.field == field and LAX.is_valid(operation.spec):
            _try(operation)


def _try(operation: Operation) -> None:
    try:
        judge(looked_at(operation.spec))
    except Exception as error:
        error.add_note(f"by {operation}")
        raise


@pytest.mark.parametrize("seed", range(4))
def test_so_does_any_chain_of_five_deeds(seed: int) -> None:
    for ground, chain in chains(25, 5, seed):
        spec = chain[0].on(GROUNDS[ground])
        for operation in chain[1:]:
            spec = operation.on(spec)
        if not LAX.is_valid(spec):
            continue
        try:
            judge(looked_at(spec))
        except Exception as error:
            error.add_note(f"from {ground} by {', '.join(map(str, chain))}")
            raise
