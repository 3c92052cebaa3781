"""Spans reach a collector, and a worker's spans become children of the gateway's."""

import asyncio
from collections.abc import Iterator

import pytest
import structlog
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from integration.gateway.collector import Collector
from integration.gateway.engine import Call, FakeEngine
from integration.gateway.rig import Rig, close_rig, make_rig
from tidegate_gateway.tracing import connect

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on a real port."""
    made = Collector()
    yield made
    made.close()


async def spans_of(
    rig: Rig, collector: Collector, *requests: bytes, is_gen_ai: bool = False
) -> tuple[list[Span], list[int]]:
    """Return the spans and statuses of requests that a tracing gateway serves."""
    tracing = connect(f"{collector.url}/", "test", is_gen_ai=is_gen_ai)
    rig.gateway.tracing = tracing
    statuses = [(await rig.ask(request)).status for request in requests]
    await asyncio.to_thread(tracing.close)
    rig.gateway.tracing = None
    return collector.spans, statuses


async def test_a_request_becomes_a_span_between_its_client_and_its_worker(
    rig: Rig, engine: FakeEngine, collector: Collector
) -> None:
    request = rig.post(f"traceparent: 00-{TRACE}-{PARENT}-01", "tracestate: a=b")
    (span,), statuses = await spans_of(rig, collector, request)
    assert statuses == [200]
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
    assert span.name == "POST /v1/chat/completions"
    seen = {pair.key: pair.value for pair in span.attributes}
    assert seen["tidegate.tenant"].string_value == "tenant"
    assert seen["tidegate.qos_class"].string_value == "high"
    assert seen["tidegate.worker"].string_value.startswith("pod-")
    assert seen["http.response.status_code"].int_value == 200
    assert engine.calls[0].header("traceparent") == f"00-{TRACE}-{span.span_id.hex()}-01"
    assert engine.calls[0].header("tracestate") == "a=b"


async def test_who_is_not_sampled_leaves_no_span_and_keeps_the_trace(
    rig: Rig, engine: FakeEngine, collector: Collector
) -> None:
    spans, statuses = await spans_of(rig, collector, rig.post(f"traceparent: 00-{TRACE}-{PARENT}-00"))
    assert (spans, statuses) == ([], [200])
    sent = engine.calls[0].header("traceparent")
    assert sent is not None
    assert sent.startswith(f"00-{TRACE}-")
    assert sent.endswith("-00")


async def test_a_failure_is_an_error_span(rig: Rig, collector: Collector) -> None:
    async def fail(call: Call) -> None:
        await call.answer(500, b"{}")

    await rig.add(FakeEngine(fail))
    (span,), statuses = await spans_of(rig, collector, rig.post())
    assert statuses == [500]
    assert span.status.code == span.status.STATUS_CODE_ERROR
    assert not span.parent_span_id


async def test_without_a_collector_a_traceparent_goes_on_as_it_came(rig: Rig, engine: FakeEngine) -> None:
    header = f"00-{TRACE}-{PARENT}-01"
    assert (await rig.ask(rig.post(f"traceparent: {header}"))).status == 200
    assert engine.calls[0].header("traceparent") == header


async def test_names_for_generative_ai_are_told_where_they_are_asked_for(
    rig: Rig, engine: FakeEngine, collector: Collector
) -> None:
    (span,), _ = await spans_of(rig, collector, rig.post(), is_gen_ai=True)
    told = {pair.key: pair.value for pair in span.attributes}
    assert told["gen_ai.operation.name"].string_value == "chat"
    assert told["gen_ai.request.model"].string_value == "m"


async def test_they_are_not_told_otherwise(rig: Rig, engine: FakeEngine, collector: Collector) -> None:
    (span,), _ = await spans_of(rig, collector, rig.post())
    assert not [pair.key for pair in span.attributes if pair.key.startswith("gen_ai.")]


async def test_requests_are_answered_while_no_collector_is_there(
    rig: Rig, engine: FakeEngine, collector: Collector
) -> None:
    collector.close()
    _, statuses = await spans_of(rig, collector, *(rig.post() for _ in range(20)))
    assert statuses == [200] * 20


@pytest.mark.parametrize("is_traced", [True, False], ids=["traced here", "traced by the client alone"])
async def test_the_line_of_a_request_names_its_trace_and_its_id(
    collector: Collector, is_traced: bool
) -> None:
    with structlog.testing.capture_logs() as logs:
        rig = await make_rig(access_log=True)
        await rig.add(FakeEngine())
        if is_traced:
            rig.gateway.tracing = connect(collector.url, "test")
        answer = await rig.ask(rig.post(f"traceparent: 00-{TRACE}-{PARENT}-01"))
        if rig.gateway.tracing is not None:
            await asyncio.to_thread(rig.gateway.tracing.close)
            rig.gateway.tracing = None
        await close_rig(rig)
    (line,) = [entry for entry in logs if entry["event"] == "request"]
    assert (line["trace_id"], line["request_id"]) == (TRACE, answer.headers["x-request-id"])


async def test_a_request_that_is_of_no_trace_names_none() -> None:
    with structlog.testing.capture_logs() as logs:
        rig = await make_rig(access_log=True)
        await rig.add(FakeEngine())
        await rig.ask(rig.post())
        await close_rig(rig)
    (line,) = [entry for entry in logs if entry["event"] == "request"]
    assert "trace_id" not in line
