"""What a check can find, in the words that the operator turns into a condition.

Owns the reasons and their exit code. Must not read or write anything.
"""

from dataclasses import dataclass
from typing import Final, Literal

Reason = Literal[
    "ModelNotFound",
    "CorruptWeights",
    "UnsafeFormat",
    "UnsupportedArchitecture",
    "InsufficientMemory",
    "InvalidModelConfig",
]

# sysexits' EX_CONFIG: starting again changes nothing until someone changes the model or the LLMService.
EXIT_FINDING: Final = 78


@dataclass(frozen=True, slots=True)
class Finding:
    """Why this model cannot be served: what is wrong, where, and what to do about it."""

    reason: Reason
    message: str
