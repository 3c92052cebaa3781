"""What QoS has to achieve, judged on one run.

Owns the goals and their limits. Pure.
"""

from collections.abc import Sequence

from tidegate_bench.qos.inversions import Counted
from tidegate_bench.qos.rounds import SEED, Rounds
from tidegate_bench.qos.windows import Long
from tidegate_bench.results import Goal
from tidegate_bench.statistics import Figure, interval


def judged(rounds: Rounds, longs: Sequence[Long], counted: Counted | None) -> list[Goal]:
    """Return the goals of what was measured."""
    goals = []
    if rounds.rounds:
        first = interval(rounds.ratios("overload", "unloaded", "p99", "high"), SEED)
        goals.append(Goal("qos-high-first-token-p99", first, "×unloaded", 1.5))
        goodput = interval(rounds.ratios("overload", "fits as one class", "goodput"), SEED)
        goals.append(Goal("qos-goodput", goodput, "×fifo-at-its-knee", 0.95, at_least=True))
    if longs:
        least = interval([each.least_low_share for each in longs], SEED)
        goals.append(Goal("qos-low-in-any-minute", least, "of-service", 0.05, at_least=True))
    if counted is not None:
        exact = float(counted.inversions)
        told = f"in-{counted.admissions}-admissions"
        goals.append(Goal("qos-inversions", Figure(exact, exact, exact), told, 0))
    return goals
