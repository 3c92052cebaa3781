"""What a check can find, in the words that the operator turns into a condition.

Owns the reasons. Must not read or write anything.
"""

from dataclasses import dataclass
from typing import Literal

Reason = Literal[
    "ModelNotFound",
    "CorruptWeights",
    "UnsafeFormat",
    "UnsupportedArchitecture",
    "InsufficientMemory",
    "InvalidModelConfig",
    "GroupRestarting",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """Why this model cannot be served: what is wrong, where, and what to do about it."""

    reason: Reason
    message: str
