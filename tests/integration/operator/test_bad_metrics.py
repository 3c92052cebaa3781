"""Fifteen ways in which metrics can be bad, over real sockets: none is an exception, none is taken for zero.

Each is met while load rises, while it falls, and while a pool might go to sleep.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from integration.api import Object
from integration.operator.prometheus import IDLE, Prometheus, prometheus, soundly
from ports import free_port
from tidegate_api.settings import PrometheusSettings
from tidegate_operator import prometheus as client
from tidegate_operator.enginereader import EngineReader
from tidegate_operator.engines import Engine, Read
from tidegate_operator.scrape import MOST_BYTES, Scrape
from unit.operator.fakes import KEY
from unit.operator.scaled import World, name, scaled

ENGINE = Engine(KEY.namespace, "chat-shared-1", "uid-1", "127.0.0.1")


@dataclass(frozen=True)
class Bad:
    """One way to be bad: what Prometheus answers, and what is to be said of it."""

    says: str
    answer: Callable[[str, Object], tuple[int, bytes]] = soundly
    url: str = ""
    age: float = 1.0


def each(change: Callable[[str, Object], None]) -> Callable[[str, Object], tuple[int, bytes]]:
    """Return an answer in which every sample is changed."""

    def answered(query: str, answer: Object) -> tuple[int, bytes]:
        answer = deepcopy(answer)
        for sample in answer["data"]["result"]:
            change(query, sample)
        return soundly(query, answer)

    return answered


def value(said: str, of: str = "") -> Callable[[str, Object], tuple[int, bytes]]:
    """Return an answer in which every value (or that of one query) is this one."""

    def changed(query: str, sample: Object) -> None:
        if query not in ("at", "kv_capacity_tokens") and of in ("", query):
            sample["value"][1] = said

    return each(changed)


def without(query: str) -> Callable[[str, Object], tuple[int, bytes]]:
    """Return an answer without the samples of one query."""
    nothing = {"status": "success", "data": {"resultType": "vector", "result": []}}
    return lambda of, answer: soundly(of, nothing if of in (query, "*") or query == "*" else answer)


def hang(_: str, __: Object) -> tuple[int, bytes]:
    time.sleep(3)
    return 200, b"{}"


HUGE = json.dumps(
    {"status": "success", "data": {"resultType": "vector", "result": ["x" * 10_000_000]}}
).encode()

KINDS = {
    "refused": Bad("Prometheus cannot be asked: ConnectionError", url="http://127.0.0.1:9"),
    "a black hole": Bad("Prometheus did not answer", hang),
    "500": Bad("Prometheus refuses: HTTP Status Code 500", lambda *_: (500, b"oops")),
    "a page of HTML": Bad("something else than its API", lambda *_: (200, b"<html>Sign in</html>")),
    "10 MB": Bad("has more than", lambda *_: (200, HUGE)),
    "nothing at all": Bad("something else than its API", lambda *_: (200, b"")),
    "no series": Bad("Prometheus does not know it", without("*")),
    "NaN": Bad("is nan", value("NaN")),
    "infinity": Bad("is inf", value("+Inf")),
    "minus infinity": Bad("is -inf", value("-Inf")),
    "stale series": Bad("s old", age=90.0),
    "a part of the series": Bad("does not say kv_used", without("kv_used")),
    "the future": Bad("in the future", age=-60.0),
    "less than nothing": Bad("less than nothing", value("-3")),
    "more than all": Bad("more than all", value("1.5", "kv_used")),
    "no numbers": Bad("does not say", value("many")),
    "JSON of another shape": Bad("something else than its API", lambda *_: (200, b'{"data": [1, 2]}')),
}
bad = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def asked() -> Iterator[Prometheus]:
    with prometheus() as one:
        one.knows(KEY.namespace, *(f"chat-shared-{number}" for number in range(1, 9)), running=1)
        yield one


@pytest.fixture
def spoilt(asked: Prometheus, kind: str) -> Iterator[client.Prometheus]:
    """The operator's client of a Prometheus that is bad in one way."""
    how = KINDS[kind]
    asked.answer, asked.age = how.answer, how.age
    made = client.Prometheus(PrometheusSettings(url=how.url or asked.url, timeout_seconds=1))
    yield made
    made.close()


