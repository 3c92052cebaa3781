"""What `status.scaling` says of each pool, and which of its changes are worth an event.

Owns the entries. One is written anew only when what is wanted, what decides or what holds it back has changed, so that
a steady load writes nothing; its numbers are those of that moment. Must not decide how many are wanted.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any, Final

from tidegate_api.scaling import HISTORY_LENGTH
from tidegate_operator.conditions.record import rfc3339
from tidegate_operator.desired import Pool
from tidegate_operator.facts import Manifest, Target
from tidegate_operator.remarks import HELD, UNREAD
from tidegate_operator.scaling.facts import Decision

Entry = Mapping[str, Any]

# What alternates is told no more often than this.
_PATIENCE: Final = timedelta(seconds=60)
_MESSAGE_LENGTH: Final = 1024
# What keeps a pool from the workers that it needs, and that somebody may want to mend.
CONSTRAINTS: Final = frozenset({"CappedByBudget", "CappedByCost", "ScaleUpStuck"})
# Every reason that `changes` can yield.
EVENTS: Final = frozenset(
    {"ScaledUp", "ScaledDown", "ScaledToZero", "Woken", "ResourceConstrained", "MetricsUnavailable", UNREAD}
)
# What decides while nothing can be measured.
BLIND: Final = "NoData"
_URGENT: Final = CONSTRAINTS | {HELD, UNREAD, "Fallback"}


def entries(
    status: Manifest | None, pools: Iterable[Pool], targets: Mapping[str, Target]
) -> list[dict[str, Any]]:
    """Return the entry of each pool that scales, given what the status says so far."""
    before = by_pool(status)
    found = (_entry(before.get(pool.name), pool, targets.get(pool.name)) for pool in pools)
    return [one for one in found if one is not None]


def by_pool(status: Manifest | None) -> dict[str, Entry]:
    """Return the entries of a status by pool."""
    return {one["pool"]: one for one in (status or {}).get("scaling") or ()}


def constraints(entry: Entry) -> list[str]:
    """Return why a pool has not the workers that it needs, in sentences."""
    return [one["message"] for one in entry.get("clamps") or () if one["reason"] in CONSTRAINTS]


def unread(entry: Entry) -> str:
    """Return what is said of workers that could not be read for long, empty if there are none."""
    return next((str(one["message"]) for one in entry.get("clamps") or () if one["reason"] == UNREAD), "")


def is_blind(entry: Entry) -> bool:
    """Return whether nothing could be measured."""
    return bool(entry["binding"] == BLIND)


def is_news(entry: Entry | None, mode: str, decision: Decision) -> bool:
    """Return whether a decision is to be written where the status has this entry.

    What is wanted, what keeps a pool from it and what could not be measured is told at once. Which of several terms is
    ahead, and what slows a change down, may alternate with every look.
    """
    if entry is None or (entry["mode"], entry["wanted"]) != (mode, decision.wanted):
        return True
    was, now = {one["reason"] for one in entry.get("clamps") or ()}, {one.reason for one in decision.clamps}
    if is_blind(entry) != (decision.binding == BLIND) or (was ^ now) & _URGENT:
        return True
    if (entry["binding"], was) == (decision.binding, now):
        return False
    return _moment(decision.at) - datetime.fromisoformat(entry["decidedAt"]) >= _PATIENCE


def changes(old: Manifest | None, new: Manifest) -> Iterator[tuple[str, str]]:
    """Yield reason and message of what is worth an event between two statuses."""
    before = by_pool(old)
    for pool, now in by_pool(new).items():
        was = before.get(pool)
        if was is not None and was["wanted"] != now["wanted"] and now["mode"] == "Auto":
            yield _direction(was["wanted"], now["wanted"]), f"pool {pool!r}: {now['message']}"
        fresh = _constrained(now) - _constrained(was)
        if fresh:
            yield "ResourceConstrained", f"pool {pool!r}: {'; '.join(constraints(now))}"
        if is_blind(now) and not (was is not None and is_blind(was)):
            yield "MetricsUnavailable", f"pool {pool!r}: {now['message']}"
        if unread(now) and not (was is not None and unread(was)):
            yield UNREAD, f"pool {pool!r}: {unread(now)}"


def _direction(before: int, after: int) -> str:
    if after > before:
        return "ScaledUp" if before else "Woken"
    return "ScaledDown" if after else "ScaledToZero"


def _constrained(entry: Entry | None) -> set[str]:
    clamps = entry.get("clamps") or () if entry is not None else ()
    return {one["reason"] for one in clamps} & CONSTRAINTS


def _entry(before: Entry | None, pool: Pool, target: Target | None) -> dict[str, Any] | None:
    if pool.policy is None:
        return None
    mode = pool.policy.mode
    if target is None:
        return None if before is None else {**before, "mode": mode}
    if before is not None and not is_news(before, mode, target.decision):
        return dict(before)
    return _written(before, pool.name, mode, target)


def _written(before: Entry | None, name: str, mode: str, target: Target) -> dict[str, Any]:
    decision, start = target.decision, target.cold_start
    told: dict[str, Any] = {
        "pool": name,
        "mode": mode,
        "wanted": decision.wanted,
        "binding": decision.binding,
        "message": _clipped(decision.message),
        "decidedAt": rfc3339(_moment(decision.at)),
        "terms": [
            {
                "name": one.name,
                "value": _number(one.value),
                "target": _number(one.target),
                "replicas": _number(one.replicas),
            }
            for one in decision.terms
        ],
        "clamps": _clamps(decision),
        "learned": dict(target.learned),
        "history": _history(before, decision),
    }
    if start is not None:
        told["coldStartSeconds"] = {
            name: ceil(value) for name, value in (("p50", start.p50), ("p90", start.p90), ("p99", start.p99))
        }
    # An empty list would be stored as it is; what says nothing is left out.
    return {key: value for key, value in told.items() if value not in ([], {})}


def _clamps(decision: Decision) -> list[dict[str, str]]:
    """Return each reason once: of two of a kind the last one is what it came to."""
    last = {one.reason: one for one in decision.clamps}
    return [{"reason": one.reason, "message": _clipped(one.message)} for one in last.values()]


def _history(before: Entry | None, decision: Decision) -> Sequence[Entry]:
    past: list[Entry] = list((before or {}).get("history") or ())
    if before is None or before["wanted"] == decision.wanted:
        return past
    at = rfc3339(_moment(decision.at))
    change = {
        "at": at,
        "from": before["wanted"],
        "to": decision.wanted,
        "binding": decision.binding,
        "message": _clipped(decision.message),
    }
    # Entries are told apart by their second: of two in one, the later says where it led.
    if past and past[0]["at"] == at:
        change["from"] = past.pop(0)["from"]
    return [change, *past][:HISTORY_LENGTH]


def _number(value: float) -> str:
    return f"{value:.4g}"


def _clipped(message: str) -> str:
    return message if len(message) <= _MESSAGE_LENGTH else message[: _MESSAGE_LENGTH - 1] + "…"


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
