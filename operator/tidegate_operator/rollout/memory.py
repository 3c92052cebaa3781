"""How far a rollout is, as `status.rollout` keeps it.

Owns the way there and back. Must not decide: what it cannot read it takes for not there.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from tidegate_api.rollout import RolloutStatus
from tidegate_operator.conditions.record import rfc3339
from tidegate_operator.desired import Course
from tidegate_operator.rollout.analysis import figures
from tidegate_operator.rollout.facts import State


def recall(status: Mapping[str, Any] | None) -> State | None:
    """Return what is kept in a status of an LLMService, None where that is nothing one could go on from."""
    try:
        said = RolloutStatus.model_validate((status or {}).get("rollout") or {})
        started, step_started = _moment(said.started_at), _moment(said.step_started_at)
    except (ValidationError, ValueError):
        return None
    is_whole = said.phase in ("Stable", None) or said.canary_revision is not None
    if said.revision is None or said.phase is None or not is_whole:
        return None
    return State(
        revision=said.revision,
        phase=said.phase,
        other=said.canary_revision,
        step=said.step or 0,
        weight=said.weight or 0,
        started_at=started,
        step_started_at=step_started,
        verdict=said.verdict,
        message=said.message or "",
        golden=said.golden,
    )


def told(course: Course, before: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what a status has of a rollout, given the one before; of one version only, no more than its name."""
    state = course.next
    if state.phase == "Stable":
        return {"phase": "Stable", "revision": state.revision}
    is_counted = state.step > 0
    found: dict[str, Any] = {
        "phase": state.phase,
        "revision": state.revision,
        "canaryRevision": state.other,
        "step": state.step if is_counted else None,
        "steps": course.steps if is_counted and course.steps else None,
        "weight": state.weight if is_counted else None,
        "startedAt": rfc3339(state.started_at) if state.started_at else None,
        "stepStartedAt": rfc3339(state.step_started_at) if state.step_started_at else None,
        "verdict": state.verdict,
        "message": state.message[:4096] or None,
        **_figures(course, before),
        "golden": state.golden,
    }
    return {key: value for key, value in found.items() if value is not None}


# It is decided; its gateways may go on counting while its workers finish.
_OVER: Final = ("RollingBack", "RolledBack")


def _figures(course: Course, before: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what both versions did; once that is decided about, what it was then."""
    compared, state = course.compared, course.next
    kept = (before or {}).get("rollout") or {}
    if state.phase in _OVER and kept.get("phase") in _OVER and kept.get("canaryRevision") == state.other:
        return {name: kept.get(name) for name in ("stable", "canary")}
    if compared.stable.requests + compared.canary.requests == 0:
        return {}
    return {"stable": figures(compared.stable), "canary": figures(compared.canary)}


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
