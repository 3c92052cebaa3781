"""Campaign `watches`: what befalls a watch, at events all over a workload. Pure.

Owns which faults, and where each is tried. A watch is refused when it is opened again: it is closed first.
"""

from __future__ import annotations

from collections.abc import Sequence

from chaos.faults import Fault, Place, Plan

WORDS = (
    "a watch says 410 or 500, half a line, an unknown type, is closed, silent for 90 s, doubled or out of order; "
    "or it is closed and then refused with 401, 404, 410, 429, 500 or 503"
)
FAULTS = (
    Fault.GONE_EVENT,
    Fault.ERROR_EVENT,
    Fault.BROKEN_LINE,
    Fault.UNKNOWN_TYPE,
    Fault.CLOSE,
    Fault.SILENCE,
    Fault.TWICE,
    Fault.REORDER,
    Fault.UNAUTHORIZED,
    Fault.NOT_FOUND,
    Fault.GONE,
    Fault.TOO_MANY,
    Fault.BROKEN,
    Fault.UNAVAILABLE,
)


def plans(_: str, places: Sequence[Place]) -> list[Plan]:
    """Return each fault once for one workload, spread over its events from the first to the last."""
    events = [place for place in places if place.is_event]
    if not events:
        return []
    return [Plan(events[number * len(events) // len(FAULTS)], fault) for number, fault in enumerate(FAULTS)]
