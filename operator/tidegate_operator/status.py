"""The status of an LLMService, and the events that its changes deserve.

Owns the whole status object. Must not read the cluster or the clock: `Observed.now` is the time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tidegate_api.names import (
    POOL_LABEL,
    SERVICE_LABEL,
    SHARED_POOL,
    TRACK_LABEL,
    WORKER_CONTAINER,
)
from tidegate_api.settings import Settings
from tidegate_operator import weights
from tidegate_operator.adapters.changes import changes as of_adapters
from tidegate_operator.conditions import adapters, overall, scaling
from tidegate_operator.conditions.record import by_type, conditions, generation
from tidegate_operator.conditions.scene import Scene, look
from tidegate_operator.desired import Plan
from tidegate_operator.errors import Stalled, Withheld
from tidegate_operator.facts import Observed, PoolTraffic
from tidegate_operator.reasons import REASONS
from tidegate_operator.resolve import model_name, service_url
from tidegate_operator.rollout.entry import EVENTS as OF_ROLLOUTS
from tidegate_operator.rollout.entry import changes as rollout_changes
from tidegate_operator.rollout.entry import entry
from tidegate_operator.scalingstatus import changes, entries
from tidegate_operator.startups.state import startup

# What a pool's status says of its requests, as the gateways tell it.
_TRAFFIC = ("queued", "running", "creditsUsed", "creditsLimit", "classes")

_STREAMED = "Nothing is reckoned: only the engine reads the model, from its object store."


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
    told, rolled = _scaling(observed, plan), entry(observed.service.get("status"), plan)
    active = scaling.verdict(scene, told)
    lora = adapters.told(scene)
    loaded = adapters.verdict(lora)
    said = [*overall.verdicts(scene, lora), *(one for one in (loaded, active) if one is not None)]
    image = _image(scene)
    return {
        "phase": overall.phase(scene, said),
        "url": service_url(settings),
        "modelName": model_name(observed.service),
        "observedGeneration": generation(observed.service),
        "replicas": sum(pool.workers for pool in scene.pools if pool.name == SHARED_POOL),
        "readyReplicas": scene.ready,
        "desiredReplicas": scene.desired,
        "selector": (f"{SERVICE_LABEL}={observed.key.name},{POOL_LABEL}={SHARED_POOL},!{TRACK_LABEL}"),
        "ready": f"{scene.ready}/{scene.desired}",
        **({"image": image} if image else {}),
        **_model(observed, plan, stalled),
        **_engine(observed, plan),
        **_startup(observed),
        "pools": _pools(scene),
        **({"rollout": rolled} if rolled else {}),
        **({"scaling": told} if told else {}),
        **({"adapters": [dict(one.entry) for one in lora]} if lora else {}),
        "conditions": conditions(observed.service, said, observed.now),
    }


def transitions(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> list[Announcement]:
    """Return what is worth an event between two statuses.

    That is Ready's changes, or Degraded's while Ready stays True; changes of replicas, and what kept them from it;
    adapters that came or failed.
    """
    said = [*changes(old, new), *rollout_changes(old, new)]
    scaled = [_announcement({"reason": reason, "message": words}) for reason, words in said]
    loaded = [_announcement({"reason": reason, "message": words}) for reason, words in of_adapters(old, new)]
    return [*_of_conditions(by_type(old), by_type(new)), *scaled, *loaded]


def own(status: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what of a status is the operator's: gateways write `demand`."""
    return None if status is None else {key: value for key, value in status.items() if key != "demand"}


