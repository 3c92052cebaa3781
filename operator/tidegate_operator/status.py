"""The status of an LLMService, and the events that its changes deserve.

Owns the whole status object. Must not read the cluster or the clock: `Observed.now` is the time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from tidegate_api.names import POOL_LABEL, SERVICE_LABEL, SHARED_POOL
from tidegate_api.settings import Settings
from tidegate_operator.conditions import overall
from tidegate_operator.conditions.chain import Verdict
from tidegate_operator.conditions.scene import Scene, look
from tidegate_operator.desired import Plan
from tidegate_operator.errors import Stalled
from tidegate_operator.facts import Observed
from tidegate_operator.reasons import REASONS
from tidegate_operator.resolve import model_name, service_url

_MESSAGE_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Announcement:
    """A Kubernetes event to post."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


def summarize(
    observed: Observed, plan: Plan | None, stalled: Stalled | None, settings: Settings
) -> dict[str, Any]:
    """Return the whole status; `stalled` is why there is no plan.

    The same facts give the same status to the byte, whatever the time, so that nothing new writes nothing.
    """
    scene = look(observed, plan, stalled, settings)
    said = overall.verdicts(scene)
    image = _image(scene)
    return {
        "phase": overall.phase(scene, said),
        "url": service_url(settings),
        "modelName": model_name(observed.service),
        "observedGeneration": _generation(observed),
        "replicas": sum(pool.workers for pool in scene.pools if pool.name == SHARED_POOL),
        "readyReplicas": scene.ready,
        "desiredReplicas": scene.desired,
        "selector": f"{SERVICE_LABEL}={observed.key.name},{POOL_LABEL}={SHARED_POOL}",
        "ready": f"{scene.ready}/{scene.desired}",
        **({"image": image} if image else {}),
        "pools": _pools(scene),
        "conditions": _conditions(observed, said),
    }


def transitions(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> list[Announcement]:
    """Return what is worth an event between two statuses: Ready's changes, and Degraded's while Ready stays True."""
    before, after = _by_type(old), _by_type(new)
    for kind in ("Ready", "Degraded"):
        was, now = before.get(kind, {}), after[kind]
        if (was.get("status"), was.get("reason")) != (now["status"], now["reason"]):
            if kind == "Degraded" and after["Ready"]["status"] != "True":
                continue
            return [_announcement(now)]
    return []


def _announcement(condition: Mapping[str, Any]) -> Announcement:
    reason = REASONS.get(condition["reason"])
    kind: Literal["Normal", "Warning"] = (
        "Normal" if reason is not None and not reason.is_warning else "Warning"
    )
    return Announcement(kind, condition["reason"], condition["message"])


def _pools(scene: Scene) -> list[dict[str, Any]]:
    return [{"name": pool.name, "desired": pool.desired, "ready": pool.ready} for pool in scene.pools]


def _conditions(observed: Observed, said: Sequence[Verdict]) -> list[dict[str, Any]]:
    before = _by_type(observed.service.get("status"))
    return [_condition(verdict, before.get(verdict.type), observed) for verdict in said]


def _condition(verdict: Verdict, before: Mapping[str, Any] | None, observed: Observed) -> dict[str, Any]:
    is_same = before is not None and before.get("status") == verdict.status
    since = before.get("lastTransitionTime") if before is not None and is_same else None
    return {
        "type": verdict.type,
        "status": verdict.status,
        "reason": verdict.finding.reason,
        "message": _clipped(verdict.finding.message),
        "observedGeneration": _generation(observed),
        "lastTransitionTime": since or _rfc3339(observed.now),
    }


def _clipped(message: str) -> str:
    return message if len(message) <= _MESSAGE_LIMIT else message[: _MESSAGE_LIMIT - 1] + "…"


def _image(scene: Scene) -> str | None:
    return scene.plan.service.image if scene.plan is not None else None


def _generation(observed: Observed) -> int:
    generation: int = observed.service["metadata"].get("generation", 0)
    return generation


def _by_type(status: Mapping[str, Any] | None) -> dict[str, Mapping[str, Any]]:
    return {one["type"]: one for one in (status or {}).get("conditions") or []}


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
