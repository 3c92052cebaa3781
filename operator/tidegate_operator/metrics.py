"""The operator's Prometheus metrics.

Owns their names, labels and meaning. Must not compute anything but what a metric needs.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tidegate_operator.facts import Key
from tidegate_operator.models.metrics import ModelMetrics
from tidegate_operator.scalingmetrics import ScalingMetrics
from tidegate_operator.servicemetrics import ServiceMetrics

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """All metrics of one process."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._reconciles = Counter(
            "tidegate_operator_reconciles",
            "Reconciles of LLMServices, LLMTenants and LLMModels by how they ended: done, stalled (the user must act), "
            "failed (tried again).",
            ["outcome"],
            registry=self.registry,
        )
        self.reconcile_seconds = Histogram(
            "tidegate_operator_reconcile_seconds",
            "Duration of one reconcile.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._requests = Counter(
            "tidegate_operator_api_requests",
            "Answered requests to the API server.",
            ["verb", "resource"],
            registry=self.registry,
        )
        self._gateway_reads = Counter(
            "tidegate_operator_gateway_reads",
            "Questions to gateway Pods about what they count and hold: done, or failed (no usable answer).",
            ["outcome"],
            registry=self.registry,
        )
        self._engine_reads = Counter(
            "tidegate_operator_engine_reads",
            "Readings of single workers, by way (prometheus, direct) and outcome: done, or failed (no usable answer).",
            ["way", "outcome"],
            registry=self.registry,
        )
        self._adapter_steps = Counter(
            "tidegate_operator_adapter_steps",
            "Steps on single workers about LoRA adapters (load, unload, replace) by outcome: done, or failed (the "
            "engine refused; the LLMService's status has its words).",
            ["step", "outcome"],
            registry=self.registry,
        )
        self.scaling = ScalingMetrics(self.registry)
        self.models = ModelMetrics(self.registry)
        self._services = ServiceMetrics(self.registry)
        self.leader = Gauge(
            "tidegate_operator_leader", "1 while this process holds the Lease.", registry=self.registry
        )

    def reconciled(self, outcome: str) -> None:
        """Count one reconcile."""
        self._reconciles.labels(outcome).inc()

    def requested(self, verb: str, resource: str) -> None:
        """Count one request to the API server."""
        self._requests.labels(verb, resource).inc()

    def gateway_read(self, outcome: str) -> None:
        """Count one question to a gateway."""
        self._gateway_reads.labels(outcome).inc()

    def engine_reads(self, way: str, outcome: str, count: int) -> None:
        """Count readings of workers."""
        if count:
            self._engine_reads.labels(way, outcome).inc(count)

    def adapter_step(self, step: str, outcome: str) -> None:
        """Count one step on one worker."""
        self._adapter_steps.labels(step, outcome).inc()

    def told(self, key: Key, status: Mapping[str, Any]) -> None:
        """Note what was said in the status of an LLMService."""
        self._services.told(key, status)

    def forget(self, key: Key) -> None:
        """Say nothing more about an LLMService that is gone."""
        self._services.forget(key)
        self.scaling.forget(key)

    def observe(self, queue_depth: Callable[[], int], watch_ages: Callable[[], Mapping[str, float]]) -> None:
        """Add what is read only when someone asks for it."""
        depth = Gauge(
            "tidegate_operator_queue_depth",
            "LLMServices, LLMTenants and LLMModels that wait for a reconcile.",
            registry=self.registry,
        )
        depth.set_function(queue_depth)
        self.registry.register(_WatchAges(watch_ages))

    def exposition(self) -> bytes:
        """Return all of it as text."""
        return generate_latest(self.registry)


class _WatchAges(Collector):
    def __init__(self, ages: Callable[[], Mapping[str, float]]) -> None:
        self._ages = ages

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "tidegate_operator_watch_age_seconds",
            "Time since the oldest watch of a kind was opened; renewed at least every two minutes.",
            labels=["resource"],
        )
        for resource, age in self._ages().items():
            family.add_metric([resource], age)
        yield family
