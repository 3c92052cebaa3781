"""What a condition is decided with: ordered checks, of which the first finding wins.

Owns the shapes. Must not hold a check.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tidegate_operator.conditions.scene import Scene


@dataclass(frozen=True, slots=True)
class Finding:
    """Why something is as it is: one word, and a sentence with the object and the fix."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one condition says."""

    type: str
    status: Literal["True", "False", "Unknown"]
    finding: Finding


Check = Callable[[Scene], Finding | None]
Chain = tuple[Check, ...]


def first(chain: Chain, scene: Scene) -> Finding | None:
    """Return the first finding of a chain."""
    return next((finding for check in chain if (finding := check(scene)) is not None), None)


def first_by_pool(chain: Chain, scene: Scene) -> Finding | None:
    """Return the first finding about any pool, the highest class's first; it names the pool where there are several."""
    for alone in scene.by_pool():
        finding = first(chain, alone)
        if finding is not None:
            return finding if len(scene.pools) == 1 else _of_pool(alone.pools[0].name, finding)
    return None


def _of_pool(name: str, finding: Finding) -> Finding:
    return Finding(finding.reason, f"pool {name!r}: {finding.message}")
