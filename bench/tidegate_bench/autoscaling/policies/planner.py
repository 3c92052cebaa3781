"""A planner that knows every request before it comes: what replicas could at least do if nothing were unknown.

Owns the plan. It is no optimum: it spreads each request's work over the time that the request takes, has the replicas
of that ready in time, and keeps one that it will need again before another could be started. How full it plans them is
its one knob.
"""

from dataclasses import dataclass, field
from math import ceil

from tidegate_bench.autoscaling.model import MODEL, START, Model, Start
from tidegate_bench.autoscaling.policies.policy import ANY, Limits, Observation
from tidegate_bench.autoscaling.traces import Trace

BIN_SECONDS = 5.0
# Of the normal distribution: nearly all starts are over by then.
STARTED = 1.6449


@dataclass(slots=True)
class Planner:
    """Replicas for a known trace, each busy for at most this share of its time."""

    trace: Trace
    utilization: float
    limits: Limits = ANY
    model: Model = MODEL
    start: Start = START
    interval_seconds: float = BIN_SECONDS
    _plan: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the plan."""
        needed = [ceil(w / self.utilization - 1e-9) for w in work(self.trace, self.model)]
        ahead = ceil(self.start.quantile(STARTED) / BIN_SECONDS) + 1
        self._plan = [max(needed[index : index + ahead + 1]) for index in range(len(needed))]

    def decide(self, observation: Observation) -> int:
        """Return what the plan says."""
        index = min(int(observation.now / BIN_SECONDS), len(self._plan) - 1)
        return self.limits.clamp(self._plan[index])


def work(trace: Trace, model: Model) -> list[float]:
    """Return the replicas' worth of work in each bin: an answer's is spread over the time it takes to write."""
    bins = [0.0] * (int(trace.seconds / BIN_SECONDS) + 2)
    sequences = model.max_sequences * 0.6
    pace = model.duration(round(sequences), 0)
    for at, prompt, answer in trace.asks:
        total = model.work_seconds(prompt, answer, sequences)
        prefill = model.work_seconds(prompt, 0, sequences)
        place = int(at / BIN_SECONDS)
        bins[place] += prefill / BIN_SECONDS
        share = ceil((answer * pace + 0.01) / BIN_SECONDS)
        for later in range(place, min(place + share, len(bins))):
            bins[later] += (total - prefill) / share / BIN_SECONDS
    return bins
