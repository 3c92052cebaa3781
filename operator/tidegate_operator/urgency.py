"""Which news of a status cannot wait: those that someone acts on. Counts and sentences about what goes on may.

Owns the line between them, so that what comes in quick steps (workers that become ready one by one) is written once.
Pure.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, Final

from tidegate_operator.conditions.record import by_type
from tidegate_operator.reasons import REASONS

# How long after the last write such news wait at most, in seconds.
PATIENCE_SECONDS: Final = 5.0
# How long the first workers wait for the others, in seconds: requests do not.
ARRIVAL_SECONDS: Final = 5.0
_COUNTS: Final = frozenset({"replicas", "readyReplicas", "ready", "pools", "startup"})
_Status = Mapping[str, Any]


class Urgency(Enum):
    """When a status is to be written: now, `ARRIVAL_SECONDS` after it was first seen, or `PATIENCE_SECONDS` later."""

    AT_ONCE = auto()
    SOON = auto()
    LATER = auto()


def urgency(before: _Status | None, after: _Status) -> Urgency:
    """Return when a status is to be written over the one before."""
    if before is None:
        return Urgency.AT_ONCE
    was, now = by_type(before), by_type(after)
    if _is_first_to_arrive(was, now) and _rest(before, "phase") == _rest(after, "phase"):
        return Urgency.SOON
    is_news = (
        _rest(before) != _rest(after)
        or was.keys() != now.keys()
        or any(_matters(was[kind], now[kind], after) for kind in now)
    )
    return Urgency.AT_ONCE if is_news else Urgency.LATER


def _is_first_to_arrive(was: Mapping[str, _Status], now: Mapping[str, _Status]) -> bool:
    """Return whether a service answers now that did not, while more of it is on the way."""
    return _is(was, "Ready") != "True" == _is(now, "Ready") and _is(now, "Progressing") == "True"


def _is(conditions: Mapping[str, _Status], kind: str) -> str | None:
    return conditions[kind]["status"] if kind in conditions else None


def _rest(status: _Status, *beside: str) -> dict[str, Any]:
    """Return what is neither a count nor a condition."""
    left_out = {*_COUNTS, "conditions", *beside}
    return {name: value for name, value in status.items() if name not in left_out}


def _matters(was: _Status, now: _Status, after: _Status) -> bool:
    if now["status"] != was["status"]:
        # That the last of what is made is done is no news to who knows that it answers.
        return not (
            now["type"] == "Progressing" and after.get("phase") == "Ready" and now["status"] == "False"
        )
    reason = REASONS.get(now["reason"])
    return now["reason"] != was["reason"] and (reason is None or reason.is_warning)
