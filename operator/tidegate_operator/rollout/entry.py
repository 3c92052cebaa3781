"""What a status says of a rollout, and which of its changes deserve an event.

Owns `status.rollout` and the words of its events. Must not decide how far a rollout is.
"""

from collections.abc import Mapping
from typing import Any, Final

from tidegate_operator.desired import Plan
from tidegate_operator.rollout import memory

STARTED: Final = "RolloutStarted"
PROMOTED: Final = "RolloutPromoted"
ROLLED_BACK: Final = "RolloutRolledBack"
PAUSED: Final = "RolloutPaused"
EVENTS: Final = frozenset({STARTED, PROMOTED, ROLLED_BACK, PAUSED})
_UNDER_WAY: Final = ("Canary", "Promoting")
_NO_MORE: Final = "no request goes to it while the spec cannot be brought about: see the condition Degraded"


def entry(status: Mapping[str, Any] | None, plan: Plan | None) -> dict[str, Any]:
    """Return `status.rollout`, empty where nothing is known of it.

    Without a plan nothing goes on and nothing is forgotten; but what is not looked after gets no requests either.
    """
    if plan is not None:
        return memory.told(plan.course, status)
    kept = dict((status or {}).get("rollout") or {})
    if kept.get("phase") == "Canary" and kept.get("verdict") != "Failed":
        return {**kept, "weight": 0, "verdict": "Waiting", "message": _NO_MORE}
    return kept


def changes(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return reason and words of what happened to a rollout between two statuses."""
    before, after = (old or {}).get("rollout") or {}, new.get("rollout") or {}
    was, now = before.get("phase"), after.get("phase")
    tried, name = before.get("canaryRevision"), after.get("canaryRevision")
    found: list[tuple[str, str]] = []
    if was == "Promoting" and tried and after.get("revision") == tried:
        found.append((PROMOTED, f"all workers are of version {tried}."))
    if now in _UNDER_WAY and name != tried:
        how = (
            "is tried on a share of the requests first"
            if now == "Canary"
            else "takes the place of the others"
        )
        found.append((STARTED, f"version {name} {how}; {after.get('revision')} is the one in use."))
    if now == "RollingBack" != was:
        found.append((ROLLED_BACK, f"version {name} is taken back: {after.get('message')}."))
    if now == "Canary" and after.get("verdict") == "Failed" != before.get("verdict"):
        found.append((PAUSED, f"version {name} gets no request any more: {after.get('message')}."))
    return found
