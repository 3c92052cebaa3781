"""The Prometheus metrics of scaling decisions.

Owns their names, labels and meaning. Must not compute anything but what a metric needs.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tidegate_operator.facts import Key
from tidegate_operator.scaling.facts import Decision

_POOL: Final = ["namespace", "service", "pool"]


class ScalingMetrics(Collector):
    """What was decided last about each pool; a pool that is no longer decided about is not there."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._last: dict[tuple[Key, str], Decision] = {}
        self._decisions = Counter(
            "tidegate_operator_scaling_decisions",
            "Changes of the wanted replicas: up, down or to zero, by the term or the clamp that decided.",
            [*_POOL, "direction", "binding"],
            registry=registry,
        )
        self._missing = Counter(
            "tidegate_operator_scaling_missing_signals",
            "Looks at a pool in which a signal could not be used; it was then left out, never taken for zero.",
            [*_POOL, "signal"],
            registry=registry,
        )
        registry.register(self)

    def decided(self, key: Key, pool: str, decision: Decision) -> None:
        """Note a decision."""
        before = self._last.get((key, pool))
        self._last[key, pool] = decision
        for signal in decision.missing:
            self._missing.labels(*key, pool, signal).inc()
        if before is not None and before.wanted != decision.wanted:
            self._decisions.labels(
                *key, pool, _direction(before.wanted, decision.wanted), decision.binding
            ).inc()

    def forget(self, key: Key, pool: str | None = None) -> None:
        """Say nothing more about a pool, or about all pools of a service."""
        for place in [place for place in self._last if place[0] == key and pool in (None, place[1])]:
            del self._last[place]
            labels = dict(zip(_POOL, (*place[0], place[1]), strict=True))
            for counter in (self._decisions, self._missing):
                counter.remove_by_labels(labels)

    def collect(self) -> Iterator[Metric]:
        """Return the gauges."""
        families = {name: GaugeMetricFamily(name, help_, labels=_POOL) for name, help_ in _GAUGES.items()}
        terms = GaugeMetricFamily(
            "tidegate_operator_scaling_term_replicas",
            "Replicas that one term asks for, before rounding and clamps.",
            labels=[*_POOL, "term"],
        )
        bindings = GaugeMetricFamily(
            "tidegate_operator_scaling_binding",
            "1 for the term that asked for most in the last decision about a pool, or the word for why none did.",
            labels=[*_POOL, "binding"],
        )
        clamps = GaugeMetricFamily(
            "tidegate_operator_scaling_clamped_replicas",
            "Replicas by which a clamp (CappedByMax and the like) changed the last decision: below 0, it withheld so "
            "many. CappedByMax for long means that maxReplicas is too low for the load.",
            labels=[*_POOL, "clamp"],
        )
        for (key, pool), decision in self._last.items():
            place = [*key, pool]
            bindings.add_metric([*place, decision.binding], 1)
            for reason, change in _changes(decision).items():
                clamps.add_metric([*place, reason], change)
            families["tidegate_operator_desired_replicas"].add_metric(place, decision.wanted)
            families["tidegate_operator_scaling_wanted_replicas"].add_metric(place, decision.wanted)
            families["tidegate_operator_scaling_current_replicas"].add_metric(place, decision.current)
            for term in decision.terms:
                terms.add_metric([*place, term.name], term.replicas)
        yield from (*families.values(), terms, bindings, clamps)


_GAUGES: Final = {
    "tidegate_operator_desired_replicas": "Replicas that a pool should have, for an HPA or KEDA to follow in mode "
    "External. Absent while nothing was decided.",
    "tidegate_operator_scaling_wanted_replicas": "Replicas that were decided on last, whoever acts on it.",
    "tidegate_operator_scaling_current_replicas": "Replicas that the pool's Deployment asked for at that moment.",
}


def _changes(decision: Decision) -> Mapping[str, int]:
    """Return by how much each clamp changed a decision: one may have done so in several steps."""
    changes: dict[str, int] = {}
    for one in decision.clamps:
        changes[one.reason] = changes.get(one.reason, 0) + one.after - one.before
    return changes


def _direction(before: int, after: int) -> str:
    if after == 0:
        return "zero"
    return "up" if after > before else "down"
