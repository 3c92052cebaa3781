"""A scheduler in real time: a step begins where the last one ended, by plan, not by when the timer fired.

Owns the clock. A timer that fires late by little is caught up, so that a rounded timer costs no throughput; one that
fires late by more moves the plan, as for a real engine on a machine without time for it, and is accounted for.
"""

import time
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from typing import Final

from tidegate_bench.sim.scheduler import Scheduler
from tidegate_bench.sim.sequence import Sequence

LATE_SECONDS: Final = 0.02


class Runner:
    """Runs one scheduler on a loop; `advanced` is told each sequence that has a new token or is done."""

    def __init__(
        self,
        scheduler: Scheduler,
        loop: AbstractEventLoop,
        advanced: Callable[[Sequence], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.scheduler = scheduler
        # The loop's clock, but finer: uvloop's own only knows whole milliseconds.
        self._clock = clock
        # Every step takes this many times as long.
        self.factor = 1.0
        # Seconds by which steps ended too late: what a bench must find small.
        self.lag_seconds = 0.0
        self._loop = loop
        self._advanced = advanced
        self._ends = 0.0
        self._timer: TimerHandle | None = None

    def submit(self, sequence: Sequence) -> None:
        """Queue a sequence; raises TooLong."""
        now = self._clock()
        self.scheduler.submit(sequence, now)
        if self._timer is None:
            self._begin(now)

    def stop(self) -> None:
        """Run no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _begin(self, now: float) -> bool:
        seconds = self.scheduler.begin(now)
        if seconds is None:
            return False
        self._ends = now + seconds * self.factor
        self._timer = self._loop.call_at(self._ends, self._tick)
        return True

    def _tick(self) -> None:
        self._timer = None
        now = self._clock()
        while True:
            ended = self._ends
            for sequence in self.scheduler.end(ended):
                self._advanced(sequence)
            if now - ended > LATE_SECONDS:
                self.lag_seconds += now - ended
                ended = now
            if self._timer is not None or not self._begin(ended):
                # What was told may have asked for more at once.
                return
            if self._ends > now:
                return
            self.stop()
