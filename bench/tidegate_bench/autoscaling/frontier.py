"""Attainment against replica-hours: what a law can have for its money, whatever its knob.

Owns the comparison. A law's points are those of its knob; between two of them a straight line, which is to the favour
of who has few.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class Point:
    """One setting of a law: its knob, replicas on average, share of requests served."""

    knob: str
    hours: float
    attainment: float


def frontier(points: Sequence[Point]) -> list[Point]:
    """Return the points that no other beats on both axes, by hours."""
    best: list[Point] = []
    for point in sorted(points, key=lambda p: (p.hours, -p.attainment)):
        if not best or point.attainment > best[-1].attainment:
            best.append(point)
    return best


def attainment_at(points: Sequence[Point], hours: float) -> float:
    """Return the attainment that can be had for so many replica-hours; 0 if all points cost more."""
    best = frontier(points)
    below = [point for point in best if point.hours <= hours]
    if not below:
        return 0.0
    if len(below) == len(best):
        return below[-1].attainment
    left, right = below[-1], best[len(below)]
    share = (hours - left.hours) / (right.hours - left.hours)
    return left.attainment + share * (right.attainment - left.attainment)


def hours_for(points: Sequence[Point], attainment: float) -> float:
    """Return the replica-hours that an attainment costs; infinite if no point has it.

    Where even the cheapest point has more, it is that point's hours: the knob was not turned further.
    """
    before: Point | None = None
    for point in frontier(points):
        # Means of equal numbers are not always that number.
        if point.attainment >= attainment - 1e-9:
            if before is None:
                return point.hours
            share = (attainment - before.attainment) / (point.attainment - before.attainment)
            return before.hours + share * (point.hours - before.hours)
        before = point
    return inf


def averaged(runs: Sequence[Sequence[Point]]) -> list[Point]:
    """Return the means over seeds of points with the same knobs in the same order."""
    return [
        Point(
            same[0].knob,
            sum(point.hours for point in same) / len(same),
            sum(point.attainment for point in same) / len(same),
        )
        for same in zip(*runs, strict=True)
    ]
