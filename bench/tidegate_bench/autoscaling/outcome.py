"""What came of a run, in figures.

Owns what counts as served, and over which time. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate_bench.autoscaling.engine import Request
from tidegate_bench.autoscaling.model import OBJECTIVE, Objective
from tidegate_bench.autoscaling.world import Change, Lane
from tidegate_bench.statistics import quantile


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run after its time to warm up, on a scale of one hour where something is per hour."""

    requests: int
    # Share of the requests that got their first token and the others in time; who was cut or never ended did not.
    attainment: float
    first_token_p50: float
    first_token_p99: float
    replica_hours: float
    changes_per_hour: float
    cut: int
    unfinished: int
    preemptions: int
    # Replicas were taken away while some measurement was missing.
    blind_downs: int


def is_served(request: Request, objective: Objective) -> bool:
    """Tell whether a request got what it has to get."""
    if request.first is None or request.end is None or request.refused:
        return False
    if request.first - request.arrived > objective.first_token_seconds:
        return False
    gaps = request.output - 1
    return gaps <= 0 or request.end - request.first <= gaps * objective.token_seconds


def outcome(lane: Lane, objective: Objective | None = None) -> Outcome:
    """Return what came of a run.

    Replica-hours are those of the trace's own time; what still waits after it is served by what there is.
    """
    judged = objective or OBJECTIVE
    warm, seconds = lane.trace.warm_seconds, lane.trace.seconds
    requests = [r for r in lane.requests if r.arrived >= warm]
    served = sum(is_served(request, judged) for request in requests)
    waits = first_waits(requests, lane.ended)
    hours = (seconds - warm) / 3600
    changes = [change for change in lane.changes if warm <= change.at < seconds]
    return Outcome(
        len(requests),
        served / max(1, len(requests)),
        quantile(waits, 0.5) if waits else 0.0,
        quantile(waits, 0.99) if waits else 0.0,
        lane.pool.hours(warm, seconds) / hours,
        len(changes) / hours,
        lane.pool.cut,
        sum(request.end is None for request in requests),
        sum(request.preemptions for request in requests),
        blind_downs(lane.changes),
    )


def first_waits(requests: Sequence[Request], ended: float) -> list[float]:
    """Return the seconds to the first token; of who never got one, those until the run ended."""
    return [(ended if r.first is None else r.first) - r.arrived for r in requests]


def blind_downs(changes: Sequence[Change]) -> int:
    """Return how often replicas were taken away while some measurement was missing."""
    return sum(change.blind and change.after < change.before for change in changes)
