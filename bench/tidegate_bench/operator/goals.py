"""What the operator is to reach at each size, and whether it does.

Owns the limits. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tidegate_bench.operator.audit import WRITES
from tidegate_bench.operator.rounds import Measured
from tidegate_bench.results import Goal
from tidegate_bench.statistics import Figure, quantile

# Services up to which a limit counts, and the limit.
RATIOS: Final = ((1000, 1.5), (5000, 2.0))
MEMORY: Final = ((0, 80.0), (1000, 150.0), (5000, 350.0))
READY_SECONDS: Final = 120.0
EXTRA_WRITES: Final = 3
STEADY_CORES: Final = 0.01
IDLE_SECONDS: Final = 1.0
BURST_SECONDS: Final = 5.0
RESTART_SECONDS: Final = 30.0


def judged(found: Sequence[Measured]) -> list[Goal]:
    """Return the goals that sizes say something about."""
    return [goal for one in found for goal in _of(one)]


def _of(one: Measured) -> Iterator[Goal]:
    size = f"operator-{one.services}"
    if one.script_seconds:
        ratio = one.ready_seconds / one.script_seconds
        yield Goal(f"{size}-ready-to-script", _exactly(ratio), "×script", _limit(RATIOS, one.services))
    if one.services == 1000:
        yield Goal(f"{size}-ready", _exactly(one.ready_seconds), "s", READY_SECONDS)
    extra = writes(one.calls) / one.services - one.children
    yield Goal(f"{size}-writes-besides-children", _exactly(extra), "per service", EXTRA_WRITES)
    yield Goal(
        f"{size}-reads", _exactly((reads(one.calls) + reads(one.refused)) / one.services), "per service", 0
    )
    yield Goal(f"{size}-steady-writes", _exactly(writes(one.steady_calls)), "writes", 0)
    yield Goal(f"{size}-steady-cores", _exactly(one.steady_cores), "cores", STEADY_CORES)
    yield Goal(f"{size}-change-p99", _exactly(quantile(one.idle_delays, 0.99)), "s", IDLE_SECONDS)
    yield Goal(f"{size}-change-in-burst-p99", _exactly(quantile(one.burst_delays, 0.99)), "s", BURST_SECONDS)
    yield Goal("operator-0-rss", _exactly(one.rss_empty), "MiB", _limit(MEMORY, 0))
    yield Goal(f"{size}-rss", _exactly(one.rss_full), "MiB", _limit(MEMORY, one.services))
    yield Goal(f"{size}-restart", _exactly(one.restart_seconds), "s", RESTART_SECONDS)
    yield Goal(f"{size}-restart-writes", _exactly(writes(one.restart_calls)), "writes", 0)


def writes(calls: Mapping[str, int]) -> int:
    """Return how many calls write."""
    return sum(count for name, count in calls.items() if name.partition(" ")[0] in WRITES)


def reads(calls: Mapping[str, int]) -> int:
    """Return how many calls read a single object."""
    return sum(count for name, count in calls.items() if name.partition(" ")[0] == "get")


def _limit(limits: Sequence[tuple[int, float]], services: int) -> float:
    """Return the limit of the smallest size that is at least this one."""
    return next((limit for size, limit in limits if services <= size), limits[-1][1])


def _exactly(value: float) -> Figure:
    return Figure(value, value, value)