def _of_conditions(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> list[Announcement]:
    conflict = after.get("ScalingActive", {})
    has_conflict = (
        conflict.get("reason") == "ScalingConflict" != before.get("ScalingActive", {}).get("reason")
    )
    found = [_announcement(conflict)] if has_conflict else []
    for kind in ("Ready", "Degraded") if "Degraded" in after else ("Ready",):
        was, now = before.get(kind, {}), after[kind]
        if (was.get("status"), was.get("reason")) != (now["status"], now["reason"]):
            if kind == "Degraded" and (after["Ready"]["status"] != "True" or now["reason"] in OF_ROLLOUTS):
                continue
            if _is_on_its_way(was, now):
                continue
            return [_announcement(now), *found]
    return found


def _is_on_its_way(was: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Return whether a service has only come a step further on its way to all its workers: the status says so."""
    if now["type"] == "Degraded":
        return _is_step(was.get("reason")) and _announcement(now).type == "Normal"
    return now["status"] != "True" != was.get("status") and _is_step(now["reason"])


def _is_step(name: str | None) -> bool:
    reason = REASONS.get(name or "")
    return reason is not None and not reason.is_warning and reason.phase in ("Pending", "Loading")


def _scaling(observed: Observed, plan: Plan | None) -> list[dict[str, Any]]:
    status = observed.service.get("status")
    if plan is None:  # nothing is acted on, and nothing is forgotten
        return [dict(one) for one in (status or {}).get("scaling") or ()]
    return entries(status, plan.pools, observed.targets)


def _announcement(condition: Mapping[str, Any]) -> Announcement:
    reason = REASONS.get(condition["reason"])
    kind: Literal["Normal", "Warning"] = (
        "Normal" if reason is not None and not reason.is_warning else "Warning"
    )
    return Announcement(kind, condition["reason"], condition["message"])


def _pools(scene: Scene) -> list[dict[str, Any]]:
    before = (scene.observed.service.get("status") or {}).get("pools") or []
    known = {one["name"]: {key: one[key] for key in _TRAFFIC if key in one} for one in before}
    traffic = scene.observed.traffic
    return [
        {
            "name": pool.name,
            "desired": pool.desired,
            "ready": pool.ready,
            # What is not known now stays as it was: to miss it is not to know that it is zero.
            **(known.get(pool.name, {}) if traffic is None else _traffic(traffic.get(pool.name))),
        }
        for pool in scene.pools
    ]


def _traffic(pool: PoolTraffic | None) -> dict[str, Any]:
    if pool is None:
        return {}
    return {
        "queued": sum(one.queued for one in pool.classes.values()),
        "running": sum(one.running for one in pool.classes.values()),
        "creditsUsed": pool.credits_used,
        "creditsLimit": pool.credits_limit,
        "classes": [
            {
                "name": name,
                "queued": one.queued,
                "running": one.running,
                **({} if one.share_percent is None else {"sharePercent": one.share_percent}),
            }
            for name, one in pool.classes.items()
        ],
    }


def _model(observed: Observed, plan: Plan | None, stalled: Stalled | None) -> dict[str, Any]:
    """Return what is known of the model's files and of its memory."""
    state = weights.state(observed)
    fitting = plan.service.fitting if plan is not None else None
    estimate = fitting.estimate if fitting is not None else None
    if isinstance(stalled, Withheld):
        estimate = stalled.estimate
    elif stalled is not None:  # a spec that cannot be read says nothing of what runs
        estimate = (observed.service.get("status") or {}).get("estimate")
    elif plan is not None and plan.service.model.source is None and plan.service.custom is None:
        estimate = {"message": _STREAMED}
    return {name: value for name, value in (("model", state), ("estimate", estimate)) if value}


def _engine(observed: Observed, plan: Plan | None) -> dict[str, Any]:
    """Return what was chosen for the engine; while nothing can be, what was chosen before."""
    before = (observed.service.get("status") or {}).get("engine")
    state = before if plan is None else plan.service.engine_state
    return {"engine": state} if state else {}


def _startup(observed: Observed) -> dict[str, Any]:
    before = (observed.service.get("status") or {}).get("startup")
    found = startup(before, observed.pods, observed.started)
    return {"startup": found} if found else {}


def _image(scene: Scene) -> str | None:
    """Return the image of the workers in use, those of the highest class first."""
    versions = scene.plan.versions.values() if scene.plan is not None else ()
    containers = (one for version in versions for one in version.template["spec"].get("containers", ()))
    return next((one.get("image") for one in containers if one.get("name") == WORKER_CONTAINER), None)
