"""Whether replicas follow the load, and if not, why: the checks behind ScalingActive.

Must not decide how many replicas there should be.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tidegate_operator.conditions.chain import Finding, Verdict
from tidegate_operator.conditions.scene import Scene
from tidegate_operator.remarks import HELD
from tidegate_operator.scalingstatus import Entry, constraints, is_blind, unread

_TYPE = "ScalingActive"


@dataclass(frozen=True, slots=True)
class _Stage:
    """The scene, with what was decided of each pool."""

    scene: Scene
    mode: str
    entries: Sequence[Entry]


_Check = Callable[[_Stage], Verdict | None]


def verdict(scene: Scene, entries: Sequence[Entry]) -> Verdict | None:
    """Return what ScalingActive says; None where the user sets the numbers."""
    scaling: Mapping[str, Any] | None = (scene.observed.service.get("spec") or {}).get("scaling")
    if scaling is None:
        return None
    stage = _Stage(scene, str(scaling.get("mode", "Auto")), entries)
    return next(found for check in _CHECKS if (found := check(stage)) is not None)


def _stalled(stage: _Stage) -> Verdict | None:
    stalled = stage.scene.stalled
    return None if stalled is None else _says("False", Finding(stalled.reason, stalled.message))


def _suspended(stage: _Stage) -> Verdict | None:
    words = "spec.suspend is true: no worker runs, whatever the load."
    return _says("False", Finding("Suspended", words)) if stage.scene.suspended else None


def _off(stage: _Stage) -> Verdict | None:
    words = "spec.scaling.mode is Off: the workers stay as many as there are."
    return _says("False", Finding("ScalingOff", words)) if stage.mode == "Off" else None


def _external(stage: _Stage) -> Verdict | None:
    if stage.mode != "External":
        return None
    rivals = stage.scene.observed.rivals
    who = "; ".join(f"{pool}: {name}" for pool, name in rivals.items())
    words = "The replicas of the pools' Deployments are set by others" + (f": {who}." if who else ".")
    return _says("False", Finding("ScaledExternally", words))


def _advise(stage: _Stage) -> Verdict | None:
    if stage.mode != "Advise":
        return None
    words = f"spec.scaling.mode is Advise: nothing is changed. Wanted are {_wanted(stage)}."
    return _says("False", Finding("AdviseOnly", words))


def _conflict(stage: _Stage) -> Verdict | None:
    rivals = stage.scene.observed.rivals
    if not rivals:
        return None
    who = "; ".join(f"{name} scales pool {pool!r}" for pool, name in rivals.items())
    words = (
        f"{who}: two would undo each other's work, so Tidegate leaves that to it. Delete it, or set "
        "spec.scaling.mode to External"
    )
    return _says("False", Finding("ScalingConflict", words))


def _undecided(stage: _Stage) -> Verdict | None:
    known = {one["pool"] for one in stage.entries}
    missing = [pool.name for pool in stage.scene.pools if pool.is_wanted and pool.name not in known]
    words = "Nothing has been measured yet: the workers stay as many as there are."
    return _says("Unknown", Finding("NotDecidedYet", words)) if missing else None


def _blind(stage: _Stage) -> Verdict | None:
    words = "; ".join(_of_pools(stage, is_blind))
    return _says("False", Finding("MetricsUnavailable", words)) if words else None


def _constrained(stage: _Stage) -> Verdict | None:
    found = [
        f"pool {one['pool']!r}: {'; '.join(constraints(one))}" for one in stage.entries if constraints(one)
    ]
    return _says("True", Finding("ResourceConstrained", "; ".join(found))) if found else None


def _unread(stage: _Stage) -> Verdict | None:
    found = [f"pool {one['pool']!r}: {unread(one)}" for one in stage.entries if unread(one)]
    return _says("True", Finding("WorkerUnread", "; ".join(found))) if found else None


def _partly_blind(stage: _Stage) -> Verdict | None:
    words = "; ".join(_of_pools(stage, _is_held))
    return _says("True", Finding("MetricsIncomplete", words)) if words else None


def _following(stage: _Stage) -> Verdict:
    return _says("True", Finding("FollowingDemand", f"Wanted are {_wanted(stage)}."))


_CHECKS: tuple[_Check, ...] = (
    _stalled,
    _suspended,
    _off,
    _external,
    _advise,
    _conflict,
    _undecided,
    _blind,
    _constrained,
    _unread,
    _partly_blind,
    _following,
)


def _is_held(entry: Entry) -> bool:
    return any(one["reason"] == HELD for one in entry.get("clamps") or ())


def _of_pools(stage: _Stage, concerns: Callable[[Entry], bool]) -> Iterator[str]:
    return (f"pool {one['pool']!r}: {one['message']}" for one in stage.entries if concerns(one))


def _wanted(stage: _Stage) -> str:
    told = [f"{one['wanted']} in pool {one['pool']!r}" for one in stage.entries]
    return ", ".join(told) or "not known yet"


def _says(status: Literal["True", "False", "Unknown"], finding: Finding) -> Verdict:
    return Verdict(_TYPE, status, finding)
