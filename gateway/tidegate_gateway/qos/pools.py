"""What was admitted to a pool, class by class, and what of it in the last minute.

Owns the counters. Must not decide anything.
"""

from collections import deque
from math import inf
from typing import TYPE_CHECKING, Final

from tidegate_gateway.routing.endpoint import Endpoint

if TYPE_CHECKING:
    from tidegate_gateway.qos.lanes import Lane

WINDOW_SECONDS: Final = 60.0
# The counters are noted this often, instead of counting each admission into a bucket of its own.
MARK_SECONDS: Final = 5.0
MARKS: Final = int(WINDOW_SECONDS / MARK_SECONDS) + 1


class Tally:
    """One class in one pool: requests with workers now, and counts since the gateway started."""

    __slots__ = (
        "arrived",
        "arrived_prompt_tokens",
        "expired",
        "finished",
        "finished_output_tokens",
        "first_tokens",
        "late_first_tokens",
        "overloaded",
        "preempted",
        "requests",
        "running",
        "spilled",
        "tokens",
    )

    def __init__(self) -> None:
        self.running = 0
        # Admitted, retries and second turns included.
        self.requests = 0
        self.tokens = 0
        # Of these, requests of a class whose own pool is another.
        self.spilled = 0
        self.preempted = 0
        self.expired = 0
        self.overloaded = 0
        # Counted where the class is at home, wherever it is served: what it asks of its own pool. All that came, also
        # those that found no room; of those that ended with a worker, the tokens that came back; streams that began,
        # and those that began later than the class's objective.
        self.arrived = 0
        self.arrived_prompt_tokens = 0
        self.finished = 0
        self.finished_output_tokens = 0
        self.first_tokens = 0
        self.late_first_tokens = 0


class Pool:
    """Workers of one kind, and who was served by them."""

    __slots__ = ("_marks", "endpoints", "minute_tokens", "name", "owners", "starved_at", "tallies")

    def __init__(self, name: str, now: float) -> None:
        self.name = name
        self.endpoints: tuple[Endpoint, ...] = ()
        # Classes at home here, the highest first.
        self.owners: tuple[Lane, ...] = ()
        # By rank of class.
        self.tallies = (Tally(), Tally(), Tally())
        # When a request last found no credits here.
        self.starved_at = -inf
        # Tokens that are admitted per minute; infinite while that is not known.
        self.minute_tokens = inf
        self._marks: deque[tuple[float, tuple[int, ...]]] = deque(maxlen=MARKS)
        self._note(now)

    def mark(self, now: float) -> bool:
        """Note the counters if it is time, and tell whether it was."""
        if now - self._marks[-1][0] < MARK_SECONDS:
            return False
        seconds = now - self._marks[0][0]
        self.minute_tokens = sum(self.recent_tokens()) * WINDOW_SECONDS / seconds
        self._note(now)
        return True

    def _note(self, now: float) -> None:
        self._marks.append((now, tuple(tally.tokens for tally in self.tallies)))

    def recent_tokens(self) -> list[int]:
        """Return the tokens admitted in the last 60 to 65 s, by rank of class."""
        return [tally.tokens - before for tally, before in zip(self.tallies, self._marks[0][1], strict=True)]
