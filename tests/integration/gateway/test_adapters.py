"""LoRA adapters that are loaded and unloaded while workers run: who is asked for one, and what no client reaches."""

import asyncio
import json
from dataclasses import replace

import pytest

from integration.gateway.engine import Call, FakeEngine
from integration.gateway.rig import MODEL, Rig, eventually
from tidegate_gateway.directory import Canary
from tidegate_gateway.gateway import Gateway


def load(rig: Rig, engine: FakeEngine, *adapters: str) -> None:
    """Let the gateway know which adapters a worker serves."""

    def write(gateway: Gateway) -> None:
        for endpoint in gateway.endpoints():
            if endpoint.worker.port == engine.port:
                endpoint.adapters = frozenset(adapters)

    rig.look(write)


@pytest.mark.parametrize("path", ["/v1/load_lora_adapter", "/v1/unload_lora_adapter"])
@pytest.mark.parametrize("suffix", ["", "/", "?x=1"])
async def test_nobody_loads_or_unloads_an_adapter_through_the_gateway(
    rig: Rig, path: str, suffix: str
) -> None:
    engine = await rig.add(FakeEngine())
    answer = await rig.ask(rig.post(path=path + suffix, lora_name="x", lora_path="/etc"))
    assert answer.status == 404
    assert engine.calls == []


async def test_an_adapter_is_asked_of_the_workers_that_have_it(rig: Rig) -> None:
    engines = [await rig.add(FakeEngine()) for _ in range(3)]
    load(rig, engines[1], "sql")
    load(rig, engines[2], "sql", "chat")
    for _ in range(20):
        for name in ("sql", "chat"):
            assert (await rig.ask(rig.post(model=name))).status == 200
    asked = [{json.loads(call.body)["model"] for call in engine.calls} for engine in engines]
    assert asked[0] == set()
    assert asked[1] <= {"sql"}
    assert "chat" in asked[2]
    listed = json.loads((await rig.get("/v1/models")).body)["data"]
    assert [entry["id"] for entry in listed if entry.get("parent") == "m"] == ["chat", "sql"]


async def test_an_adapter_that_is_declared_and_on_no_worker_yet_is_to_be_asked_for_again(rig: Rig) -> None:
    engine = await rig.add(FakeEngine())
    rig.publish([engine], model=replace(MODEL, has_adapters=True, adapters=frozenset({"sql"})))
    answer = await rig.ask(rig.post(model="sql"))
    assert (answer.status, answer.error["code"], answer.headers["retry-after"]) == (
        503,
        "adapter_loading",
        "5",
    )
    assert engine.calls == []
    assert (await rig.ask(rig.post(model="other"))).status == 404
    load(rig, engine, "sql")
    assert (await rig.ask(rig.post(model="sql"))).status == 200


async def lost(call: Call) -> None:
    await call.answer(404, b'{"error": {"message": "The model `sql` does not exist."}}')


@pytest.mark.parametrize("declared", [True, False], ids=["it is declared", "it is not any more"])
async def test_an_adapter_that_a_worker_has_lost_is_to_be_asked_for_again_only_while_it_is_declared(
    rig: Rig, declared: bool
) -> None:
    engine = await rig.add(FakeEngine(lost))
    names = frozenset({"sql"}) if declared else frozenset[str]()
    rig.publish([engine], model=replace(MODEL, has_adapters=True, adapters=names))
    load(rig, engine, "sql")
    answer = await rig.ask(rig.post(model="sql"))
    assert answer.status == (503 if declared else 404)
    assert (answer.headers.get("retry-after") == "5") is declared
    again = await rig.ask(rig.post(model="sql"))
    assert (again.status, len(engine.calls)) == ((503, 1) if declared else (404, 0))
    listed = json.loads((await rig.get("/v1/models")).body)["data"]
    assert ("sql" in [entry["id"] for entry in listed]) is declared


async def test_a_request_for_an_adapter_of_a_model_that_sleeps_waits_for_a_worker_of_it(rig: Rig) -> None:
    engine = await rig.add(FakeEngine())
    model = replace(MODEL, has_adapters=True, adapters=frozenset({"sql"}))
    rig.publish([], model=model)
    asking = asyncio.ensure_future(rig.ask(rig.post(model="sql")))
    await eventually(lambda: rig.look(lambda gateway: sum(gateway.held().values())) == 1, "it is held")
    rig.publish([engine], model=model)
    answer = await asking
    assert (answer.status, answer.error["code"]) == (503, "adapter_loading")
    listed = json.loads((await rig.get("/v1/models")).body)["data"]
    assert "sql" in [entry["id"] for entry in listed]


@pytest.mark.parametrize("has_it", [True, False], ids=["the canary has it", "the canary has it not"])
async def test_an_adapter_is_asked_of_the_canary_only_where_it_is_there(rig: Rig, has_it: bool) -> None:
    stable, canary = await rig.add(FakeEngine()), await rig.add(FakeEngine())
    rig.publish([stable, canary], model=replace(MODEL, canary=Canary("r2", 100)), tried=[canary])
    load(rig, stable, "sql")
    if has_it:
        load(rig, canary, "sql")
    assert (await rig.ask(rig.post(model="sql"))).status == 200
    assert [len(stable.calls), len(canary.calls)] == ([0, 1] if has_it else [1, 0])


async def test_an_adapter_that_only_the_new_version_has_is_asked_there_whatever_its_share(rig: Rig) -> None:
    stable, canary = await rig.add(FakeEngine()), await rig.add(FakeEngine())
    rig.publish([stable, canary], model=replace(MODEL, canary=Canary("r2", 1)), tried=[canary])
    load(rig, canary, "sql")
    for number in range(10):
        messages = [{"role": "user", "content": f"question {number}"}]
        assert (await rig.ask(rig.post(model="sql", messages=messages))).status == 200
    assert len(canary.calls) == 10


async def test_workers_of_a_service_with_adapters_are_known_as_such(rig: Rig) -> None:
    engine = await rig.add(FakeEngine())
    for expected in (True, False):
        rig.publish([engine], model=replace(MODEL, has_adapters=expected))
        assert rig.look(lambda gateway: [e.has_adapters for e in gateway.endpoints()]) == [expected]
