"""When each key is worked on: once per key at a time, a few keys in parallel, what does not succeed later and later.

Owns order, deduplication, backoff and the clock of both. Must not know what a key means or what is done with it.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, Protocol, TypeVar

from tidegate_operator.cluster import ClusterError
from tidegate_operator.errors import Waiting

K = TypeVar("K", bound=Hashable)

# Of so many keys in a row, the last is one that nobody has asked for, if there is one: no line stands still.
TURNS = 4
FIRST_BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 60.0


class Timer(Protocol):
    """Something that will happen, unless it is called off."""

    def cancel(self) -> None:
        """Call it off."""

    def when(self) -> float:
        """Return its time."""


class Clock(Protocol):
    """The part of an event loop that tells and keeps time; tests have one that stands still."""

    def time(self) -> float:
        """Return seconds that only grow."""

    def call_at(self, when: float, callback: Callable[[K], None], key: K, /) -> Timer:
        """Call back at a time."""


class WorkQueue(Generic[K]):
    """Calls `work(key)` for every added key; what it returns is after how many seconds to look again.

    A key added while it waits is worked on once; one added while it is worked on, once more afterwards. What somebody
    has asked for goes ahead of what has only happened.
    """

    def __init__(
        self,
        work: Callable[[K], Awaitable[float | None]],
        failed: Callable[[K, Exception], None],
        clock: Clock,
        *,
        timeout: float = 60,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._work = work
        self._failed = failed
        self._clock = clock
        self._timeout = timeout
        self._jitter = jitter
        # In order of arrival, with the time of it.
        self._asked: dict[K, float] = {}
        self._waiting: dict[K, float] = {}
        self._turn = 0
        # Keys that go ahead when their time comes.
        self._ahead: set[K] = set()
        self._busy: dict[K, float] = {}
        self._again: set[K] = set()
        self._timers: dict[K, Timer] = {}
        self._failures: dict[K, int] = {}
        self._arrived = asyncio.Event()

    def add(self, key: K) -> None:
        """Work on a key as soon as a worker is free."""
        if timer := self._timers.pop(key, None):
            timer.cancel()
        if key in self._busy:
            self._again.add(key)
        elif key not in self._waiting and key not in self._asked:
            line = self._asked if key in self._ahead else self._waiting
            line[key] = self._clock.time()
            self._arrived.set()

    def add_after(self, key: K, seconds: float, *, is_asked: bool = False) -> None:
        """Work on a key after a while, unless it is due earlier anyway."""
        when = self._clock.time() + seconds
        if is_asked:
            self._ahead.add(key)
            if key in self._waiting:
                self._asked[key] = self._waiting.pop(key)
        if key in self._waiting or key in self._asked or key in self._again:
            return
        if timer := self._timers.get(key):
            if timer.when() <= when:
                return
            timer.cancel()
        self._timers[key] = self._clock.call_at(when, self._due, key)

    @property
    def depth(self) -> int:
        """Return how many keys wait for a worker."""
        return len(self._waiting) + len(self._asked)

    def stalled_seconds(self) -> float:
        """Return for how long the first key in line has waited, or the longest work has run."""
        lines = (self._waiting, self._asked)
        since = [*(next(iter(line.values())) for line in lines if line), *self._busy.values()]
        return max((self._clock.time() - start for start in since), default=0.0)

    async def run(self, workers: int) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(workers):
                group.create_task(self._worker(), name=f"reconciler {number}")

    async def _worker(self) -> None:
        while True:
            await self.step()

    async def step(self) -> None:
        """Wait for a key and work on it once."""
        while not (self._waiting or self._asked):
            self._arrived.clear()
            await self._arrived.wait()
        key = self._next()
        self._busy[key] = self._clock.time()
        try:
            again = await self._attempt(key)
        finally:
            del self._busy[key]
        if key in self._again:
            self._again.discard(key)
            self.add(key)
        elif again is not None:
            self.add_after(key, again)

    def _next(self) -> K:
        self._turn = (self._turn + 1) % TURNS
        line = self._waiting if not self._asked or (self._waiting and self._turn == 0) else self._asked
        key = next(iter(line))
        del line[key]
        self._ahead.discard(key)
        return key

    async def _attempt(self, key: K) -> float | None:
        try:
            async with asyncio.timeout(self._timeout):
                again = await self._work(key)
        except Waiting as waiting:
            # What is to pass in a moment may not: the API server is not asked every moment for ever.
            return max(waiting.after, self._backoff(key))
        except Exception as error:
            self._failed(key, error)
            return max(error.after if isinstance(error, ClusterError) else 0.0, self._backoff(key))
        self._failures.pop(key, None)
        return again

    def _backoff(self, key: K) -> float:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        longest: float = min(FIRST_BACKOFF_SECONDS * 2 ** min(failures, 30), LONGEST_BACKOFF_SECONDS)
        # Between half and all of it, so that keys that failed together do not come back together.
        return longest * (0.5 + self._jitter() / 2)

    def _due(self, key: K) -> None:
        del self._timers[key]
        self.add(key)
