"""The Prometheus metrics of models: how they stand, how much of each is there, how long loads took.

Owns their names, labels and meaning. Must not compute anything but what a metric needs.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tidegate_operator.facts import Key, Manifest
from tidegate_operator.models.outcome import Failed, Loaded, moment

_SECONDS: Final = (5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)


class ModelMetrics(Collector):
    """What was last said about each LLMModel; one that is gone is not there."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._statuses: dict[Key, Mapping[str, Any]] = {}
        self._seconds = Histogram(
            "tidegate_operator_model_download_seconds",
            "Duration of loads of models into a cache, from the start of their Job to its end, by outcome: done or "
            "failed.",
            ["outcome"],
            buckets=_SECONDS,
            registry=registry,
        )
        registry.register(self)

    def stands(self, key: Key, status: Mapping[str, Any]) -> None:
        """Note how an LLMModel stands."""
        self._statuses[key] = status

    def loaded(self, job: Manifest, ended: Loaded | Failed) -> None:
        """Note a load that has ended."""
        began = moment((job.get("status") or {}).get("startTime"))
        if began is not None:
            outcome = "done" if isinstance(ended, Loaded) else "failed"
            self._seconds.labels(outcome).observe(max((ended.at - began).total_seconds(), 0.0))

    def forget(self, key: Key) -> None:
        """Say nothing more about an LLMModel that is gone."""
        self._statuses.pop(key, None)

    def collect(self) -> Iterator[Metric]:
        """Yield what is known now."""
        sizes = GaugeMetricFamily(
            "tidegate_operator_model_bytes",
            "Bytes of an LLMModel, by state: done (in the cache), total (all that is needed).",
            labels=["namespace", "model", "state"],
        )
        phases = GaugeMetricFamily(
            "tidegate_operator_model_phase",
            "1 for the phase that an LLMModel is in: Pending, Downloading, Verifying, Ready, Failed or Suspended.",
            labels=["namespace", "model", "phase"],
        )
        for key, status in dict(self._statuses).items():
            phases.add_metric([*key, str(status.get("phase", "Pending"))], 1)
            for state, field in (("done", "bytesDone"), ("total", "bytesTotal")):
                if field in status:
                    sizes.add_metric([*key, state], status[field])
        yield from (sizes, phases)
