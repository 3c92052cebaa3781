"""Workers that are to go: no new request, no answer broken, and used again if that is taken back."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator

import aiohttp
import pytest

from integration.gateway.engine import CHAT, DONE, Call, FakeEngine, complete, event
from integration.gateway.rig import QUICK, Rig, close_rig, eventually, in_flight, make_rig
from tidegate_bench.sim.profile import Profile
from tidegate_bench.sim.server import SimEngine
from tidegate_gateway.admin import start_admin

WORKERS = 5
AT_ONCE = 40


class Halves:
    """An engine's script that sends the second half of a stream when it is told to."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def __call__(self, call: Call) -> None:
        await call.head()
        await call.chunk(event("Par"))
        await self.go_on.wait()
        await call.chunk(DONE)
        await call.end()


def held(rig: Rig) -> int:
    return sum(rig.look(lambda gateway: gateway.held()).values())


async def test_what_runs_finishes_and_what_comes_goes_elsewhere_until_it_is_taken_back(rig: Rig) -> None:
    halves = Halves()
    first = await rig.add(FakeEngine(halves))
    client = await rig.client()
    await client.send(rig.post(stream=True))
    await client.read_head()
    second = await rig.add(FakeEngine())
    rig.publish([first, second], draining=[first])
    assert [(await rig.ask(rig.post())).status for _ in range(6)] == [200] * 6
    assert (len(first.calls), len(second.calls)) == (1, 6)
    halves.go_on.set()
    assert await client.read_chunk() == event("Par")
    assert await client.read_chunk() == DONE
    first.script = complete
    rig.publish([first, second], draining=[second])
    assert (await rig.ask(rig.post())).status == 200
    assert (len(first.calls), len(second.calls)) == (2, 6)


async def test_one_that_drains_is_not_asked_when_another_fails(rig: Rig) -> None:
    async def die(call: Call) -> None:
        call.reset()

    good, bad = await rig.add(FakeEngine()), await rig.add(FakeEngine(die))
    rig.publish([good, bad], draining=[good])
    assert (await rig.ask(rig.post())).status == 502
    assert good.calls == []


@pytest.mark.case(20)
@pytest.mark.parametrize("status", [500, 503])
async def test_one_that_refuses_as_it_drains_is_replaced(rig: Rig, status: int) -> None:
    good = FakeEngine()

    async def stop(call: Call) -> None:
        rig.publish([bad, good], draining=[bad])
        await call.answer(status, b"")

    bad = await rig.add(FakeEngine(stop))
    await good.start()
    rig.engines.append(good)
    assert (await rig.ask(rig.post())).body == CHAT


async def test_while_all_drain_requests_are_held_until_one_is_taken_back(rig: Rig) -> None:
    engine = await rig.add(FakeEngine())
    rig.publish([engine], draining=[engine])
    asking = asyncio.create_task(rig.ask(rig.post()))
    await eventually(lambda: held(rig) == 1, "it is held")
    assert rig.look(lambda gateway: list(gateway.demand.marks)) == [("ns", "m-svc", "shared")]
    rig.publish([engine])
    assert (await asking).status == 200
    assert rig.look(lambda gateway: list(gateway.demand.marks)) == []


async def test_the_operator_can_see_what_each_worker_still_has(rig: Rig) -> None:
    halves = Halves()
    leaving = await rig.add(FakeEngine(halves))
    client = await rig.client()
    await client.send(rig.post(stream=True, max_tokens=7))
    await client.read_head()
    staying = await rig.add(FakeEngine())

    async def state() -> dict[str, object]:
        runner = await start_admin(rig.gateway, 0, host="127.0.0.1")
        try:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}/state"
            async with aiohttp.ClientSession() as session, session.get(url) as got:
                told: dict[str, object] = await got.json()
                return told
        finally:
            await runner.cleanup()

    def in_flight_by_pod(told: dict[str, object]) -> dict[str, int]:
        return {one["pod"]: one["inFlight"] for one in told["workers"]}  # type: ignore[attr-defined]

    for ready in ([leaving, staying], [staying]):
        rig.publish(ready, draining=[leaving])
        told = await asyncio.to_thread(rig.thread.call, state)
        assert in_flight_by_pod(told) == {f"pod-{leaving.port}": 1, f"pod-{staying.port}": 0}
    halves.go_on.set()
    await eventually(lambda: in_flight(rig) == 0, "it has ended")
    told = await asyncio.to_thread(rig.thread.call, state)
    assert in_flight_by_pod(told) == {f"pod-{staying.port}": 0}
    (pool,) = [p for p in told["pools"] if p["service"] == "m-svc"]  # type: ignore[attr-defined]
    assert (pool["arrivedRequests"], pool["finishedRequests"], pool["firstTokens"]) == (1, 1, 1)
    assert pool["finishedOutputTokens"] == 2, "so many events, since the engine did not count"


