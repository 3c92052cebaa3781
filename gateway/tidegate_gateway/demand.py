"""Pools without workers that requests ask for, and when that has to be told.

Owns when a pool's mark is written: at once for the first request, again every 10 s as long as one is held, and not
any more once there is a worker or nobody asks. Pure; `waking` writes.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from math import inf
from typing import Final

# Namespace and name of an LLMService, and a pool of it.
Pool = tuple[str, str, str]

AGAIN_SECONDS: Final = 10.0
# After a failure, twice as long each time.
FIRST_RETRY_SECONDS: Final = 0.25


@dataclass(slots=True)
class Mark:
    """A pool that is asked for."""

    # When it is to be written (again), in seconds of the event loop.
    due_at: float = -inf
    # Whether a request has asked for it since it was written.
    is_asked: bool = True
    failures: int = 0


@dataclass(slots=True)
class Demand:
    """All pools that are asked for. `on_ask` is called when one is new."""

    marks: dict[Pool, Mark] = field(default_factory=dict)
    # How often each pool was asked for when it was not yet.
    wakes: dict[Pool, int] = field(default_factory=dict)
    on_ask: Callable[[], None] = lambda: None

    def ask(self, pool: Pool) -> None:
        """Note that a request wants a pool that has no worker."""
        mark = self.marks.get(pool)
        if mark is not None:
            mark.is_asked = True
            return
        self.marks[pool] = Mark()
        self.wakes[pool] = self.wakes.get(pool, 0) + 1
        self.on_ask()

    def keep(self, asleep: Callable[[Pool], bool]) -> None:
        """Forget the pools that do not sleep any more: the next to ask for one of them is the first again."""
        self.marks = {pool: mark for pool, mark in self.marks.items() if asleep(pool)}

    def due(self, held: Collection[Pool], now: float) -> list[Pool]:
        """Return the pools to be marked now, and forget those whose time has come but nobody asks for."""
        found = []
        for pool, mark in list(self.marks.items()):
            if mark.due_at > now:
                continue
            if mark.is_asked or pool in held:
                found.append(pool)
            else:
                del self.marks[pool]
        return found

    def written(self, pool: Pool, now: float) -> None:
        """Note that a pool was marked."""
        mark = self.marks.get(pool)
        if mark is not None:
            mark.due_at, mark.is_asked, mark.failures = now + AGAIN_SECONDS, False, 0

    def failed(self, pool: Pool, now: float) -> bool:
        """Note that marking a pool failed; return whether that is news."""
        mark = self.marks.get(pool)
        if mark is None:
            return True
        is_news = not mark.failures
        mark.due_at = now + min(AGAIN_SECONDS, FIRST_RETRY_SECONDS * 2**mark.failures)
        # 2 ** 6 quarters of a second are more than the longest.
        mark.failures = min(mark.failures + 1, 6)
        return is_news

    def next_at(self) -> float:
        """Return when to look again, infinite while nothing is asked for."""
        return min((mark.due_at for mark in self.marks.values()), default=inf)
