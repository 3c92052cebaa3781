"""A service with all that belongs to it, as one value that is printed as JSON, or as a screen. Pure.

Owns what is told, and with which names. Must not ask a cluster or read the clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from tidegate_cli.rolloutwords import lines as rollout_lines
from tidegate_cli.status.running import workers
from tidegate_cli.status.scene import Scene
from tidegate_operator.reasons import REASONS

Json = Mapping[str, Any]
_MOST_EVENTS: Final = 8
# Conditions that are a concern when they hold; of all others, when they do not.
_BAD_WHEN_TRUE: Final = frozenset({"Degraded", "Progressing"})
_FIXES: Final = {name: one.fix for name, one in REASONS.items()}


def report(scene: Scene) -> dict[str, Any]:
    """Return all there is to say of a service."""
    service = scene.service
    metadata, spec, status = service["metadata"], service.get("spec") or {}, service.get("status") or {}
    return {
        "namespace": metadata.get("namespace"),
        "name": metadata["name"],
        "phase": phase(service),
        "ready": status.get("ready"),
        "url": status.get("url"),
        "model": {
            "uri": spec["model"]["uri"],
            "name": status.get("modelName") or spec["model"].get("name") or metadata["name"],
            **(status.get("model") or {}),
        },
        "conditions": [_condition(one) for one in status.get("conditions") or ()],
        "pools": list(status.get("pools") or ()),
        "workers": [_camel(asdict(one)) for one in workers(scene.pods, scene.pages, scene.logs)],
        "engine": status.get("engine"),
        "estimate": (status.get("estimate") or {}).get("message"),
        "adapters": list(status.get("adapters") or ()),
        "rollout": status.get("rollout"),
        "rolloutSays": list(rollout_lines(service)) if status.get("rollout") else [],
        "scaling": [_decision(one) for one in status.get("scaling") or ()],
        "events": events(scene),
        "missing": dict(scene.missing),
    }


def phase(service: Json) -> str:
    """Return the conditions in one word; what was said of an older spec does not count."""
    status, metadata = service.get("status") or {}, service["metadata"]
    if status.get("observedGeneration", 0) < metadata.get("generation", 0):
        return "Pending"
    return str(status.get("phase") or "Pending")


def condition(service: Json, kind: str) -> Json:
    """Return a condition of a service, empty while it has none of that type."""
    conditions = (service.get("status") or {}).get("conditions") or ()
    return next((one for one in conditions if one["type"] == kind), {})


def events(scene: Scene) -> list[dict[str, Any]]:
    """Return the last events of the service, its Pods and its model, the newest first."""
    name = scene.service["metadata"]["name"]
    model = ((scene.service.get("status") or {}).get("model") or {}).get("name")
    own = {("LLMService", name), ("LLMModel", model)}
    own |= {("Pod", pod["metadata"]["name"]) for pod in scene.pods}
    found = [_event(one) for one in scene.events if _about(one) in own]
    return sorted(found, key=lambda one: str(one["at"]), reverse=True)[:_MOST_EVENTS]


def _about(event: Json) -> tuple[str, str]:
    about = event.get("involvedObject") or {}
    return about.get("kind", ""), about.get("name", "")


def _event(event: Json) -> dict[str, Any]:
    series = event.get("series") or {}
    at = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    kind, name = _about(event)
    return {
        "at": at or event["metadata"].get("creationTimestamp") or "",
        "type": event.get("type") or "Normal",
        "reason": event.get("reason") or "",
        "message": " ".join((event.get("message") or "").split()),
        "about": f"{kind}/{name}",
        "count": series.get("count") or event.get("count") or 1,
    }


def _condition(found: Json) -> dict[str, Any]:
    is_bad = (found["status"] == "True") == (found["type"] in _BAD_WHEN_TRUE)
    fix = _FIXES.get(found["reason"], "") if is_bad else ""
    return {
        **{key: found.get(key) for key in ("type", "status", "reason", "message", "lastTransitionTime")},
        **({"fix": fix} if fix else {}),
    }


def _decision(found: Json) -> dict[str, Any]:
    kept = ("pool", "mode", "wanted", "binding", "message", "decidedAt")
    return {key: found.get(key) for key in kept}


def _camel(value: Mapping[str, Any]) -> dict[str, Any]:
    def name(snake: str) -> str:
        first, *others = snake.split("_")
        return first + "".join(map(str.capitalize, others))

    return {name(key): one for key, one in value.items()}


def sizes(pools: Sequence[Json]) -> str:
    """Return the workers of all pools, as `2/3`."""
    return f"{sum(one['ready'] for one in pools)}/{sum(one['desired'] for one in pools)}"
