"""What one decision rests on.

Owns the value that the law's parts are given. Must not decide.
"""

from dataclasses import dataclass

from tidegate_operator.scaling.facts import ColdStart, Policy, Supply
from tidegate_operator.scaling.signals import Seen
from tidegate_operator.scaling.tuning import Tuning


@dataclass(frozen=True, slots=True)
class Case:
    """What was seen of one pool at `now`, what there is, what the user asks, and how long a start takes."""

    seen: Seen
    supply: Supply
    policy: Policy
    start: ColdStart
    now: float
    tuning: Tuning
