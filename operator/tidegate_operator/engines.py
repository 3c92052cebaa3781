"""What the operator asks of the engines: the one seam between our code and where their metrics are read.

Owns the shapes, and the grammar of what an engine can say: a value that cannot be is no value. Prometheus and the
engines' own pages answer for real, tests have a stand-in. Must not do I/O.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple, Protocol

# Clocks of nodes differ; what is dated further ahead is no measurement.
AHEAD_SECONDS = 5.0
# Two scrapes of a usual Prometheus (15 s): older than this it may be from before the load changed.
STALE_SECONDS = 30.0
# Beyond it, floats are no whole numbers any more; a counter of tokens takes an engine ten thousand years to get there.
MOST = 2.0**53
# What every engine must say, to be of use.
NEEDED = ("waiting", "running", "kv_used")


class Engine(NamedTuple):
    """A worker that can be asked: its Pod, and where it answers."""

    namespace: str
    pod: str
    uid: str
    address: str


@dataclass(frozen=True, slots=True)
class Figures:
    """What one engine says of itself; `at` is Unix time, the last five are counters since it started.

    `waiting` are requests that wait for room, `kv_used` is 0 to 1, a `kv_capacity_tokens` of 0 is not told.
    """

    at: float
    waiting: int
    running: int
    kv_used: float
    kv_capacity_tokens: int = 0
    prompt_tokens: float = 0.0
    cached_prompt_tokens: float = 0.0
    output_tokens: float = 0.0
    gap_seconds: float = 0.0
    gaps: float = 0.0


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of some engines, by uid of the Pod: figures, or why there are none."""

    figures: Mapping[str, Figures]
    missing: Mapping[str, str]


class Engines(Protocol):
    """Somewhere that engines' metrics can be had."""

    async def read(self, engines: Collection[Engine]) -> Read:
        """Return what each of the engines says; never raises for what it or the network does."""


class Unusable(Exception):
    """What an engine is told to have said cannot be: why."""


def figures(values: Mapping[str, float], at: float, now: float) -> Figures:
    """Return the figures of one engine, from what was read by name of the signal; raises Unusable."""
    _require_fresh(at, now)
    for name in NEEDED:
        if name not in values:
            raise Unusable(f"it does not say {name}")
    for name, value in values.items():
        if not isfinite(value):
            raise Unusable(f"{name} is {value}")
        if value < 0:
            raise Unusable(f"{name} is {value:g}, less than nothing")
        if value > MOST:
            raise Unusable(f"{name} is {value:g}, more than anything is")
    if values["kv_used"] > 1:
        raise Unusable(f"kv_used is {values['kv_used']:g}, more than all")
    return Figures(
        at=at,
        waiting=round(values["waiting"]),
        running=round(values["running"]),
        kv_used=values["kv_used"],
        kv_capacity_tokens=round(values.get("kv_capacity_tokens", 0.0)),
        prompt_tokens=values.get("prompt_tokens", 0.0),
        cached_prompt_tokens=values.get("cached_prompt_tokens", 0.0),
        output_tokens=values.get("output_tokens", 0.0),
        gap_seconds=values.get("gap_seconds", 0.0),
        gaps=values.get("gaps", 0.0),
    )


def _require_fresh(at: float, now: float) -> None:
    if not isfinite(at):
        raise Unusable("it has no valid time")
    if at - now > AHEAD_SECONDS:
        raise Unusable(f"it is dated {at - now:.0f} s in the future: compare the clocks of the nodes")
    if now - at > STALE_SECONDS:
        raise Unusable(f"it is {now - at:.0f} s old")
