"""An LLMService and what belongs to it, as the API server has them, for tests of what is told of them."""

from datetime import UTC, datetime
from typing import Any

from tidegate_api.names import POOL_LABEL

Json = dict[str, Any]
NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
AT = "2026-11-22T11:58:00Z"


def condition(kind: str, status: str, reason: str, message: str = "so it is") -> Json:
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": AT}


def service(name: str = "chat", *, generation: int = 1, **status: Any) -> Json:
    """Return a service that answers; `status` changes what its status says."""
    metadata = {"name": name, "namespace": "team-a", "generation": generation, "creationTimestamp": AT}
    told = {
        "phase": "Ready",
        "observedGeneration": 1,
        "modelName": name,
        "ready": "1/1",
        "url": "http://gateway.svc/v1",
        "conditions": [condition("Ready", "True", "Serving")],
        "pools": [{"name": "shared", "ready": 1, "desired": 1, "queued": 3}],
        **status,
    }
    spec = {"model": {"uri": "hf://Org/Name"}}
    return {"kind": "LLMService", "metadata": metadata, "spec": spec, "status": told}


def pod(
    name: str = "chat-shared-1", *, args: tuple[str, ...] = (), limits: Json | None = None, **status: Any
) -> Json:
    """Return a worker's Pod, Ready unless `status` says otherwise."""
    container = {
        "name": "main",
        "args": list(args),
        "resources": {"requests": {"cpu": "1"}, "limits": limits or {}},
    }
    return {
        "metadata": {"name": name, "labels": {POOL_LABEL: "shared"}},
        "spec": {"nodeName": "node-1", "containers": [container]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], **status},
    }


def event(reason: str, at: str, about: tuple[str, str] = ("LLMService", "chat"), **more: Any) -> Json:
    kind, name = about
    involved = {"kind": kind, "name": name}
    return {
        "metadata": {},
        "involvedObject": involved,
        "reason": reason,
        "lastTimestamp": at,
        "message": "m",
        **more,
    }
