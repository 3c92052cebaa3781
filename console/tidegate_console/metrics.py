"""What the console counts.

Owns names and labels, and the page at the admin port.
"""

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_SECONDS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics(Collector):
    """The console's metrics."""

    def __init__(
        self, views: Callable[[], int], streams: Callable[[], int], unanswered: Callable[[], int]
    ) -> None:
        self.registry = CollectorRegistry()
        self._views, self._streams, self._unanswered = views, streams, unanswered
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "tidegate_console_requests_total",
            "Requests that have ended, by part (`ui`, `api`, `stream`, `gateway`) and status. A rise of 5xx of `api` "
            "means that the API server does not answer, of `gateway` that the gateway does not.",
            ["part", "code"],
            registry=self.registry,
        )
        self._duration = Histogram(
            "tidegate_console_request_duration_seconds",
            "How long requests of the API took; streams and what the gateway answers are not among them.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.registry.register(self)

    def describe(self) -> Iterator[Metric]:
        """Return nothing: a first look would find an unfinished process."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        """Return what is looked at when it is asked for."""
        yield GaugeMetricFamily(
            "tidegate_console_streams", "Tabs that follow the console's stream.", value=self._streams()
        )
        yield GaugeMetricFamily(
            "tidegate_console_views",
            "Users for whom the API server is watched; each has four watches, or four a namespace.",
            value=self._views(),
        )
        yield CounterMetricFamily(
            "tidegate_console_gateways_unanswered_total",
            "Times that a gateway did not answer for its figures. A steady rise means that the Live page is not whole: "
            "does a NetworkPolicy keep the console from the gateways' admin port?",
            value=self._unanswered(),
        )

    def count(self, part: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(part, str(status)).inc()
        if part == "api":
            self._duration.observe(seconds)
