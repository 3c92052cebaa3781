"""Asking workers how they are, on real sockets."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from tidegate_gateway.directory import Worker
from tidegate_gateway.routing import signals
from tidegate_gateway.routing.endpoint import Endpoint, Report
from tidegate_gateway.routing.exposition import NAMES
from tidegate_gateway.routing.signals import Signals

PERIOD = 0.02
HEAD = '{engine="0",model_name="m"}'


def page(running: int = 2) -> str:
    """Return the lines of a metrics page that are read."""
    return (
        f"vllm:num_requests_running{HEAD} {running}.0\n"
        f"vllm:num_requests_waiting{HEAD} 0.0\n"
        f"vllm:kv_cache_usage_perc{HEAD} 0.5\n"
    )


@dataclass
class FakeWorker:
    """A worker's metrics and models; a test sets what it answers."""

    runner: web.AppRunner | None = None
    port: int = 0
    # Answers to `/metrics/?name[]=…` and to `/metrics`.
    some: Callable[[], web.StreamResponse] = lambda: web.Response(text=page())
    everything: Callable[[], web.StreamResponse] = lambda: web.Response(text=page())
    models: Any = field(default_factory=lambda: {"data": [{"id": "m"}]})
    seconds: float = 0.0
    asked: list[str] = field(default_factory=list)
    queries: list[list[str]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/metrics/", self._some)
        app.router.add_get("/metrics", self._all)
        app.router.add_get("/v1/models", self._models)
        self.runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", self.port).start()
        self.port = self.runner.addresses[0][1]

    async def stop(self) -> None:
        if self.runner is not None:
            await self.runner.cleanup()
            self.runner = None

    async def _answer(self, name: str, answer: Callable[[], web.StreamResponse]) -> web.StreamResponse:
        self.asked.append(name)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.seconds)
            return answer()
        finally:
            self.at_once -= 1

    async def _some(self, request: web.Request) -> web.StreamResponse:
        self.queries.append(request.query.getall("name[]"))
        return await self._answer("some", self.some)

    async def _all(self, _: web.Request) -> web.StreamResponse:
        return await self._answer("all", self.everything)

    async def _models(self, _: web.Request) -> web.StreamResponse:
        return await self._answer("models", lambda: web.json_response(self.models))


