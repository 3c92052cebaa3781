"""Kubernetes' HorizontalPodAutoscaler, written anew from its published algorithm.

Source: kubernetes, pkg/controller/podautoscaler/{replica_calculator,horizontal}.go and the API's documentation of
behavior: tolerance 0.1, every 15 s, up at once by at most 4 Pods or 100 % per 15 s, down to the highest of the last
300 s. Owns the arithmetic of one metric per Pod, of one external metric, and of behavior; KEDA and WVA end in it too.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from tidegate_bench.autoscaling.policies.policy import ANY, Limits, Observation, latest
from tidegate_bench.autoscaling.pool import Scrape

TOLERANCE: Final = 0.1
SYNC_SECONDS: Final = 15.0


def per_pod(
    metrics: Mapping[str, float], missing: int, unready: int, target: float, current: int
) -> int | None:
    """Return the replicas for a metric of each Pod; None if no Pod has it.

    `metrics` are of Pods that are not pending; `missing` counts those that lack it, `unready` those that are pending.
    """
    if not metrics:
        return None
    values = list(metrics.values())
    ratio = sum(values) / len(values) / target
    grows_with_unready = unready > 0 and ratio > 1
    if not grows_with_unready and not missing:
        return current if _is_within(ratio) else _ceil(ratio * len(values))
    # Who is not heard uses nothing if that means to grow, and just the target if it means to shrink.
    values += [target if ratio < 1 else 0.0] * missing
    if grows_with_unready:
        values += [0.0] * unready
    again = sum(values) / len(values) / target
    if _is_within(again) or (ratio < 1 < again) or (again < 1 < ratio):
        return current
    wanted = _ceil(again * len(values))
    if (again < 1 and wanted > current) or (again > 1 and wanted < current):
        return current
    return wanted


def external(total: float, target_per_pod: float, replicas: int) -> int:
    """Return the replicas for one number that all Pods share; `replicas` counts those that are not ready too."""
    if replicas and _is_within(total / (target_per_pod * replicas)):
        return replicas
    return _ceil(total / target_per_pod)


def _is_within(ratio: float) -> bool:
    return abs(ratio - 1) <= TOLERANCE + 1e-9


def _ceil(value: float) -> int:
    return ceil(value - 1e-9)


@dataclass(slots=True)
class Behavior:
    """Stabilisation windows, and how fast it may grow; shrinking is bounded by its window alone, as by default."""

    up_window_seconds: float = 0.0
    down_window_seconds: float = 300.0
    up_pods: int = 4
    up_percent: int = 100
    up_period_seconds: float = 15.0
    _recommended: deque[tuple[float, int]] = field(default_factory=deque)
    _added: deque[tuple[float, int]] = field(default_factory=deque)

    def apply(self, now: float, current: int, recommended: int) -> int:
        """Return what becomes of a recommendation."""
        longest = max(self.up_window_seconds, self.down_window_seconds)
        while self._recommended and self._recommended[0][0] <= now - longest:
            self._recommended.popleft()
        self._recommended.append((now, recommended))
        lowest = min(r for at, r in self._recommended if at > now - self.up_window_seconds or at == now)
        highest = max(r for at, r in self._recommended if at > now - self.down_window_seconds or at == now)
        wanted = min(max(current, lowest), highest)
        if wanted <= current:
            return wanted
        while self._added and self._added[0][0] <= now - self.up_period_seconds:
            self._added.popleft()
        began_with = current - sum(number for _, number in self._added)
        limit = max(began_with + self.up_pods, ceil(began_with * (1 + self.up_percent / 100)))
        wanted = max(current, min(wanted, limit))
        if wanted > current:
            self._added.append((now, wanted - current))
        return wanted


def waiting(scrape: Scrape) -> float:
    """Return `vllm:num_requests_waiting`."""
    return scrape.waiting


def running(scrape: Scrape) -> float:
    """Return `vllm:num_requests_running` and those that wait."""
    return scrape.running + scrape.waiting


def kv(scrape: Scrape) -> float:
    """Return `vllm:kv_cache_usage_perc`."""
    return scrape.kv_used


@dataclass(slots=True)
class Hpa:
    """An HPA on one metric of each Pod, by way of an adapter that has what Prometheus scraped last."""

    metric: Callable[[Scrape], float]
    target: float
    limits: Limits = ANY
    interval_seconds: float = SYNC_SECONDS
    behavior: Behavior = field(default_factory=Behavior)

    def decide(self, observation: Observation) -> int:
        """Return what the HPA would ask for; what is there if it has nothing to go by."""
        current = observation.desired
        pods = observation.live
        if not observation.prometheus_up:
            return current
        metrics = {pod.name: self.metric(seen) for pod in pods if (seen := latest(pod)) is not None}
        # A Pod that loads its model runs, but has no metrics yet.
        missing = len(pods) - len(metrics)
        wanted = per_pod(metrics, missing, 0, self.target, current)
        if wanted is None:
            return current
        return self.behavior.apply(observation.now, current, self.limits.clamp(wanted))
