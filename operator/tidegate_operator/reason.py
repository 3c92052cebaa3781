"""What a reason is: one word, and what goes with it.

Owns the shape. Must not hold a reason.
"""

from dataclasses import dataclass
from typing import Literal

Phase = Literal["Pending", "Loading", "Ready", "Degraded", "Failed", "Suspended"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One word, with the condition it belongs to, the phase of a service that is not ready for it, and its docs."""

    name: str
    condition: str
    phase: Phase
    meaning: str
    fix: str = ""

    @property
    def is_warning(self) -> bool:
        """Return whether a person should look: what passes by itself is no warning."""
        return bool(self.fix)
