"""Limits over several gateways that speak to each other on real sockets."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tidegate_gateway.directory import Caller, Peer, TenantLimits
from tidegate_gateway.limits.account import Reservation
from tidegate_gateway.limits.ledger import Ledger
from tidegate_gateway.limits.peers import PATH, Peers
from tidegate_gateway.limits.shares import Shares

DEADLINE = 20
LIMIT = 60


def caller(**limits: Any) -> Caller:
    return Caller("a" * 64, "ns", "team", "high", -100, None, limits=TenantLimits(**limits))


@dataclass
class Gateway:
    """The part of a gateway that keeps limits, with its admin port."""

    name: str
    ledger: Ledger
    shares: Shares
    peers: Peers
    runner: web.AppRunner
    task: asyncio.Task[None]
    port: int

    def send(self, who: Caller) -> bool:
        now = asyncio.get_running_loop().time()
        found = self.ledger.reserve(who, 1, now, 0.0)
        if isinstance(found, Reservation):
            self.ledger.settle(found, 1, 0, now)
        return isinstance(found, Reservation)

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.runner.cleanup()


@dataclass
class Fleet:
    """All gateways, and the list of them that the cluster would give."""

    running: dict[str, Gateway] = field(default_factory=dict)
    starts: int = 0

    def listed(self) -> tuple[Peer, ...]:
        return tuple(Peer(g.name, "127.0.0.1", g.port) for g in self.running.values() if not g.shares.closing)

    async def start(self, name: str) -> Gateway:
        self.starts += 1
        ledger = Ledger(f"{name}-{self.starts}")
        shares = Shares(ledger)
        peers = Peers(shares, self.listed, random.Random(self.starts))
        app = web.Application()
        app.router.add_get(PATH, peers.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        task = asyncio.create_task(peers.run())
        self.running[name] = Gateway(name, ledger, shares, peers, runner, task, port)
        return self.running[name]

    async def kill(self, name: str) -> None:
        await self.running.pop(name).stop()

    async def flood(self, seconds: float, who: Caller, *names: str) -> int:
        """Send a hundred requests a second to each gateway; return how many were admitted."""
        admitted = 0
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            for name in names or tuple(self.running):
                admitted += self.running[name].send(who)
            await asyncio.sleep(0.01)
        return admitted

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not condition():  # noqa: ASYNC110 - no event tells what is awaited here
                await asyncio.sleep(0.02)


def _knows_all(shares: Shares) -> bool:
    return shares.is_settled and len(shares.members.live) == 2 and shares.members.is_complete()


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    """Three gateways that know each other."""
    made = Fleet()
    for name in ("a", "b", "c"):
        await made.start(name)
    await made.until(lambda: all(_knows_all(g.shares) for g in made.running.values()))
    yield made
    for name in list(made.running):
        await made.kill(name)


async def test_a_flood_at_three_gateways_gets_the_limit(fleet: Fleet) -> None:
    assert await fleet.flood(3, caller(requests_per_minute=LIMIT)) == LIMIT


async def test_one_gateway_gets_what_the_others_do_not_use(fleet: Fleet) -> None:
    who = caller(requests_per_minute=LIMIT)
    admitted = 0
    async with asyncio.timeout(DEADLINE):
        while admitted < LIMIT:
            admitted += await fleet.flood(0.1, who, "b")
    assert await fleet.flood(1, who) == 0


async def test_a_gateway_that_dies_and_comes_back_adds_nothing(fleet: Fleet) -> None:
    who = caller(requests_per_minute=LIMIT)
    admitted = await fleet.flood(1, who)
    await fleet.kill("b")
    admitted += await fleet.flood(1, who)
    await fleet.start("b")
    admitted += await fleet.flood(3, who)
    assert fleet.running["b"].shares.is_settled
    assert admitted == LIMIT


async def test_one_that_ends_in_order_leaves_the_others_what_it_did_not_use(fleet: Fleet) -> None:
    leaving = fleet.running["c"]
    async with asyncio.timeout(1.4):
        await leaving.peers.leave()
    await fleet.kill("c")
    await fleet.until(lambda: all(not g.shares.members.live.get("c") for g in fleet.running.values()))
    assert await fleet.flood(3, caller(requests_per_minute=LIMIT), "a") == LIMIT


async def test_one_that_hangs_holds_nobody_up(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its part is lost while it hangs; the others keep theirs."""
    open_connections: set[asyncio.StreamWriter] = set()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_connections.add(writer)
        while await reader.read(4096):
            pass
        writer.close()
        await writer.wait_closed()
        open_connections.remove(writer)

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    monkeypatch.setattr(fleet.running["c"], "port", server.sockets[0].getsockname()[1])
    b_at_a = fleet.running["a"].shares.members.live["b"]
    before = b_at_a.version
    await fleet.until(lambda: b_at_a.version > before + 3)
    assert open_connections
    assert await fleet.flood(1, caller(requests_per_minute=LIMIT), "a", "b") == 2 * LIMIT // 3
    for name in ("a", "b"):
        await fleet.kill(name)
    await fleet.until(lambda: not open_connections)
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("query", ["", "?from=", "?from=" + "x" * 200, "?from=a%0ab"])
async def test_who_does_not_say_its_name_gets_no_answer(fleet: Fleet, query: str) -> None:
    url = f"http://127.0.0.1:{fleet.running['a'].port}{PATH}{query}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 400
        assert "say who asks" in await response.text()


async def test_an_answer_that_is_none_is_passed_over(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nonsense(_: web.Request) -> web.Response:
        return web.Response(text='{"instance": 3')

    app = web.Application()
    app.router.add_get(PATH, nonsense)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setattr(fleet.running["c"], "port", runner.addresses[0][1])
    live = fleet.running["a"].shares.members.live
    silent, speaking = live["c"].version, live["b"].version
    await fleet.until(lambda: live["b"].version > speaking + 3)
    assert live["c"].version <= silent + 1
    assert await fleet.flood(0.5, caller(requests_per_minute=LIMIT), "a") == LIMIT // 3
    await runner.cleanup()
