"""Which news of a status cannot wait: those that someone acts on. Counts and sentences about what goes on may.

Owns the line between them, so that what comes in quick steps (workers that become ready one by one) is written once.
Pure.
"""

from collections.abc import Mapping
from typing import Any, Final

from tidegate_operator.conditions.record import by_type
from tidegate_operator.reasons import REASONS

# How long such news wait at most after the last write, in seconds.
PATIENCE_SECONDS: Final = 5.0
_COUNTS: Final = frozenset({"replicas", "readyReplicas", "ready", "pools", "startup"})
_Status = Mapping[str, Any]


def is_urgent(before: _Status | None, after: _Status) -> bool:
    """Return whether a status is to be written at once over the one before."""
    if before is None or _rest(before) != _rest(after):
        return True
    was, now = by_type(before), by_type(after)
    return was.keys() != now.keys() or any(_matters(was[kind], now[kind], after) for kind in now)


def _rest(status: _Status) -> dict[str, Any]:
    """Return what is neither a count nor a condition."""
    return {name: value for name, value in status.items() if name not in _COUNTS and name != "conditions"}


def _matters(was: _Status, now: _Status, after: _Status) -> bool:
    if now["status"] != was["status"]:
        # That the last of what is made is done is no news to who knows that it answers.
        return not (
            now["type"] == "Progressing" and after.get("phase") == "Ready" and now["status"] == "False"
        )
    reason = REASONS.get(now["reason"])
    return now["reason"] != was["reason"] and (reason is None or reason.is_warning)
