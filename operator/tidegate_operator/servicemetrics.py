"""The Prometheus metrics of LLMServices as they stand: ready or why not, workers, rollouts, missing adapters.

Owns their names, labels and meaning. Must not compute anything but what a metric needs.
"""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tidegate_api.rollout import Phase
from tidegate_operator.facts import Key


class ServiceMetrics:
    """What was last said in each LLMService's status; one that is gone is not there."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._ready = Gauge(
            "tidegate_operator_service_ready",
            "1 for an LLMService that answers requests, else 0.",
            ["namespace", "service"],
            registry=registry,
        )
        self._state = _State()
        registry.register(self._state)
        self._phase = Gauge(
            "tidegate_operator_rollout_phase",
            "1 for the phase of an LLMService's rollout (Stable, Canary, Promoting, RollingBack, RolledBack). Canary "
            "or Promoting for hours means look at status.rollout; RolledBack, that the spec asks for what has failed.",
            ["namespace", "service", "phase"],
            registry=registry,
        )
        self._adapters_missing = Gauge(
            "tidegate_operator_adapters_missing",
            "LoRA adapters of an LLMService that not all of its workers have; above 0 for long means look at "
            "status.adapters.",
            ["namespace", "service"],
            registry=registry,
        )

    def told(self, key: Key, status: Mapping[str, Any]) -> None:
        """Note whether an LLMService is Ready, how far its rollout is, and which of its adapters are not."""
        conditions = {one["type"]: one["status"] for one in status.get("conditions", ())}
        self._ready.labels(*key).set(conditions.get("Ready") == "True")
        self._state.statuses[key] = status
        now = (status.get("rollout") or {}).get("phase")
        for phase in get_args(Phase):
            if phase == now:
                self._phase.labels(*key, phase).set(1)
            else:
                self._phase.remove(*key, phase)
        adapters = status.get("adapters")
        if adapters is None:
            self._adapters_missing.remove(*key)
        else:
            self._adapters_missing.labels(*key).set(sum(one["phase"] != "Ready" for one in adapters))

    def forget(self, key: Key) -> None:
        """Say nothing more about an LLMService that is gone."""
        self._ready.remove(*key)
        self._state.statuses.pop(key, None)
        for phase in get_args(Phase):
            self._phase.remove(*key, phase)
        self._adapters_missing.remove(*key)


class _State(Collector):
    """What changes its labels as a service goes on: read from the last status when it is asked for."""

    def __init__(self) -> None:
        self.statuses: dict[Key, Mapping[str, Any]] = {}

    def collect(self) -> Iterator[Metric]:
        phases = GaugeMetricFamily(
            "tidegate_operator_service_phase",
            "1 for the phase of an LLMService, and the reason of its condition Ready: docs/reference/conditions.md "
            "tells what to do about each.",
            labels=["namespace", "service", "phase", "reason"],
        )
        workers = GaugeMetricFamily(
            "tidegate_operator_service_workers",
            "Workers of an LLMService, by state: desired, or ready (they answer).",
            labels=["namespace", "service", "state"],
        )
        for key, status in dict(self.statuses).items():
            conditions = {one["type"]: one.get("reason", "") for one in status.get("conditions", ())}
            phases.add_metric([*key, str(status.get("phase", "")), conditions.get("Ready", "")], 1)
            for state, field in (("desired", "desiredReplicas"), ("ready", "readyReplicas")):
                if field in status:
                    workers.add_metric([*key, state], status[field])
        yield from (phases, workers)
