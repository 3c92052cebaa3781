"""Every metric of ours, read from the collectors that expose it: name, type, labels and meaning.

Owns the page of the reference, and the set of names that dashboards and alerts may ask for. Must not hold a name of
ours: those come from the parts' own code; what is recorded from others is named with where it comes from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

import vllm_metrics
from generators.reference import page, table
from generators.text import cell
from tidegate_api.names import STARTUP_METRIC
from tidegate_console.metrics import Metrics as ConsoleMetrics
from tidegate_gateway.gauges import Gauges
from tidegate_gateway.metrics import Metrics as GatewayMetrics
from tidegate_operator.flags import ENGINE_VERSION
from tidegate_operator.metrics import Metrics as OperatorMetrics

SOURCE: Final = "the parts' own collectors"
ENGINE: Final = "https://docs.vllm.ai/en/stable/usage/metrics/"
INTRO: Final = """What can be asked of gateway, operator and workers. Gateway and operator tell it on `/metrics` of port
9090, workers beside vLLM's own numbers on `/metrics` of port 8000; [observe](../how-to/observe.md) has how a Prometheus
finds them. Labels `namespace` and `service` (or `model`, `tenant`) name whom a number is about, and need `honorLabels`.
Counters and histograms are of one Pod since its start: add up what several gateways tell."""

# The names that users of other servers look for, who tells each, and when it is there.
USUAL: Final = (
    ("`llm_inference_latency_seconds`", "histogram", "gateway", "From the whole request to the last byte."),
    ("`llm_throughput_tokens_per_second`", "gauge", "gateway", "Tokens of answers, over the last minute."),
    (
        "`llm_batch_size`",
        "gauge",
        "gateway",
        "Requests in the batches of all workers; every gateway tells the same, so take the largest.",
    ),
    ("`llm_active_requests`", "gauge", "gateway", "Requests that wait or are being answered."),
    (
        "`llm_gpu_memory_usage_bytes`",
        "gauge",
        "a rule of Prometheus",
        "Memory in use of each GPU that a worker holds. Only NVIDIA's DCGM exporter knows it: vLLM tells the share of "
        "its KV cache and no bytes, and on a CPU there is none. `podMonitors.enabled` installs the rule "
        "(`charts/tidegate/rules/gpu-memory.promql`); of a worker of several Pods it has the leader's.",
    ),
)


@dataclass(frozen=True, slots=True)
class Known:
    """A metric as Prometheus keeps it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


def gateway() -> list[Known]:
    """Return the gateway's metrics."""
    nothing: Any = SimpleNamespace(
        services={},
        loop=SimpleNamespace(time=lambda: 0.0),
        held=dict,
        demand=SimpleNamespace(wakes={}),
        ledger=SimpleNamespace(usage=list),
    )
    registry = GatewayMetrics().registry
    registry.register(Gauges(nothing))
    return _known(registry)


def operator() -> list[Known]:
    """Return the operator's metrics."""
    metrics = OperatorMetrics()
    metrics.observe(lambda: 0, dict)
    return _known(metrics.registry)


def console() -> list[Known]:
    """Return the console's metrics."""
    return _known(ConsoleMetrics(lambda: 0, lambda: 0, lambda: 0).registry)


def exposed() -> set[str]:
    """Return the names that our parts and the pinned vLLM expose."""
    ours = {one.name for one in (*gateway(), *operator(), *console())}
    return {*ours, STARTUP_METRIC, *vllm_metrics.read_list()}


def metrics_page() -> str:
    """Return the page of the reference."""
    parts = [
        "## Under the usual names",
        table(("Metric", "Type", "Told by", "Meaning"), iter(USUAL)),
        "## Gateway",
        _table(gateway()),
        "## Operator",
        _table(operator()),
        "## Console",
        _table(console()),
        "## Worker",
        f"vLLM {ENGINE_VERSION} tells its own under `vllm:…` ([its documentation]({ENGINE})); Tidegate adds how long a "
        "worker's start took.",
        _table(
            [
                Known(
                    STARTUP_METRIC,
                    "gauge",
                    ("phase",),
                    "Duration of a part of the worker's start, in seconds.",
                )
            ]
        ),
    ]
    return page("Metrics", SOURCE, INTRO, "\n\n".join(parts))


def _known(registry: CollectorRegistry) -> list[Known]:
    # A registry knows which of its collectors told a family, and only they know labels of what has no sample yet.
    collectors: Iterable[Collector] = registry._collector_to_names
    found = [one for collector in collectors for one in _of(collector)]
    return sorted((one for one in found if not one.name.startswith("process_")), key=lambda one: one.name)


def _of(collector: Collector) -> Iterator[Known]:
    for family in collector.collect():
        labels = getattr(family, "_labelnames", ())
        if isinstance(collector, Counter | Gauge | Histogram):
            labels = collector._labelnames
        yield Known(_stored(family), family.type, tuple(labels), family.documentation)


def _stored(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def _table(known: Iterable[Known]) -> str:
    rows = (
        (f"`{one.name}`", one.kind, ", ".join(f"`{label}`" for label in one.labels), cell(one.meaning))
        for one in known
    )
    return table(("Metric", "Type", "Labels", "Meaning"), rows)
