"""The pages of the last minute, of every gateway.

Owns what is forgotten, and how a counter that began anew is told from one that fell. Must not know what a figure is.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from tidegate_live.page import Key, Page, read

WINDOW_SECONDS: Final = 60.0
# A gateway that has told nothing for so long is none of those that there are.
STALE_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Reading:
    """A page, when it was read, and by how much each counter has grown since the gateway was first seen."""

    at: float
    page: Page
    grown: Mapping[Key, float]


@dataclass(frozen=True, slots=True)
class Track:
    """The readings of one gateway, the oldest first; there is at least one."""

    readings: tuple[Reading, ...]

    @property
    def last(self) -> Reading:
        """The newest."""
        return self.readings[-1]

    @property
    def seconds(self) -> float:
        """How long the readings cover."""
        return self.last.at - self.readings[0].at

    def rate(self, key: Key) -> float:
        """Return by how much a counter grows in a second; 0 while there is but one reading."""
        return self.increase(key) / self.seconds if self.seconds > 0 else 0.0

    def increase(self, key: Key) -> float:
        """Return by how much a counter has grown over the readings."""
        return self.last.grown.get(key, 0.0) - self.readings[0].grown.get(key, 0.0)

    def with_page(self, at: float, page: Page) -> "Track":
        """Return the track with one more reading, and without those that are too old."""
        reading = Reading(at, page, _grown(self.last, page))
        recent = tuple(one for one in self.readings if one.at >= at - WINDOW_SECONDS)
        return Track((*recent, reading))


@dataclass(frozen=True, slots=True)
class Window:
    """The tracks of all gateways, by whatever name tells them apart."""

    tracks: Mapping[str, Track] = field(default_factory=dict)

    def with_page(self, gateway: str, at: float, text: str) -> "Window":
        """Return the window with what a gateway has just told; raises ValueError for what is no page of metrics.

        `at` is in seconds, of one clock for all calls. Readings need not be regular.
        """
        page = read(text)
        known = self.tracks.get(gateway)
        track = Track((Reading(at, page, {}),)) if known is None else known.with_page(at, page)
        return Window({**self.tracks, gateway: track})

    def only(self, gateways: Collection[str]) -> "Window":
        """Return the window of these gateways: others have gone."""
        return Window({name: track for name, track in self.tracks.items() if name in gateways})

    def fresh(self, at: float) -> Iterator[Track]:
        """Yield the tracks of gateways that have told something lately."""
        return (track for track in self.tracks.values() if at - track.last.at <= STALE_SECONDS)


def _grown(last: Reading, page: Page) -> dict[Key, float]:
    """Return by how much each counter has grown: one that is less than before has begun anew at 0."""
    grown = dict(last.grown)
    for key, value in page.counters.items():
        before = last.page.counters.get(key, 0.0)
        grown[key] = grown.get(key, 0.0) + (value - before if value >= before else value)
    return grown