@dataclass
class Rig:
    """Signals, and what they said."""

    signals: Signals
    reports: list[Report]
    workers: list[FakeWorker]

    async def add(self, worker: FakeWorker) -> Endpoint:
        """Start a worker and poll it."""
        await worker.start()
        self.workers.append(worker)
        endpoint = Endpoint(Worker(f"u{worker.port}", "ns", "m", "p", "127.0.0.1", worker.port), 0, 1.0)
        self.signals.update([endpoint])
        return endpoint


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """Signals that poll fifty times a second."""
    reports: list[Report] = []
    made = Signals(
        lambda _, said: reports.append(said),
        random.Random(1),
        PERIOD,
    )
    rig = Rig(made, reports, [])
    yield rig
    await made.close()
    for worker in rig.workers:
        await worker.stop()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what becomes true."""
    deadline = asyncio.get_running_loop().time() + 10
    while not condition():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.005)


async def test_reports_come_again_and_again_with_only_what_is_read(rig: Rig) -> None:
    before = asyncio.get_running_loop().time()
    endpoint = await rig.add(FakeWorker())
    await until(lambda: len(rig.reports) >= 5)
    (worker,) = rig.workers
    assert all((said.running, said.kv_used) == (2, 0.5) for said in rig.reports)
    assert before <= rig.reports[0].at < rig.reports[1].at
    assert worker.queries[0] == list(NAMES)
    assert worker.asked[:2] == ["models", "some"]
    assert set(worker.asked[2:]) == {"some"}
    assert endpoint.adapters == frozenset()


@pytest.mark.parametrize(
    "some",
    [
        lambda: web.Response(status=404),
        lambda: web.Response(text=""),
        lambda: web.Response(text=page(9)[:70]),
    ],
    ids=["no such page", "an empty page", "half a page"],
)
async def test_where_a_part_cannot_be_had_the_whole_page_is_read(
    rig: Rig, some: Callable[[], web.StreamResponse]
) -> None:
    await rig.add(FakeWorker(some=some))
    await until(lambda: len(rig.reports) >= 5)
    assert rig.workers[0].asked.count("some") == 1


def cut() -> web.StreamResponse:
    raise RuntimeError("a worker that breaks")


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(status=500, text=page()),
        lambda: web.Response(text="vllm:num_requests_running NaN\n"),
        lambda: web.Response(body=b"\xff" * 1000),
        lambda: web.Response(status=302, headers={"location": "http://127.0.0.1:1/metrics"}),
        lambda: web.Response(text=page() + "#" * signals.LONGEST_PAGE),
        cut,
    ],
    ids=["an error", "no numbers", "binary", "elsewhere", "far too long", "an exception"],
)
async def test_an_answer_that_is_no_report_is_nothing_and_the_next_one_counts(
    rig: Rig, answer: Callable[[], web.StreamResponse]
) -> None:
    worker = FakeWorker(some=answer, everything=answer)
    await rig.add(worker)
    await until(lambda: len(worker.asked) >= 5)
    assert rig.reports == []
    worker.some = worker.everything = lambda: web.Response(text=page(3))
    await until(lambda: len(rig.reports) >= 2)
    assert rig.reports[0].running == 3


async def test_a_worker_that_never_reports_is_asked_less_often_and_counts_once_it_does(rig: Rig) -> None:
    worker = FakeWorker(some=cut, everything=cut)
    await rig.add(worker)
    began = asyncio.get_running_loop().time()
    await until(lambda: worker.asked.count("all") >= 4)
    # After each round of both pages twice as far apart: 1, 2, 2, 4, 4, 8 and 8 periods, give or take a tenth.
    assert asyncio.get_running_loop().time() - began > 20 * PERIOD
    worker.some = worker.everything = lambda: web.Response(text=page())
    await until(lambda: len(rig.reports) >= 1)
    worker.some = worker.everything = cut
    seen = len(worker.asked)
    await until(lambda: len(worker.asked) >= seen + 20)


async def test_a_worker_that_is_away_is_asked_again(rig: Rig) -> None:
    worker = FakeWorker()
    await rig.add(worker)
    await until(lambda: len(rig.reports) >= 2)
    await worker.stop()
    await asyncio.sleep(5 * PERIOD)
    seen = len(rig.reports)
    await worker.start()
    await until(lambda: len(rig.reports) > seen + 1)


async def test_a_slow_worker_is_never_asked_twice_at_once(rig: Rig) -> None:
    worker = FakeWorker(seconds=5 * PERIOD)
    await rig.add(worker)
    await until(lambda: len(rig.reports) >= 4)
    assert worker.most_at_once == 1


async def test_a_worker_that_hangs_does_not_keep_others_from_being_asked(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "TIMEOUT", signals.aiohttp.ClientTimeout(total=0.2))
    hanging, well = FakeWorker(seconds=60), FakeWorker()
    first = await rig.add(hanging)
    second = await rig.add(well)
    rig.signals.update([first, second])
    await until(lambda: len(rig.reports) >= 5)
    await until(lambda: len(hanging.asked) >= 3)
    assert hanging.most_at_once <= 2


async def test_adapters_and_context_are_learned_at_first_sight_and_when_they_change(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "MODELS_SECONDS", PERIOD)
    worker = FakeWorker(models={"data": [{"id": "m", "max_model_len": 2048}, {"id": "sql", "parent": "m"}]})
    endpoint = await rig.add(worker)
    await until(lambda: worker.asked.count("models") >= 4)
    assert (endpoint.adapters, endpoint.context_tokens) == ({"sql"}, 2048)
    worker.models = {"data": "nonsense"}
    seen = worker.asked.count("models")
    await until(lambda: worker.asked.count("models") >= seen + 2)
    assert endpoint.adapters == {"sql"}
    worker.models = {"data": [{"id": "m"}]}
    await until(lambda: not endpoint.adapters)


async def test_adapters_that_come_and_go_are_asked_for_more_often(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "ADAPTERS_SECONDS", PERIOD)
    worker = FakeWorker()
    endpoint = await rig.add(worker)
    await until(lambda: len(rig.reports) >= 5)
    assert worker.asked.count("models") == 1
    rig.signals.update([])
    endpoint.has_adapters = True
    rig.signals.update([endpoint])
    await until(lambda: worker.asked.count("models") >= 4)


async def test_a_worker_that_left_is_not_asked_any_more(rig: Rig) -> None:
    worker = FakeWorker()
    await rig.add(worker)
    await until(lambda: len(rig.reports) >= 1)
    rig.signals.update([])
    await until(lambda: worker.at_once == 0)
    seen = len(worker.asked)
    await asyncio.sleep(5 * PERIOD)
    assert len(worker.asked) == seen


async def test_a_fault_in_what_takes_a_report_does_not_end_the_asking() -> None:
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))

    def fail(_: Endpoint, __: Report) -> None:
        raise KeyError("a fault of ours")

    made = Signals(fail, random.Random(1), PERIOD)
    rig = Rig(made, [], [])
    worker = FakeWorker()
    await rig.add(worker)
    await until(lambda: len(faults) >= 3)
    await made.close()
    await worker.stop()
    assert isinstance(faults[0]["exception"], KeyError)


async def test_many_workers_are_asked_less_often(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "POLLS_PER_SECOND", 10)
    worker = FakeWorker()
    await worker.start()
    rig.workers.append(worker)
    endpoints = [
        Endpoint(Worker(f"u{i}", "ns", "m", "p", "127.0.0.1", worker.port), i, 1.0) for i in range(100)
    ]
    rig.signals.update(endpoints)
    assert rig.signals._pause() == 10
    await rig.signals.close()
