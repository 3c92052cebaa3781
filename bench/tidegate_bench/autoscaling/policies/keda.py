"""KEDA with its Prometheus scaler, written anew from its published sources.

Source: kedacore/keda, pkg/scalers/prometheus_scaler.go, pkg/scaling/executor and the ScaledObject's documentation. The
query is what the tutorials ship: the sum of the requests that wait, five per replica. From one replica on, the HPA that
KEDA makes decides; KEDA itself decides between none and one, every 30 s, and goes to none after 300 s without activity.
An empty answer is 0 unless `ignore_null_values` is false; no answer at all is an error, and changes nothing.
"""

from dataclasses import dataclass, field
from math import inf

from tidegate_bench.autoscaling.policies.hpa import SYNC_SECONDS, Behavior, external
from tidegate_bench.autoscaling.policies.policy import ANY, Limits, Observation, latest


@dataclass(slots=True)
class Keda:
    """A ScaledObject on `sum(vllm:num_requests_waiting)`."""

    threshold: float = 5.0
    limits: Limits = ANY
    activation_threshold: float = 0.0
    cooldown_seconds: float = 300.0
    polling_seconds: float = 30.0
    ignore_null_values: bool = True
    interval_seconds: float = SYNC_SECONDS
    behavior: Behavior = field(default_factory=Behavior)
    _polled: float = -inf
    _active: float = -inf

    def decide(self, observation: Observation) -> int:
        """Return what KEDA and its HPA would ask for."""
        now, current = observation.now, observation.desired
        value = self._value(observation)
        if value is None:
            return current
        if now - self._polled >= self.polling_seconds:
            self._polled = now
            if value > self.activation_threshold:
                self._active = now
        if self.limits.min_replicas == 0:
            if current == 0:
                return 1 if self._active == now else 0
            if now - max(self._active, 0.0) > self.cooldown_seconds:
                return 0
        pods = len(observation.live)
        wanted = external(value, self.threshold, pods)
        # The HPA knows no replicas but one or more.
        return self.behavior.apply(now, current, max(1, self.limits.clamp(wanted)))

    def _value(self, observation: Observation) -> float | None:
        """Return what the query answers; None if that is an error."""
        if not observation.prometheus_up:
            return None
        series = [seen.waiting for pod in observation.pods if (seen := latest(pod)) is not None]
        if not series:
            return 0.0 if self.ignore_null_values else None
        return float(sum(series))
