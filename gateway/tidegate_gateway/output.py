"""How many tokens a service's answers have had, in all and per second.

Owns the last minute. Pure: `now` is an argument.
"""

from typing import Final

WINDOW_SECONDS: Final = 60


class Output:
    """Tokens of answers."""

    __slots__ = ("_first", "_seconds", "total")

    def __init__(self) -> None:
        self.total = 0
        # One count per second of the last minute, each for the second that it was last written in.
        self._seconds = [(-1, 0)] * WINDOW_SECONDS
        self._first = -1

    def add(self, tokens: int, now: float) -> None:
        """Count the tokens of an answer that ends `now`."""
        self.total += tokens
        second = int(now)
        if self._first < 0:
            self._first = second
        index = second % WINDOW_SECONDS
        written, count = self._seconds[index]
        self._seconds[index] = (second, tokens + (count if written == second else 0))

    def per_second(self, now: float) -> float:
        """Return tokens per second over the last minute, or since the first answer if that is less."""
        second = int(now)
        seconds = min(WINDOW_SECONDS, second - self._first + 1) if self._first >= 0 else 1
        return sum(count for written, count in self._seconds if second - written < WINDOW_SECONDS) / seconds
