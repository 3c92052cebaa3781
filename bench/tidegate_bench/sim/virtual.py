"""Simulated engines in simulated time: no loop, no sockets, the same result for the same input.

Owns the clock and the order of events. What sends requests is the caller's.
"""

import heapq
from collections.abc import Callable

from tidegate_bench.sim.profile import Profile
from tidegate_bench.sim.scheduler import Scheduler
from tidegate_bench.sim.sequence import Sequence


class Clock:
    """Time that passes only from event to event."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Do something at a time; at the same time, in the order in which it was asked for."""
        self._count += 1
        heapq.heappush(self._events, (max(when, self.now), self._count, action))

    def run(self, until: float) -> None:
        """Let time pass until nothing is left to do, or until it is `until`."""
        while self._events and self._events[0][0] <= until:
            self.now, _, action = heapq.heappop(self._events)
            action()


class VirtualEngine:
    """One engine; `advanced` is told each sequence that has a new token."""

    def __init__(self, profile: Profile, clock: Clock, advanced: Callable[[Sequence], None]) -> None:
        self.scheduler = Scheduler(profile)
        self._clock = clock
        self._advanced = advanced
        self._busy = False

    def submit(self, sequence: Sequence) -> None:
        """Queue a sequence, after the time that its way into the engine takes."""
        delay = self.scheduler.profile.request_seconds
        self._clock.at(self._clock.now + delay, lambda: self._queue(sequence))

    def abort(self, sequence: Sequence) -> None:
        """Forget a sequence that has been queued."""
        self.scheduler.abort(sequence)

    def _queue(self, sequence: Sequence) -> None:
        self.scheduler.submit(sequence, self._clock.now)
        if not self._busy:
            self._begin()

    def _begin(self) -> None:
        seconds = self.scheduler.begin(self._clock.now)
        self._busy = seconds is not None
        if seconds is not None:
            self._clock.at(self._clock.now + seconds, self._end)

    def _end(self) -> None:
        for sequence in self.scheduler.end(self._clock.now):
            self._advanced(sequence)
        self._begin()