class Nowhere:
    """Workers that cannot be asked directly."""

    async def read(self, engines: Any) -> Read:
        return Read({}, {engine.uid: "the worker cannot be asked: no route" for engine in engines})


@bad
async def test_it_is_missing_with_the_reason(kind: str, spoilt: client.Prometheus) -> None:
    found = await spoilt.read([ENGINE])
    assert not found.figures
    assert KINDS[kind].says in found.missing[ENGINE.uid]


def test_silence_is_told_as_silence_by_whichever_of_the_two_times_is_over_first(asked: Prometheus) -> None:
    asked.answer = hang
    made = client.Prometheus(PrometheusSettings(url=asked.url))
    # What the thread says that asks; the event loop's own time is usually over before.
    with pytest.raises(OSError) as told:
        made._query(time.monotonic() + 0.5)
    made.close()
    assert "Prometheus did not answer" in client._words(told.value)


async def test_what_is_sound_is_read(asked: Prometheus) -> None:
    asked.knows(KEY.namespace, "chat-shared-1", waiting=3, running=7, kv_used=0.5)
    made = client.Prometheus(PrometheusSettings(url=f"{asked.url}/"))
    found = (await made.read([ENGINE])).figures[ENGINE.uid]
    made.close()
    assert (found.waiting, found.running, found.kv_used, found.kv_capacity_tokens) == (3, 7, 0.5, 16_000)
    assert time.time() - found.at == pytest.approx(1, abs=1)


async def test_a_series_that_is_there_twice_counts_once(asked: Prometheus) -> None:
    def twice(query: str, answer: Object) -> tuple[int, bytes]:
        result = answer["data"]["result"]
        return soundly(query, {**answer, "data": {"resultType": "vector", "result": [*result, *result]}})

    asked.answer = twice
    made = client.Prometheus(PrometheusSettings(url=asked.url))
    found = (await made.read([ENGINE])).figures[ENGINE.uid]
    made.close()
    assert found.running == 1


