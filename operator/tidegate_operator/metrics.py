"""The operator's Prometheus metrics.

Owns their names, labels and meaning. Must not compute anything but what a metric needs.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

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

from tidegate_api.rollout import Phase
from tidegate_operator.facts import Key
from tidegate_operator.models.metrics import ModelMetrics
from tidegate_operator.scalingmetrics import ScalingMetrics

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
        self._adapters_missing = Gauge(
            "tidegate_operator_adapters_missing",
            "LoRA adapters of an LLMService that not all of its workers have; above 0 for long means look at "
            "status.adapters.",
            ["namespace", "service"],
            registry=self.registry,
        )
        self.scaling = ScalingMetrics(self.registry)
        self.models = ModelMetrics(self.registry)
        self.leader = Gauge(
            "tidegate_operator_leader", "1 while this process holds the Lease.", registry=self.registry
        )
        self._service_ready = Gauge(
            "tidegate_operator_service_ready",
            "1 for an LLMService that answers requests, else 0.",
            ["namespace", "service"],
            registry=self.registry,
        )
        self._rollout_phase = Gauge(
            "tidegate_operator_rollout_phase",
            "1 for the phase of an LLMService's rollout (Stable, Canary, Promoting, RollingBack, RolledBack). Canary "
            "or Promoting for hours means look at status.rollout; RolledBack, that the spec asks for what has failed.",
            ["namespace", "service", "phase"],
            registry=self.registry,
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

    def service_ready(self, key: Key, status: Mapping[str, Any]) -> None:
        """Note whether an LLMService is Ready, how far its rollout is, and which of its adapters are not."""
        conditions = {one["type"]: one["status"] for one in status.get("conditions", ())}
        self._service_ready.labels(*key).set(conditions.get("Ready") == "True")
        now = (status.get("rollout") or {}).get("phase")
        for phase in get_args(Phase):
            if phase == now:
                self._rollout_phase.labels(*key, phase).set(1)
            else:
                self._rollout_phase.remove(*key, phase)
        adapters = status.get("adapters")
        if adapters is None:
            self._adapters_missing.remove(*key)
        else:
            self._adapters_missing.labels(*key).set(sum(one["phase"] != "Ready" for one in adapters))

    def forget(self, key: Key) -> None:
        """Say nothing more about an LLMService that is gone."""
        self._service_ready.remove(*key)
        for phase in get_args(Phase):
            self._rollout_phase.remove(*key, phase)
        self._adapters_missing.remove(*key)
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
