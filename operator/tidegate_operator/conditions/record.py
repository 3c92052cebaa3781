"""Verdicts as the conditions of a status: the same ones again keep the time of their last change.

Owns the form. Must not judge.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tidegate_operator.conditions.chain import Verdict
from tidegate_operator.facts import Manifest

_MESSAGE_LIMIT = 4096


def conditions(of: Manifest, said: Sequence[Verdict], now: datetime) -> list[dict[str, Any]]:
    """Return the conditions of an object, given what its status says so far."""
    before = by_type(of.get("status"))
    return [_condition(verdict, before.get(verdict.type), generation(of), now) for verdict in said]


def by_type(status: Mapping[str, Any] | None) -> dict[str, Mapping[str, Any]]:
    """Return the conditions of a status by their type."""
    return {one["type"]: one for one in (status or {}).get("conditions") or []}


def generation(of: Manifest) -> int:
    """Return the generation of the spec."""
    found: int = of["metadata"].get("generation", 0)
    return found


def rfc3339(moment: datetime) -> str:
    """Return a moment as Kubernetes writes it, in whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _condition(
    verdict: Verdict, before: Mapping[str, Any] | None, observed: int, now: datetime
) -> dict[str, Any]:
    is_same = before is not None and before.get("status") == verdict.status
    since = before.get("lastTransitionTime") if before is not None and is_same else None
    return {
        "type": verdict.type,
        "status": verdict.status,
        "reason": verdict.finding.reason,
        "message": _clipped(verdict.finding.message),
        "observedGeneration": observed,
        "lastTransitionTime": since or rfc3339(now),
    }


def _clipped(message: str) -> str:
    return message if len(message) <= _MESSAGE_LIMIT else message[: _MESSAGE_LIMIT - 1] + "…"
