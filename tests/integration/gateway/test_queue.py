"""Who goes first when workers are full: classes, tenants, pools and places, on real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from integration.gateway.engine import Call, FakeEngine, complete
from integration.gateway.rig import (
    MODEL,
    QUICK,
    Answer,
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
from tidegate_gateway.directory import DEFAULT_CLASSES, ClassPolicy, Model

KEYS: dict[QosClass, str] = {"high": new_key(), "medium": new_key(), "low": new_key()}
CALLERS = [holder(key, f"{name}-tenant", name) for name, key in KEYS.items()]


class Gate:
    """An engine's script that answers when it is told to, and in the meantime notes who asked."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.order: list[int] = []

    async def __call__(self, call: Call) -> None:
        """Note the priority, or of an engine that gets none the length of the answer; wait, answer."""
        body = json.loads(call.body)
        self.order.append(body["priority"] if "priority" in body else body["max_tokens"])
        await self.open.wait()
        await complete(call)


def one_at_a_time(rig: Rig) -> None:
    """Leave each worker room for one request."""

    def shrink() -> None:
        for endpoint in rig.gateway.endpoints():
            endpoint.limit_tokens = 1.0

    rig.look(lambda _: shrink())


def waiting(rig: Rig, service: str = "m-svc") -> dict[str, int]:
    """Return how many requests of each class wait."""
    pools = rig.look(lambda gateway: gateway.services["ns", service].dispatcher.figures())
    return {figures.name: figures.queued for pool in pools for figures in pool.classes if figures.queued}


def ask(rig: Rig, qos_class: QosClass, **fields: object) -> "asyncio.Task[Answer]":
    return asyncio.create_task(rig.ask(rig.post(key=KEYS[qos_class], **fields)))


@pytest.fixture
async def gate(rig: Rig) -> Gate:
    """A full worker of a gateway that knows a tenant of each class."""
    gate = Gate()
    engine = await rig.add(FakeEngine(gate))
    rig.publish([engine], callers=CALLERS)
    one_at_a_time(rig)
    return gate


async def test_higher_classes_go_first(rig: Rig, gate: Gate) -> None:
    # The last place of a shared worker is kept for the high class.
    asking = [ask(rig, "low")]
    await eventually(lambda: gate.order == [0], "low runs")
    asking.append(ask(rig, "high"))
    await eventually(lambda: gate.order == [0, -100], "high has the place that is kept for it")
    for count, qos_class in enumerate(("low", "medium", "high"), 1):
        asking.append(ask(rig, qos_class))
        await eventually(lambda count=count: sum(waiting(rig).values()) == count, "it waits")
    assert waiting(rig) == {"low": 1, "medium": 1, "high": 1}
    gate.open.set()
    assert {answer.status for answer in await asyncio.gather(*asking)} == {200}
    assert gate.order == [0, -100, -100, -50, 0]


async def test_an_engine_that_takes_no_priorities_gets_no_more_requests_than_it_runs(rig: Rig) -> None:
    gate = Gate()
    engine = await rig.add(FakeEngine(gate))
    rig.publish([engine], callers=CALLERS, model=replace(MODEL, is_vllm=False, slots=2))
    asking = [ask(rig, "low", max_tokens=1), ask(rig, "low", max_tokens=2)]
    await eventually(lambda: len(gate.order) == 2, "two run")
    for count, (qos_class, tokens) in enumerate((("low", 3), ("medium", 4)), 1):
        asking.append(ask(rig, qos_class, max_tokens=tokens))
        await eventually(lambda count=count: sum(waiting(rig).values()) == count, "it waits")
    gate.open.set()
    assert {answer.status for answer in await asyncio.gather(*asking)} == {200}
    assert gate.order[2:] == [4, 3]


async def test_the_class_is_never_the_clients_to_say(rig: Rig, gate: Gate) -> None:
    gate.open.set()
    fields = {"priority": -1000, "qos_class": "high"}
    request = rig.post(
        "X-Qos-Class: high", "X-Priority: 0", "X-Tidegate-Class: high", key=KEYS["low"], **fields
    )
    assert (await rig.ask(request)).status == 200
    assert gate.order == [0]


@pytest.mark.case(13)
async def test_a_client_that_leaves_the_queue_leaves_nothing_behind(rig: Rig, gate: Gate) -> None:
    first = ask(rig, "high")
    await eventually(lambda: len(gate.order) == 1, "one runs")
    client = await rig.client()
    await client.send(rig.post(key=KEYS["low"]))
    await eventually(lambda: waiting(rig) == {"low": 1}, "one waits")
    client.abort()
    await eventually(lambda: waiting(rig) == {}, "nobody waits")
    gate.open.set()
    assert (await first).status == 200
    await eventually(lambda: in_flight(rig) == 0, "nothing is left")
    assert len(gate.order) == 1


