"""The highest (or lowest) number of replicas that was asked for within a window, in little memory.

Owns the stabilisation of decisions. Must not know how a number came about.
"""

from collections.abc import Sequence

from tidegate_operator.scaling.facts import Rules
from tidegate_operator.scaling.tuning import Tuning

# When, and how many replicas were asked for.
Want = tuple[float, int]
# Windows are no longer than this (the Kubernetes API's own bound for a stabilisation window).
LONGEST_SECONDS = 3600.0


def push_high(wants: Sequence[Want], want: Want) -> tuple[Want, ...]:
    """Return the wants that can still be the highest of some window: each is above all later ones."""
    oldest = want[0] - LONGEST_SECONDS
    return (*(one for one in wants if one[1] > want[1] and one[0] >= oldest), want)


def push_low(wants: Sequence[Want], want: Want) -> tuple[Want, ...]:
    """Return the wants that can still be the lowest of some window: each is below all later ones."""
    oldest = want[0] - LONGEST_SECONDS
    return (*(one for one in wants if one[1] < want[1] and one[0] >= oldest), want)


def within(wants: Sequence[Want], now: float, seconds: float) -> int | None:
    """Return the extreme of a window; None if nothing was asked in it."""
    return next((want for at, want in wants if at >= now - seconds), None)


def down_seconds(rules: Rules, cold_start_p90: float, tuning: Tuning) -> float:
    """Return how long a want holds before fewer replicas may do: as the user says, or by how long a start takes."""
    if rules.stabilization_window_seconds is not None:
        return float(rules.stabilization_window_seconds)
    return max(tuning.down_window_seconds, tuning.window_cold_starts * cold_start_p90)
