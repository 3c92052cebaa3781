"""What the gateway counts.

Owns names and labels; children are looked up once and kept. Must not do work per chunk.
"""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from tidegate_gateway.directory import Caller

if TYPE_CHECKING:
    from tidegate_gateway.gateway import Gateway

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Durations(Collector):
    """A histogram that costs a fifth of the library's to feed: one thread writes it, and no lock is needed."""

    def __init__(self, name: str, documentation: str) -> None:
        self._name = name
        self._documentation = documentation
        self._counts = [0] * (len(SECONDS) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self._counts[bisect_left(SECONDS, seconds)] += 1
        self._sum += seconds

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Return the histogram as Prometheus reads it: each bucket holds those before it."""
        bounds = [*map(str, map(float, SECONDS)), "+Inf"]
        buckets = list(zip(bounds, accumulate(self._counts), strict=True))
        yield HistogramMetricFamily(self._name, self._documentation, buckets=buckets, sum_value=self._sum)


class Ended(Collector):
    """Requests by how they ended, without the library's lock for each."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, str, int], int] = {}

    def count(self, caller: Caller | None, service: str, status: int) -> None:
        """Count a request."""
        key = (caller.namespace, service, caller.qos_class, status) if caller else ("", service, "", status)
        self._counts[key] = self._counts.get(key, 0) + 1

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Return all counts."""
        family = CounterMetricFamily(
            "tidegate_gateway_requests_total",
            "Requests by how they ended; code 499 is a client that left. A rise of 5xx needs a look at the workers.",
            labels=["namespace", "service", "qos_class", "code"],
        )
        for key, count in list(self._counts.items()):
            family.add_metric([*map(str, key)], count)
        yield family


class Metrics:
    """The gateway's metrics."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._ended = Ended()
        self.registry.register(self._ended)
        self._retries = Counter(
            "tidegate_gateway_retries_total",
            "Requests given to a second worker, by why the first failed. A steady rate means that workers die.",
            ["reason"],
            registry=self.registry,
        )
        self.disconnects = Counter(
            "tidegate_gateway_client_disconnects_total",
            "Clients that left before their answer was complete. A rise means that answers come too slowly.",
            registry=self.registry,
        )
        self.first_byte = Durations(
            "tidegate_gateway_time_to_first_byte_seconds",
            "From the whole request to the first byte of the worker's answer. A rise means that workers are full.",
        )
        self.duration = Durations(
            "tidegate_gateway_request_duration_seconds",
            "From the whole request to the last byte of its answer.",
        )
        self.registry.register(self.first_byte)
        self.registry.register(self.duration)

    def count_request(self, caller: Caller | None, service: str, status: int) -> None:
        """Count a request that has ended."""
        self._ended.count(caller, service, status)

    def count_retry(self, reason: str) -> None:
        """Count a second attempt."""
        self._retries.labels(reason).inc()


class Occupancy(Collector):
    """What is known at the moment of a scrape, so that nothing is counted for it before."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Return the families without samples."""
        yield from self._families()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return requests in flight and ready workers by service."""
        in_flight, ready = self._families()
        for key, count in self._gateway.loads.by_service.items():
            in_flight.add_metric(key, count)
        directory = self._gateway.directory
        for models in directory.models.values():
            for model in models.values():
                key = (model.namespace, model.service)
                ready.add_metric(key, len(directory.workers.get(key, ())))
        yield in_flight
        yield ready

    def _families(self) -> tuple[GaugeMetricFamily, GaugeMetricFamily]:
        labels = ["namespace", "service"]
        return (
            GaugeMetricFamily(
                "tidegate_gateway_in_flight_requests", "Requests that workers are answering.", labels=labels
            ),
            GaugeMetricFamily(
                "tidegate_gateway_ready_workers",
                "Workers that may be given requests. Zero means that clients get 503.",
                labels=labels,
            ),
        )
