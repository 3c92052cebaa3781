"""How fast a queue moves: what an honest Retry-After is made of."""

from collections import deque
from typing import Final

MARK_SECONDS: Final = 5.0
# The speed is that of the last 10 to 15 s, or since the queue began if that is less.
MARKS: Final = 3


class Drain:
    """Counts those who left one queue because they were served."""

    __slots__ = ("_marks", "_served")

    def __init__(self) -> None:
        self._served = 0
        self._marks: deque[tuple[float, int]] = deque(maxlen=MARKS)

    def begin(self, now: float) -> None:
        """Forget what was: the queue was empty."""
        self._marks.clear()
        self._marks.append((now, self._served))

    def note(self) -> None:
        """Count one."""
        self._served += 1

    def mark(self, now: float) -> None:
        """Note the count if it is time."""
        if self._marks and now - self._marks[-1][0] >= MARK_SECONDS:
            self._marks.append((now, self._served))

    def per_second(self, now: float) -> float:
        """Return how many are served per second."""
        if not self._marks:
            return 0.0
        at, served = self._marks[0]
        return (self._served - served) / max(now - at, 1.0)
