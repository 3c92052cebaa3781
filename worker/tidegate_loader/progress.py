"""How far a load is: bytes, files, speed, time that remains.

Owns the arithmetic. Pure: the clock's reading is an argument. What is told never goes back, also where a file has to
be fetched twice.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Step = Literal["Resolving", "Evicting", "Downloading", "Verifying", "Done"]

# Long enough to be calm, short enough to notice that a hub stands still.
WINDOW_SECONDS: Final = 15.0
SAMPLE_SECONDS: Final = 0.5


@dataclass
class Meter:
    """The bytes per second of the last moments."""

    samples: deque[tuple[float, int]] = field(default_factory=deque)

    def note(self, done: int, now: float) -> None:
        """Take down how many bytes are there."""
        if self.samples and now - self.samples[-1][0] < SAMPLE_SECONDS:
            return
        self.samples.append((now, done))
        while len(self.samples) > 2 and now - self.samples[1][0] >= WINDOW_SECONDS:
            self.samples.popleft()

    def rate(self, done: int, now: float) -> int:
        """Return bytes per second since the window began; zero before there is anything to measure."""
        if not self.samples:
            return 0
        since, began = self.samples[0]
        return max(0, round((done - began) / (now - since))) if now - since >= SAMPLE_SECONDS else 0


@dataclass
class Progress:
    """One load as it is told."""

    step: Step = "Resolving"
    revision: str | None = None
    path: str | None = None
    total: int = 0
    files_total: int = 0
    done: int = 0
    files_done: int = 0
    # The most that was ever told.
    told: int = 0
    meter: Meter = field(default_factory=Meter)

    def begin(self, done: int, files_done: int, now: float) -> None:
        """Start to count with what was there before; that is no speed."""
        self.done, self.files_done = done, files_done
        self.told = max(self.told, done)
        self.meter = Meter()
        self.meter.note(done, now)

    def add(self, count: int, now: float) -> None:
        """Count bytes that came, or with a minus those that have to come again."""
        self.done += count
        self.told = max(self.told, min(self.done, self.total))
        self.meter.note(self.done, now)

    def tell(self, now: float) -> dict[str, Any]:
        """Return what the operator asks for."""
        rate = self.meter.rate(self.done, now) if self.step == "Downloading" else 0
        left = self.total - self.told
        return {
            "step": self.step,
            "revision": self.revision,
            "path": self.path,
            "bytesDone": self.told,
            "bytesTotal": self.total,
            "bytesPerSecond": rate,
            "remainingSeconds": -(-left // rate) if rate and left else None,
            "filesDone": self.files_done,
            "filesTotal": self.files_total,
        }
