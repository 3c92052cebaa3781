"""What a real vLLM tells of itself: its part of a request's trace, and the metrics that are asked of it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

import vllm_metrics
from integration.gateway.collector import Collector, Told
from integration.gateway.rig import Rig, close_rig, make_rig
from integration.worker.workers import MODEL, Worker
from tidegate_api.settings import TracingSettings
from tidegate_gateway import tracing
from tidegate_gateway.directory import Model
from tidegate_operator import engine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TRACE = "0af7651916cd43dd8448eb211c80319c"
CLIENT = "b7ad6b7169203331"
QUESTION = {"model": MODEL, "max_tokens": 3, "ignore_eos": True}


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """A collector for gateway and worker."""
    made = Collector()
    yield made
    made.close()


@pytest.fixture(scope="module")
def worker(
    vllm_python: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory, collector: Collector
) -> Iterator[Worker]:
    """A worker that is told of the collector as the operator does."""
    settings = TracingSettings(endpoint=collector.url)
    variables = {
        **engine.tracing_environment(settings, "ns", "m-svc"),
        # Else spans go every five seconds.
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    home = tmp_path_factory.mktemp("observed")
    running = Worker.start(vllm_python, tiny_model, home, *engine.tracing_args(settings), **variables)
    try:
        running.wait_until_healthy()
        yield running
    finally:
        running.kill()


async def ask(worker: Worker, rig: Rig, *lines: str) -> int:
    """Return the status of a question that goes through the gateway."""
    rig.publish([worker], model=Model(MODEL, "ns", "m-svc", 1.0))
    return (await rig.ask(rig.post(*lines, **QUESTION))).status


async def spans_of_trace(collector: Collector, count: int) -> dict[str, Told]:
    """Return the spans of the client's trace by the service that told them, once there are so many."""
    async with asyncio.timeout(60):
        while True:
            found = [one for one in collector.told if one.span.trace_id.hex() == TRACE]
            if len(found) >= count:
                return {one.service: one for one in found}
            await asyncio.sleep(0.05)


async def test_client_gateway_and_engine_are_one_trace(worker: Worker, collector: Collector) -> None:
    rig = await make_rig()
    rig.gateway.tracing = tracing.connect(collector.url, "test")
    try:
        assert await ask(worker, rig, f"traceparent: 00-{TRACE}-{CLIENT}-01") == 200
        await asyncio.to_thread(rig.gateway.tracing.close)
        found = await spans_of_trace(collector, 2)
    finally:
        rig.gateway.tracing = None
        await close_rig(rig)
    assert found.keys() == {"tidegate-gateway", "tidegate-worker"}
    gateway, computed = found["tidegate-gateway"].span, found["tidegate-worker"].span
    assert gateway.parent_span_id.hex() == CLIENT
    assert computed.parent_span_id == gateway.span_id
    assert gateway.start_time_unix_nano <= computed.start_time_unix_nano
    told = {pair.key: pair.value for pair in computed.attributes}
    assert told["gen_ai.usage.completion_tokens"].int_value == 3


async def test_the_recorded_metrics_are_those_of_this_version(worker: Worker) -> None:
    """After a change of the engine's version: `python hack/vllm_metrics.py URL`, and see what asks for what is gone."""
    rig = await make_rig()
    try:
        assert await ask(worker, rig) == 200
    finally:
        await close_rig(rig)
    with worker.open("/metrics") as page:
        assert vllm_metrics.families(page.read().decode()) == vllm_metrics.read_list()


async def test_a_worker_answers_when_its_collector_is_gone(worker: Worker, collector: Collector) -> None:
    """Last of this module."""
    collector.close()
    rig = await make_rig()
    try:
        for _ in range(3):
            assert await ask(worker, rig, f"traceparent: 00-{TRACE}-{CLIENT}-01") == 200
    finally:
        await close_rig(rig)
