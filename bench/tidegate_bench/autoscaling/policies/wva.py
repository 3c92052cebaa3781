"""llm-d's Workload Variant Autoscaler, both of its laws, written anew from its published sources.

Source: llm-d workload-variant-autoscaler, docs/saturation-analyzer.md and internal/engines (read as of February 2026):
every 60 s over the highest KV utilisation and queue of each Pod in the last minute. Its answer goes through an HPA;
that one's window is kept for the way down, and left out on the way up, which is to WVA's favour.
"""

from collections import deque
from dataclasses import dataclass, field
from math import ceil, floor, inf

from tidegate_bench.autoscaling.policies.hpa import SYNC_SECONDS, Behavior
from tidegate_bench.autoscaling.policies.policy import ANY, Limits, Observation, PodView, latest, within

LOOP_SECONDS = 60.0
WINDOW_SECONDS = 60.0
HPA_DOWN_SECONDS = 240.0


def _behavior() -> Behavior:
    return Behavior(down_window_seconds=HPA_DOWN_SECONDS)


def saturation(pod: PodView, now: float) -> tuple[float, int] | None:
    """Return the highest KV utilisation and queue of a Pod in the last minute; None if nothing is known of it."""
    seen = within(pod, now, WINDOW_SECONDS)
    if not seen:
        return None
    return max(scrape.kv_used for scrape in seen), max(scrape.waiting for scrape in seen)


@dataclass(slots=True)
class WvaV1:
    """One more where spare room runs out, one less where the others would keep enough of it."""

    kv_saturated: float = 0.80
    queue_saturated: float = 5.0
    kv_spare: float = 0.10
    queue_spare: float = 3.0
    limits: Limits = ANY
    interval_seconds: float = SYNC_SECONDS
    behavior: Behavior = field(default_factory=_behavior)
    _wanted: int | None = None
    _looped: float = -inf

    def decide(self, observation: Observation) -> int:
        """Return what the HPA behind WVA would ask for."""
        now, current = observation.now, observation.desired
        if now - self._looped >= LOOP_SECONDS and observation.prometheus_up:
            self._looped = now
            seen = [s for pod in observation.live if (s := saturation(pod, now)) is not None]
            if seen:
                pending = len(observation.live) - observation.ready
                self._wanted = self.analyse(seen, current, pending)
        wanted = current if self._wanted is None else self.limits.clamp(self._wanted)
        return self.behavior.apply(now, current, wanted)

    def analyse(self, pods: list[tuple[float, int]], current: int, pending: int) -> int:
        """Return the replicas for these Pods' KV utilisations and queues."""
        free = [(kv, q) for kv, q in pods if kv < self.kv_saturated and q < self.queue_saturated]
        number = len(free)
        kv = sum(k for k, _ in free) / number if free else 0.0
        queue = sum(q for _, q in free) / number if free else 0.0
        spare_kv, spare_queue = (self.kv_saturated - kv, self.queue_saturated - queue) if free else (0.0, 0.0)
        if spare_kv < self.kv_spare or spare_queue < self.queue_spare:
            return current if pending else current + 1
        if number < 2:
            return current
        fewer = number / (number - 1)
        kv_left, queue_left = self.kv_saturated - kv * fewer, self.queue_saturated - queue * fewer
        return current - 1 if kv_left >= self.kv_spare and queue_left >= self.queue_spare else current


@dataclass(slots=True)
class WvaV2:
    """As many as the tokens in use and in queues need, by what a replica was seen to hold when it was full."""

    up: float = 0.85
    down: float = 0.70
    limits: Limits = ANY
    kv_tokens: int = 131_072
    batch_tokens: int = 2048
    max_sequences: int = 64
    kv_share: float = 0.80
    queue_saturated: float = 5.0
    interval_seconds: float = SYNC_SECONDS
    behavior: Behavior = field(default_factory=_behavior)
    # Tokens in use that were seen in a full replica.
    _history: deque[float] = field(default_factory=lambda: deque(maxlen=10))
    _wanted: int | None = None
    _looped: float = -inf

    def decide(self, observation: Observation) -> int:
        """Return what the HPA behind WVA would ask for."""
        now, current = observation.now, observation.desired
        if now - self._looped >= LOOP_SECONDS and observation.prometheus_up:
            self._looped = now
            lengths = mean_lengths(observation)
            seen = [s for pod in observation.live if (s := saturation(pod, now)) is not None]
            if seen and lengths is not None:
                self._wanted = self.analyse(seen, len(observation.live), *lengths)
        wanted = current if self._wanted is None else self.limits.clamp(self._wanted)
        return self.behavior.apply(now, current, wanted)

    def analyse(self, pods: list[tuple[float, int]], replicas: int, prompt: float, answer: float) -> int:
        """Return the replicas for these Pods, and requests of these mean lengths; `replicas` counts pending ones."""
        demand = 0.0
        for kv, queue in pods:
            in_use = kv * self.kv_tokens
            demand += in_use + queue * prompt
            if queue >= self.queue_saturated:
                self._history.append(in_use)
        by_memory = self.kv_share * self.kv_tokens
        if self._history:
            by_compute = sum(self._history) / len(self._history)
        else:
            sequences = min(self.batch_tokens * answer / (prompt + answer), self.max_sequences)
            by_compute = sequences * (prompt + answer / 2)
        capacity = max(1.0, min(by_memory, by_compute))
        supply = replicas * capacity
        needed = demand / self.up - supply
        if needed > 0:
            return replicas + ceil(needed / capacity - 1e-9)
        spare = supply - demand / self.down
        return replicas - floor(spare / capacity + 1e-9) if spare > 0 else replicas


def mean_lengths(observation: Observation) -> tuple[float, float] | None:
    """Return the mean tokens of prompts and of answers that ended in the last 5 minutes; None if none did."""
    finished = prompt = answer = 0
    for pod in observation.live:
        newest = latest(pod)
        if newest is not None:
            oldest = pod.scrapes[0]
            finished += newest.finished - oldest.finished
            prompt += newest.finished_prompt_tokens - oldest.finished_prompt_tokens
            answer += newest.finished_output_tokens - oldest.finished_output_tokens
    return (prompt / finished, answer / finished) if finished else None