@pytest.mark.case(25)
async def test_a_full_queue_says_when_to_come_back(rig: Rig, gate: Gate) -> None:
    engine = rig.engines[0]
    classes = {**DEFAULT_CLASSES, "low": ClassPolicy("shared", 0.05, 1, 30)}
    rig.publish([engine], callers=CALLERS, model=replace(MODEL, classes=classes))
    one_at_a_time(rig)
    asking = [ask(rig, "low")]
    await eventually(lambda: len(gate.order) == 1, "one runs")
    asking.append(ask(rig, "low"))
    await eventually(lambda: waiting(rig) == {"low": 1}, "one waits")
    refused = await rig.ask(rig.post(key=KEYS["low"]))
    assert (refused.status, refused.error["code"]) == (503, "overloaded")
    assert int(refused.headers["retry-after"]) >= 1
    gate.open.set()
    assert {answer.status for answer in await asyncio.gather(*asking)} == {200}


@pytest.mark.case(25)
async def test_what_waits_too_long_is_told_so(rig: Rig, gate: Gate) -> None:
    classes = {**DEFAULT_CLASSES, "low": ClassPolicy("shared", 0.05, 10, 0.2)}
    rig.publish([rig.engines[0]], callers=CALLERS, model=replace(MODEL, classes=classes))
    one_at_a_time(rig)
    first = ask(rig, "low")
    await eventually(lambda: len(gate.order) == 1, "one runs")
    late = await rig.ask(rig.post(key=KEYS["low"]))
    assert (late.status, late.error["code"]) == (503, "overloaded")
    assert "low" in late.error["message"]
    assert "retry-after" in late.headers
    gate.open.set()
    assert (await first).status == 200


async def test_a_service_that_goes_refuses_who_waits_and_finishes_what_runs(rig: Rig, gate: Gate) -> None:
    first = ask(rig, "low")
    await eventually(lambda: len(gate.order) == 1, "one runs")
    second = ask(rig, "low")
    await eventually(lambda: waiting(rig) == {"low": 1}, "one waits")
    rig.publish([], callers=CALLERS, model=Model("n", "ns", "n-svc", 1.0))
    assert (await second).status == 503
    gate.open.set()
    assert (await first).status == 200
    await eventually(lambda: in_flight(rig) == 0, "nothing is left")


async def test_workers_that_come_take_up_what_waits(rig: Rig, gate: Gate) -> None:
    asking = [ask(rig, "low") for _ in range(4)]
    await eventually(lambda: waiting(rig) == {"low": 3}, "three wait")
    fresh = FakeEngine()
    await fresh.start()
    rig.engines.append(fresh)
    rig.publish(rig.engines, callers=CALLERS)
    await eventually(lambda: len(fresh.calls) == 3, "the new worker has taken them")
    gate.open.set()
    assert {answer.status for answer in await asyncio.gather(*asking)} == {200}


# Pools


@pytest.fixture
async def pools(rig: Rig) -> AsyncIterator[tuple[Gate, Gate]]:
    """A pool of the high class and one that medium and low share, one worker each."""
    own, shared = Gate(), Gate()
    dedicated, common = FakeEngine(own), FakeEngine(shared)
    for engine in (dedicated, common):
        await engine.start()
        rig.engines.append(engine)
    classes = {**DEFAULT_CLASSES, "high": ClassPolicy("high", 0.7, 100, 30)}
    rig.publish(
        rig.engines, callers=CALLERS, model=replace(MODEL, classes=classes), pools={dedicated.port: "high"}
    )
    one_at_a_time(rig)
    yield own, shared
    own.open.set()
    shared.open.set()


async def test_a_class_with_a_pool_of_its_own_is_served_there(rig: Rig, pools: tuple[Gate, Gate]) -> None:
    own, shared = pools
    own.open.set()
    shared.open.set()
    for qos_class in ("high", "low", "high", "medium"):
        assert (await ask(rig, qos_class)).status == 200
    assert (own.order, shared.order) == ([-100, -100], [0, -50])


async def test_the_high_class_may_use_the_others_pool(rig: Rig, pools: tuple[Gate, Gate]) -> None:
    own, shared = pools
    asking = [ask(rig, "high"), ask(rig, "high")]
    await eventually(lambda: (own.order, shared.order) == ([-100], [-100]), "the second spilled over")
    own.open.set()
    shared.open.set()
    assert {answer.status for answer in await asyncio.gather(*asking)} == {200}


