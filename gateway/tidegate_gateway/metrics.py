"""What the gateway counts.

Owns names and labels; children are looked up once and kept. Must not do work per chunk.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from tidegate_gateway.directory import Caller

if TYPE_CHECKING:
    from tidegate_gateway.gateway import Gateway

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Metrics:
    """The gateway's metrics."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "tidegate_gateway_requests_total",
            "Requests by how they ended; code 499 is a client that left. A rise of 5xx needs a look at the workers.",
            ["namespace", "service", "qos_class", "code"],
            registry=self.registry,
        )
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
        self.first_byte = Histogram(
            "tidegate_gateway_time_to_first_byte_seconds",
            "From the whole request to the first byte of the worker's answer. A rise means that workers are full.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self.duration = Histogram(
            "tidegate_gateway_request_duration_seconds",
            "From the whole request to the last byte of its answer.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self._children: dict[tuple[str, str, str, int], Counter] = {}

    def count_request(self, caller: Caller | None, service: str, status: int) -> None:
        """Count a request that has ended."""
        key = (caller.namespace if caller else "", service, caller.qos_class if caller else "", status)
        child = self._children.get(key)
        if child is None:
            child = self._requests.labels(*map(str, key))
            self._children[key] = child
        child.inc()

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
