"""The two ways in which a reconcile ends early on purpose.

    Exception
    ├── Stalled   the user must act; retrying changes nothing until the object or the cluster changes
    └── Waiting   nothing is wrong; come back after a while

Anything else is a fault: it is retried with backoff. Must not know who raises or maps them.
"""


class Stalled(Exception):
    """The LLMService cannot be brought about as written: what is wrong, where, and what to do."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message


class Waiting(Exception):
    """Something is on its way: look again after `after` seconds."""

    def __init__(self, reason: str, after: float) -> None:
        super().__init__(f"{reason}: again after {after:g} s")
        self.reason = reason
        self.after = after
