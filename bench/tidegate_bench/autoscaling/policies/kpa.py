"""Knative's Pod autoscaler, written anew from its published sources.

Source: knative/serving, pkg/autoscaler/scaling/autoscaler.go and config-autoscaler: every 2 s; the mean concurrency of
60 s, and of 6 s for panic, over 70 % of the target; panic from twice the ready replicas on, in which nothing is taken
away until 60 s without; up to 1000 times, down to a half at a time. Requests held before a Pod count, as the
activator's do. Its numbers come from its own proxies, by the second: no Prometheus in between.
"""

from collections import deque
from dataclasses import dataclass, field
from math import ceil, floor

from tidegate_bench.autoscaling.policies.policy import ANY, Limits, Observation


@dataclass(slots=True)
class Kpa:
    """A revision with this target of concurrency."""

    target: float = 100.0
    limits: Limits = ANY
    utilization: float = 0.7
    stable_seconds: float = 60.0
    panic_seconds: float = 6.0
    panic_threshold: float = 2.0
    max_scale_up: float = 1000.0
    max_scale_down: float = 2.0
    interval_seconds: float = 2.0
    # (time, request-seconds until then).
    _seen: deque[tuple[float, float]] = field(default_factory=deque)
    _panic_since: float | None = None
    _most_in_panic: int = 0
    _blind: bool = False

    def decide(self, observation: Observation) -> int:
        """Return what the autoscaler would ask for."""
        self._blind = observation.gateway is None
        if observation.gateway is None:
            return observation.desired
        now = observation.now
        self._seen.append((now, observation.gateway.request_seconds))
        while self._seen[0][0] < now - self.stable_seconds:
            self._seen.popleft()
        wanted = self.scale(
            now, self._mean(self.stable_seconds), self._mean(self.panic_seconds), observation.ready
        )
        return self.limits.clamp(wanted)

    def is_blind(self) -> bool:
        """Tell whether the proxies were not heard: Prometheus is none of its business."""
        return self._blind

    def _mean(self, seconds: float) -> float:
        now, total = self._seen[-1]
        begin, before = next(entry for entry in self._seen if entry[0] >= now - seconds)
        return (total - before) / (now - begin) if now > begin else 0.0

    def scale(self, now: float, stable: float, panic: float, ready_pods: int) -> int:
        """Return the replicas for these mean concurrencies."""
        ready = max(1, ready_pods)
        value = max(1.0, self.target * self.utilization)
        most, least = ceil(self.max_scale_up * ready), floor(ready / self.max_scale_down)
        stable_pods, panic_pods = ceil(stable / value), ceil(panic / value)
        is_over = panic_pods / ready >= self.panic_threshold
        if is_over:
            self._panic_since = now
        elif self._panic_since is not None and self._panic_since + self.stable_seconds < now:
            self._panic_since, self._most_in_panic = None, 0
        wanted = min(max(stable_pods, least), most)
        if self._panic_since is not None:
            wanted = max(wanted, min(max(panic_pods, least), most))
            self._most_in_panic = wanted = max(wanted, self._most_in_panic)
        return wanted
