"""What a stream shows: the sections of a snapshot, out of objects as the API server has them.

Pure. Owns which events are ours, their form, and what of what is live somebody may see.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from tidegate_api.names import MODEL_KIND, QOS_CLASSES, SERVICE_KIND, SHARED_POOL, TENANT_KIND

Json = dict[str, Any]
Named = Mapping[tuple[str, str], Json]
MOST_EVENTS: Final = 200
_OURS: Final = frozenset({SERVICE_KIND, MODEL_KIND, TENANT_KIND})
_KEPT: Final = (
    "name",
    "namespace",
    "creationTimestamp",
    "generation",
    "uid",
    "deletionTimestamp",
    "annotations",
    "labels",
)
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_POOLS: Final = (SHARED_POOL, *QOS_CLASSES)


def shown(item: Json) -> Json:
    """Return an object without what the API server keeps for itself."""
    metadata = {key: item["metadata"][key] for key in _KEPT if key in item["metadata"]}
    if _LAST_APPLIED in metadata.get("annotations", ()):
        metadata["annotations"] = {
            key: value for key, value in metadata["annotations"].items() if key != _LAST_APPLIED
        }
    status = {"status": item["status"]} if item.get("status") else {}
    head = {"apiVersion": item["apiVersion"], "kind": item["kind"], "metadata": metadata}
    return {**head, "spec": item.get("spec") or {}, **status}


def objects(found: Iterable[Json], namespace: str | None) -> list[Json]:
    """Return objects in the order of their names, of one namespace or of all."""
    of_it = (one for one in found if namespace in {None, one["metadata"]["namespace"]})
    return sorted(of_it, key=lambda one: (one["metadata"]["namespace"], one["metadata"]["name"]))


def may_be_ours(event: Json) -> bool:
    """Tell whether an event is of one of our kinds, or of a Pod, which may be one of theirs."""
    return event.get("involvedObject", {}).get("kind") in {*_OURS, "Pod"}


def entry(event: Json) -> Json:
    """Return an event in the form that is shown."""
    about, series = event.get("involvedObject") or {}, event.get("series") or {}
    seen = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return {
        "namespace": about.get("namespace") or event["metadata"]["namespace"],
        "kind": about.get("kind", ""),
        "name": about.get("name", ""),
        "type": event.get("type") or "Normal",
        "reason": event.get("reason") or "",
        "message": event.get("message") or "",
        "at": seen or event["metadata"].get("creationTimestamp"),
        "count": int(series.get("count") or event.get("count") or 1),
    }


def events(found: Iterable[Json], services: Named, models: Named, namespace: str | None) -> list[Json]:
    """Return the newest entries that are of our objects, or of Pods that were made for them; the newest first."""
    prefixes = pod_prefixes(services, models)
    ours = (
        one
        for one in found
        if namespace in {None, one["namespace"]}
        and (one["kind"] in _OURS or _is_of(one["name"], prefixes.get(one["namespace"], ())))
    )
    newest = sorted(ours, key=lambda one: (_moment(one["at"]), one["name"], one["reason"]), reverse=True)
    return newest[:MOST_EVENTS]


def pod_prefixes(services: Named, models: Named) -> dict[str, tuple[str, ...]]:
    """Return, by namespace, how the names of the Pods begin that are made for these objects."""
    found: dict[str, list[str]] = {}
    for namespace, name in services:
        found.setdefault(namespace, []).extend(f"{name}-{pool}-" for pool in _POOLS)
    for namespace, name in models:
        found.setdefault(namespace, []).append(f"{name}-")
    return {namespace: tuple(prefixes) for namespace, prefixes in found.items()}


def live_of(told: Json, services: Collection[str], tenants: Collection[str]) -> Json:
    """Return what is live of the services and tenants that somebody may see, by `NAMESPACE/NAME`."""
    return {
        **told,
        "services": {name: one for name, one in told["services"].items() if name in services},
        "tenants": {name: one for name, one in told["tenants"].items() if name in tenants},
    }


def compact(value: Any) -> str:
    """Return JSON on one line, as a message of a stream needs it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def message(event: str, number: int, data: str) -> bytes:
    """Return one message of a stream (WHATWG HTML, server-sent events)."""
    return f"event: {event}\nid: {number}\ndata: {data}\n\n".encode()


def _is_of(pod: str, prefixes: tuple[str, ...]) -> bool:
    return bool(prefixes) and pod.startswith(prefixes)


def _moment(at: str | None) -> str:
    """Return a time that sorts as text, whether it has a fraction of a second or not."""
    return (at or "").removesuffix("Z")
