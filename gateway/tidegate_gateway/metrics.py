"""What the gateway counts as requests go through it.

Owns names and labels of what is counted; what is only looked at when it is scraped is `gauges`. Children are looked
up once and kept; nothing is done per chunk.
"""

from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, ProcessCollector
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from tidegate_api.names import QosClass
from tidegate_gateway.directory import Caller
from tidegate_gateway.histogram import Durations, Histogram

BY_CLASS: Final = ("namespace", "service", "qos_class")


class Ended(Collector):
    """Requests by how they ended, without the library's lock for each."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, str, int], int] = {}

    def count(self, namespace: str, service: str, qos_class: str, status: int) -> None:
        """Count a request."""
        key = (namespace, service, qos_class, status)
        self._counts[key] = self._counts.get(key, 0) + 1

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Return all counts."""
        family = CounterMetricFamily(
            "tidegate_gateway_requests_total",
            "Requests by how they ended; code 499 is a client that left. A rise of 5xx needs a look at the workers.",
            labels=[*BY_CLASS, "code"],
        )
        for key, count in list(self._counts.items()):
            family.add_metric([*map(str, key)], count)
        yield family


class Timings:
    """The histograms of one service and class."""

    __slots__ = ("duration", "first_token", "queue")

    def __init__(self, first_token: Histogram, queue: Histogram, duration: Histogram) -> None:
        self.first_token = first_token
        self.queue = queue
        self.duration = duration


class Metrics:
    """The gateway's metrics."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._ended = Ended()
        self._first_token = Durations(
            ("tidegate_gateway_time_to_first_token_seconds",),
            "From the whole request to the first byte of the answer's body, waiting included. A rise means that "
            "workers are full.",
            BY_CLASS,
        )
        self._queue = Durations(
            ("tidegate_gateway_queue_seconds",),
            "How long requests waited for a worker with room; those that did not wait count as 0.",
            BY_CLASS,
        )
        self._duration = Durations(
            ("tidegate_gateway_request_duration_seconds", "llm_inference_latency_seconds"),
            "From the whole request to the last byte of its answer.",
            BY_CLASS,
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
        self.guessers = Counter(
            "tidegate_gateway_key_guessers_total",
            "Addresses that sent more than 20 wrong API keys within a minute, once for each such minute. The log has "
            "the address: somebody guesses keys, or uses one that was revoked.",
            registry=self.registry,
        )
        self.revoked = Counter(
            "tidegate_gateway_revoked_requests_total",
            "Requests that were broken off because their key was revoked or expired.",
            registry=self.registry,
        )
        for collector in (self._ended, self._first_token, self._queue, self._duration):
            self.registry.register(collector)

    def timings(self, namespace: str, service: str, qos_class: QosClass) -> Timings:
        """Return the histograms of a service and class, to be kept."""
        labels = (namespace, service, qos_class)
        return Timings(self._first_token.of(*labels), self._queue.of(*labels), self._duration.of(*labels))

    def count_request(self, caller: Caller | None, status: int) -> None:
        """Count a request that was answered without a worker."""
        namespace, qos_class = (caller.namespace, caller.qos_class) if caller else ("", "")
        self._ended.count(namespace, "", qos_class, status)

    def count_served(self, namespace: str, service: str, qos_class: QosClass, status: int) -> None:
        """Count a request to a service."""
        self._ended.count(namespace, service, qos_class, status)

    def count_retry(self, reason: str) -> None:
        """Count a second attempt."""
        self._retries.labels(reason).inc()