async def test_a_request_that_nobody_had_looked_at_when_its_gateway_was_told_to_end_is_served(
    rig: Rig,
) -> None:
    """On a busy machine it was reset: its connection counted as idle."""
    await rig.add(FakeEngine())
    client = await rig.client()
    await client.send(rig.post())
    assert (await client.read()).status == 200
    loop = rig.thread.loop
    ended: list[asyncio.Task[None]] = []

    def be_busy_then_end() -> None:
        time.sleep(0.5)
        ended.append(loop.create_task(rig.gateway.drain()))

    loop.call_soon_threadsafe(be_busy_then_end)
    await asyncio.sleep(0.1)
    await client.send(rig.post())
    answer = await client.read()
    assert (answer.status, answer.headers["connection"]) == (200, "close")


# Streams across many scale-downs, on simulated engines


class Fleet:
    """Workers that come and go as an operator lets them: marked, drained, gone; or marked and taken back."""

    def __init__(self, rig: Rig, rng: random.Random) -> None:
        self.rig = rig
        self.rng = rng
        self.engines: list[SimEngine] = []
        self.draining: list[SimEngine] = []
        self.seen: Counter[str] = Counter()
        self.is_over = False

    def publish(self) -> None:
        self.rig.publish(self.engines, draining=self.draining)

    async def grow(self) -> None:
        """Start a worker."""
        engine = SimEngine(Profile(max_num_seqs=32, answer_tokens=24))
        await engine.start()
        self.engines.append(engine)
        self.seen["grown"] += 1
        self.publish()

    async def shrink(self) -> None:
        """Mark a worker; once nothing of the gateway is with it take it away, or before that take the mark back."""
        engine = self.rng.choice([e for e in self.engines if e not in self.draining])
        self.draining.append(engine)
        self.publish()
        if self.rng.random() < 0.3:
            await asyncio.sleep(0.05)
            self.draining.remove(engine)
            self.seen["taken back"] += 1
            self.publish()
            return
        before = self.in_flight(engine)
        while before:
            await asyncio.sleep(0.01)
            now = self.in_flight(engine)
            assert now <= before, "one that drains is given no more"
            before = now
        self.engines.remove(engine)
        self.draining.remove(engine)
        self.publish()
        await engine.stop()
        self.seen["shrunk"] += 1

    def in_flight(self, engine: SimEngine) -> int:
        """Return how many requests the gateway has with it."""
        uid = f"uid-{engine.port}"
        return self.rig.look(
            lambda gateway: sum(
                e.requests
                for served in gateway.services.values()
                for e in served.fleet.in_use()
                if e.worker.uid == uid
            )
        )

    async def move(self) -> None:
        """Go up and down until it is over, to no worker at all now and then."""
        while not self.is_over:
            if len(self.engines) < WORKERS:
                await self.grow()
            for _ in range(self.rng.choice([1, 2, 2, WORKERS])):
                if self.engines:
                    await self.shrink()

    async def close(self) -> None:
        for engine in self.engines:
            await engine.stop()


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    rig = await make_rig(QUICK)
    made = Fleet(rig, random.Random(5))
    for _ in range(WORKERS):
        await made.grow()
    yield made
    await close_rig(rig)
    await made.close()


@pytest.mark.parametrize("streams", [200, pytest.param(1000, marks=pytest.mark.slow)])
async def test_no_stream_breaks_while_workers_come_and_go(fleet: Fleet, streams: int) -> None:
    rig, left = fleet.rig, iter(range(streams))
    told: Counter[str] = Counter()

    async def stream() -> None:
        for _ in left:
            answer = await rig.ask(rig.post(stream=True, max_tokens=24))
            whole = answer.body.endswith(DONE) and answer.body.count(b"data: ") == 24 + 2
            told["whole" if whole else f"{answer.status}: {answer.body[-300:]!r}"] += 1

    moving = asyncio.create_task(fleet.move())
    try:
        await asyncio.gather(*(stream() for _ in range(AT_ONCE)))
    finally:
        fleet.is_over = True
        await moving
    assert told == {"whole": streams}
    assert fleet.seen["shrunk"] >= streams // 50
