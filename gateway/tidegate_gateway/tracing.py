"""Spans of requests, for a collector that the settings name.

Owns the span of a request and the `traceparent` that its worker is sent. Without a collector nothing of this is
imported, and a client's `traceparent` goes on as it came.
"""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, StatusCode, format_trace_id, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tidegate_gateway import semconv
from tidegate_gateway.traceparent import split
from tidegate_gateway.usage import Usage

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

FAILED: Final = 500
PROPAGATOR: Final = TraceContextTextMapPropagator()


class Tracing:
    """Makes spans. Which requests are traced is the client's to say, or else OTEL_TRACES_SAMPLER's.

    `is_gen_ai`: spans also have the names of the conventions for generative AI.
    """

    def __init__(self, exporter: SpanExporter, instance: str, *, is_gen_ai: bool = False) -> None:
        self.is_gen_ai = is_gen_ai
        resource = Resource.create({"service.name": "tidegate-gateway", "service.instance.id": instance})
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("tidegate_gateway")

    def begin(self, forwarded: bytes, path: str) -> "Trace":
        """Begin the span of a request with these header lines."""
        carrier, others = split(forwarded)
        context = PROPAGATOR.extract(carrier, Context())
        span = self._tracer.start_span(f"POST {path}", context, SpanKind.SERVER)
        return Trace(span, others, self.is_gen_ai)

    def close(self) -> None:
        """Send what has not been sent; waits for the collector, so not to be called on the loop."""
        self._provider.shutdown()


class Trace:
    """The span of one request."""

    __slots__ = ("_is_gen_ai", "_others", "_span")

    def __init__(self, span: Span, others: bytes, is_gen_ai: bool) -> None:
        self._span = span
        self._others = others
        self._is_gen_ai = is_gen_ai

    @property
    def trace_id(self) -> str:
        """Return the trace in hexadecimal digits, as logs have it."""
        return format_trace_id(self._span.get_span_context().trace_id)

    def forwarded(self) -> bytes:
        """Return the header lines for the worker, whose own spans become children of this one."""
        carrier: dict[str, str] = {}
        PROPAGATOR.inject(carrier, set_span_in_context(self._span, Context()))
        return self._others + b"".join(b"%b: %b\r\n" % (k.encode(), v.encode()) for k, v in carrier.items())

    def note(self, event: str) -> None:
        """Note that something has happened now."""
        self._span.add_event(event)

    def note_generation(self, path: bytes, model: str, usage: Usage | None) -> None:
        """Note what was generated, where the names for that are asked for."""
        if self._is_gen_ai and self._span.is_recording():
            self._span.set_attributes(semconv.attributes(path, model, usage))

    def end(self, status: int, attributes: "Mapping[str, AttributeValue]") -> None:
        """End the span."""
        if self._span.is_recording():
            self._span.set_attributes(attributes)
            self._span.set_attribute("http.response.status_code", status)
            if status >= FAILED:
                self._span.set_status(StatusCode.ERROR)
        self._span.end(time.time_ns())


def connect(endpoint: str, instance: str, *, is_gen_ai: bool = False) -> Tracing:
    """Return the tracing that sends to a collector's OTLP/HTTP address, such as http://collector:4318."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - half a second of imports
        OTLPSpanExporter,
    )

    return Tracing(
        OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces"), instance, is_gen_ai=is_gen_ai
    )
