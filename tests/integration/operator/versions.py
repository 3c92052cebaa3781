"""Versions of workers as a person sees them: made, changed, decided about."""

from __future__ import annotations

from integration.api import Api, Object, eventually
from integration.operator.rig import NAME, condition, service, status_of, workers_of
from tidegate_api.names import REVISION_LABEL, ROLLOUT_ANNOTATION, TRACK_LABEL

CANARY = {"steps": [{"weight": 50, "pauseSeconds": 0}]}


def make(api: Api, namespace: str, **spec: object) -> str:
    """Create an LLMService, wait until all its workers answer, and return their version."""
    api.create(service(namespace, **spec))
    eventually(lambda: condition(api, namespace, "Ready") == ("True", "Serving"))
    eventually(lambda: rollout(api, namespace).get("phase") == "Stable")
    return str(rollout(api, namespace)["revision"])


def rollout(api: Api, namespace: str) -> Object:
    found: Object = status_of(api, namespace).get("rollout") or {}
    return found


def change(api: Api, namespace: str, **spec: object) -> None:
    api.patch("LLMService", namespace, NAME, {"spec": spec})


def labels_of(pod: Object) -> Object:
    found: Object = pod["metadata"].get("labels", {})
    return found


def tracks(api: Api, namespace: str) -> set[tuple[str, str]]:
    """Return version and track of all workers that are not going."""
    live = [one for one in workers_of(api, namespace) if "deletionTimestamp" not in one["metadata"]]
    return {(labels_of(one)[REVISION_LABEL], labels_of(one).get(TRACK_LABEL, "")) for one in live}


def command(api: Api, namespace: str, what: str) -> None:
    """Say what `tidegate rollouts promote` and `abort` say."""
    revision = rollout(api, namespace)["canaryRevision"]
    annotations = {ROLLOUT_ANNOTATION: f"{what}:{revision}"}
    api.patch("LLMService", namespace, NAME, {"metadata": {"annotations": annotations}})


def events(api: Api, namespace: str) -> list[str]:
    return [one["reason"] for one in api.list("Event", namespace) if one["regarding"]["kind"] == "LLMService"]
