"""A law that knows how bursts come about and how strong they are now, and nothing of what will come.

Owns the law. Nobody has it: it reads the two processes that drive the traffic, with their constants, without noise or
delay. What it cannot do for its replicas no law does that has to learn the same from requests.
"""

from dataclasses import dataclass
from math import ceil, exp, sqrt
from statistics import NormalDist

from tidegate_bench.autoscaling.model import START, Start
from tidegate_bench.autoscaling.policies.policy import ANY, Limits, Observation
from tidegate_bench.autoscaling.traces import FAST_SECONDS, FAST_SIGMA, SLOW_SECONDS, SLOW_SIGMA, Levels

# Of the normal distribution: nearly all starts are over by then.
STARTED = 1.6449
_STEPS = 10


@dataclass(slots=True)
class Knowing:
    """Replicas enough for this quantile of the demand when a start would be over.

    What is there already is kept while it may be needed before then. `work` is the replicas' worth of work at the
    hour's mean intensity.
    """

    levels: Levels
    work: float
    quantile: float
    limits: Limits = ANY
    start: Start = START
    interval_seconds: float = 5.0

    def decide(self, observation: Observation) -> int:
        """Return the replicas for what may come."""
        now, ahead = observation.now, self.start.quantile(STARTED)
        orders = self.needed(now, ahead)
        keeps = max(self.needed(now, ahead * step / _STEPS) for step in range(_STEPS + 1))
        return self.limits.clamp(max(orders, min(keeps, len(observation.live))))

    def needed(self, now: float, ahead: float) -> int:
        """Return the replicas for the quantile of the demand so many seconds ahead."""
        index = min(int(now), len(self.levels.fast) - 1)
        fast, slow = exp(-ahead / FAST_SECONDS), exp(-ahead / SLOW_SECONDS)
        spread = sqrt(FAST_SIGMA**2 * (1 - fast * fast) + SLOW_SIGMA**2 * (1 - slow * slow))
        middle = self.levels.fast[index] * fast + self.levels.slow[index] * slow
        level = exp(middle + NormalDist().inv_cdf(self.quantile) * spread) / self.levels.mean
        return ceil(self.work * level - 1e-9)
