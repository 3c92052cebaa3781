"""Everything that one run of the gateway benchmark measured.

Owns nothing but the values; `goals` judges and `report` tells.
"""

from dataclasses import dataclass, field

from tidegate_bench.gateway.crowd import Held
from tidegate_bench.gateway.latency import Waits
from tidegate_bench.gateway.rounds import Rounds


@dataclass(slots=True)
class Measured:
    """What was measured; a part that was not asked for is empty."""

    rounds: dict[str, Rounds] = field(default_factory=dict)
    waits: list[Waits] = field(default_factory=list)
    held: dict[str, Held] = field(default_factory=dict)
    burst: dict[str, list[int]] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    # Cores that others used, by round.
    foreign: list[float] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)

    def has(self, load: str, arm: str) -> bool:
        """Tell whether an arm was measured under a load."""
        found = self.rounds.get(load)
        return found is not None and bool(found.rounds) and arm in found.rounds[0]