async def test_one_look_that_hangs_does_not_hold_up_the_next(
    asked: Prometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = client.Prometheus(PrometheusSettings(url=asked.url, timeout_seconds=1))
    # As one does that sends a byte now and then: no timeout of a socket ends it.
    monkeypatch.setattr(made._client, "custom_query", lambda *_, **__: time.sleep(3))
    await made.read([ENGINE])
    began = time.monotonic()
    found = await made.read([ENGINE])
    assert time.monotonic() - began < 0.5
    assert "has not answered the last question yet" in found.missing[ENGINE.uid]
    made.close()


@bad
async def test_load_that_rises_is_followed_by_what_the_gateways_say(
    kind: str, spoilt: client.Prometheus
) -> None:
    world = await beginning(spoilt)
    for _ in range(2):
        world.arrive(400, 200_000, queued=60, running=100)
        await world.look()
    assert 1 < world.replicas() <= 6


@bad
async def test_load_that_falls_takes_no_worker_away(kind: str, spoilt: client.Prometheus) -> None:
    world = await beginning(spoilt, minReplicas=1)
    many = await grown(world)
    assert many > 1
    for _ in range(2):
        world.arrive(0)
        await world.look(seconds=600)
    assert world.replicas() == many
    assert "HeldMissingMetrics" in world.clamps()


@bad
async def test_a_pool_does_not_go_to_sleep(kind: str, spoilt: client.Prometheus) -> None:
    world = await beginning(spoilt, minReplicas=0, idleSeconds=60)
    for _ in range(3):
        world.arrive(0)
        await world.look(seconds=25)
    assert world.replicas() == 1


async def beginning(engines: client.Prometheus, **scaling: Any) -> World:
    """Return a service with one worker that is ready, and engines that are read the bad way."""
    world = World(scaled(**scaling), start_seconds=0)
    await world.look(2)
    world.autoscaler.engines = EngineReader(engines, Nowhere(), world.metrics)
    return world


async def grown(world: World) -> int:
    """Let there be more workers, all ready, since somebody has wanted them; return how many."""
    engines = world.autoscaler.engines
    world.autoscaler.engines = world.engines
    world.engines.waiting, world.engines.running, world.engines.kv_used = 60, 40, 0.95
    for _ in range(3):
        world.arrive(400, 200_000, queued=60, running=100)
        await world.look()
    world.autoscaler.engines = engines
    return world.replicas()


# The workers' own pages.

PAGE = """# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 3.0
vllm:num_requests_waiting_by_reason{engine="0",model_name="m",reason="capacity"} 2.0
vllm:num_requests_waiting_by_reason{engine="0",model_name="m",reason="deferred"} 9.0
vllm:num_requests_waiting{engine="0",model_name="m"} 11.0
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25
vllm:cache_config_info{block_size="16",engine="0",num_gpu_blocks="100"} 1.0
"""
PAGES = {
    "an error": ((500, PAGE), "the worker answers 500"),
    "a page of HTML": ((200, "<html>hello</html>"), "does not say waiting"),
    "nothing": ((200, ""), "does not say waiting"),
    "too much": ((200, "vllm:x 1\n" * (MOST_BYTES // 8)), f"more than {MOST_BYTES} bytes"),
    "no number": ((200, PAGE.replace(" 3.0", " NaN")), "running is nan"),
    "a word": ((200, PAGE.replace(" 0.25", " full")), "kv_used is nan"),
    "less than nothing": ((200, PAGE.replace(" 2.0", " -2.0")), "waiting is -2"),
}


@pytest_asyncio.fixture
async def worker() -> AsyncIterator[tuple[Scrape, dict[str, Any]]]:
    """A worker whose page is up to the test."""
    said: dict[str, Any] = {"page": (200, PAGE)}

    async def page(_: web.Request) -> web.Response:
        status, text = said["page"]
        return web.Response(status=status, text=text)

    app = web.Application()
    app.add_routes([web.get("/metrics", page)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    async with aiohttp.ClientSession() as session:
        yield Scrape(session, port), said
    await runner.cleanup()


async def test_a_workers_own_page_is_read(worker: tuple[Scrape, dict[str, Any]]) -> None:
    found = (await worker[0].read([ENGINE])).figures[ENGINE.uid]
    assert (found.waiting, found.running, found.kv_used, found.kv_capacity_tokens) == (2, 3, 0.25, 1600)


@pytest.mark.parametrize("kind", PAGES)
async def test_a_bad_page_is_missing_with_the_reason(
    kind: str, worker: tuple[Scrape, dict[str, Any]]
) -> None:
    scrape, said = worker
    said["page"], says = PAGES[kind]
    found = await scrape.read([ENGINE])
    assert not found.figures
    assert says in found.missing[ENGINE.uid]


async def test_a_worker_that_is_not_there_is_missing(worker: tuple[Scrape, dict[str, Any]]) -> None:
    gone = ENGINE._replace(uid="gone", address="127.0.0.99")
    starting = ENGINE._replace(uid="starting", address="")
    found = await worker[0].read([gone, ENGINE, starting])
    assert set(found.figures) == {ENGINE.uid}
    assert "cannot be asked" in found.missing["gone"]
    assert "no address yet" in found.missing["starting"]


async def test_workers_that_do_not_answer_do_not_use_up_the_time_of_the_rest(
    worker: tuple[Scrape, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tidegate_operator import scrape as module

    monkeypatch.setattr(module, "LONGEST_SECONDS", 0.5)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.3", worker[0].port))
        deaf.listen(64)
        others = [ENGINE._replace(uid=f"deaf-{number}", address="127.0.0.3") for number in range(3)]
        found = await worker[0].read([ENGINE, *others])
    assert set(found.figures) == {ENGINE.uid}
    assert all("no time to ask" in why for why in found.missing.values())


@bad
async def test_what_prometheus_has_not_is_asked_of_the_worker(
    kind: str, spoilt: client.Prometheus, worker: tuple[Scrape, dict[str, Any]]
) -> None:
    world = World(scaled())
    found = await EngineReader(spoilt, worker[0], world.metrics).read([ENGINE])
    assert found.figures[ENGINE.uid].running == 3
    assert not found.missing
    exposed = world.metrics.exposition().decode()
    assert 'engine_reads_total{outcome="failed",way="prometheus"} 1.0' in exposed
    assert 'engine_reads_total{outcome="done",way="direct"} 1.0' in exposed


def test_the_stand_in_says_all_that_is_asked() -> None:
    from tidegate_operator.promql import QUERIES

    assert QUERIES.keys() - {"at", "kv_capacity_tokens"} == IDLE.keys()
    assert name({"metadata": {"name": "x"}}) == "x"
