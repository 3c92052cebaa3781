"""The ways in which a reconcile ends early on purpose.

    Exception
    ├── Stalled   the user must act; retrying changes nothing until the object or the cluster changes
    │   └── Withheld   the spec is valid, and its model is not there yet or could never run so: no new workers
    └── Waiting   nothing is wrong; come back after a while

Anything else is a fault: it is retried with backoff. Must not know who raises or maps them.
"""

from collections.abc import Mapping
from typing import Any


class Stalled(Exception):
    """The LLMService cannot be brought about as written: what is wrong, where, and what to do."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message


class Withheld(Stalled):
    """No workers are made for the sake of the model; those of the last spec that worked go on.

    `after` is in how many seconds to look again where nothing else will tell, None where something will. `estimate` is
    what is known of the model's memory, as `status.estimate` has it.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        after: float | None = None,
        estimate: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(reason, message)
        self.after = after
        self.estimate = estimate


class Waiting(Exception):
    """Something is on its way: look again after `after` seconds."""

    def __init__(self, reason: str, after: float) -> None:
        super().__init__(f"{reason}: again after {after:g} s")
        self.reason = reason
        self.after = after