@pytest.mark.case(24)
async def test_a_borrowed_place_is_given_back_before_its_first_byte_and_the_client_sees_nothing(
    rig: Rig, pools: tuple[Gate, Gate]
) -> None:
    own, shared = pools
    asking = [ask(rig, "low")]
    await eventually(lambda: shared.order == [0], "low runs at home")
    asking.append(ask(rig, "low", stream=True))
    await eventually(lambda: own.order == [0], "low borrows the idle place of high")
    high = ask(rig, "high")
    await eventually(lambda: own.order == [0, -100], "high has its place back")
    await eventually(lambda: waiting(rig) == {"low": 1}, "low waits again")
    own.open.set()
    shared.open.set()
    answers = await asyncio.gather(high, *asking)
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert answers[2].body.count(b"[DONE]") == 1
    await eventually(lambda: in_flight(rig) == 0, "nothing is left")


async def test_a_borrowed_place_is_not_taken_back_in_the_middle_of_a_plain_answer(
    rig: Rig, pools: tuple[Gate, Gate]
) -> None:
    own, shared = pools
    half = asyncio.Event()

    async def in_two_parts(call: Call) -> None:
        own.order.append(json.loads(call.body)["priority"])
        await call.send(b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: 4\r\n\r\n{}")
        await half.wait()
        await call.send(b"  ")

    rig.engines[0].script = in_two_parts
    first = ask(rig, "low")
    await eventually(lambda: shared.order == [0], "low runs at home")
    client = await rig.client()
    await client.send(rig.post(key=KEYS["low"]))
    assert (await client.read_head())[0] == 200
    high = ask(rig, "high")
    await asyncio.sleep(0.2)
    half.set()
    assert await client.reader.readexactly(4) == b"{}  "
    shared.open.set()
    assert {(await first).status, (await high).status} == {200}
    assert own.order[:1] == [0]


# Under load, on simulated engines


@pytest.fixture
async def loaded() -> AsyncIterator[tuple[Rig, SimEngine]]:
    """A gateway before one simulated engine that runs 8 sequences at a time."""
    rig = await make_rig(replace(QUICK))
    profile = Profile(max_num_seqs=8, num_gpu_blocks=1024, answer_tokens=16).faster(4)
    async with SimEngine(profile) as engine:
        yield rig, engine
        await close_rig(rig)


@pytest.mark.case(22)
async def test_low_is_served_while_high_floods(loaded: tuple[Rig, SimEngine]) -> None:
    rig, engine = loaded
    rig.publish([engine], callers=CALLERS)
    rig.look(lambda gateway: [setattr(e, "limit_tokens", 800.0) for e in gateway.endpoints()])
    flood = [ask(rig, "high", max_tokens=16) for _ in range(90)]
    low = [ask(rig, "low", max_tokens=16) for _ in range(4)]
    done, _ = await asyncio.wait([*flood, *low], return_when=asyncio.ALL_COMPLETED, timeout=30)
    assert {task.result().status for task in done} == {200}
    order = [json.loads(received.body)["priority"] for received in engine.received]
    assert 0 in order[:-4], "low was served before all of high had been"


@pytest.mark.case(23)
async def test_one_flooding_tenant_does_not_keep_out_another(loaded: tuple[Rig, SimEngine]) -> None:
    rig, engine = loaded
    flooding, modest = new_key(), new_key()
    rig.publish([engine], callers=[holder(flooding, "flooding"), holder(modest, "modest")])
    rig.look(lambda gateway: [setattr(e, "limit_tokens", 600.0) for e in gateway.endpoints()])
    flood = [asyncio.create_task(rig.ask(rig.post(key=flooding, max_tokens=100))) for _ in range(60)]
    await eventually(lambda: sum(waiting(rig).values()) > 40, "many wait")
    modest_answer = await rig.ask(rig.post(key=modest, max_tokens=100))
    unfinished = sum(not task.done() for task in flood)
    assert modest_answer.status == 200
    assert unfinished > 25, "it did not wait for the whole flood"
    assert {answer.status for answer in await asyncio.gather(*flood)} == {200}


@pytest.mark.case(40)
async def test_without_any_report_requests_still_go_out(loaded: tuple[Rig, SimEngine]) -> None:
    rig, engine = loaded
    rig.publish([engine], callers=CALLERS)
    answers = await asyncio.gather(*(ask(rig, "medium", max_tokens=4) for _ in range(50)))
    assert {answer.status for answer in answers} == {200}
