"""Pods and services as the API server shows them, as far as a gateway reads them. Pure."""

from typing import Any

from tidegate_api.keys import digest
from tidegate_api.names import (
    CANARY_TRACK,
    REVISION_LABEL,
    SERVICE_LABEL,
    TRACK_LABEL,
    WORKER_CONTAINER,
    WORKER_PORT_NAME,
)

NAMESPACE = "bench"
SERVICE = "m"
BORN = "2026-11-22T00:00:00Z"


def pod(name: str, port: int, revision: str, *, is_canary: bool, is_terminating: bool) -> dict[str, Any]:
    """Return a ready worker's Pod; one that is terminating is still there, and finishes what it has."""
    labels = {SERVICE_LABEL: SERVICE, REVISION_LABEL: revision}
    if is_canary:
        labels[TRACK_LABEL] = CANARY_TRACK
    meta = {"uid": f"uid-{name}", "namespace": NAMESPACE, "name": name, "labels": labels}
    if is_terminating:
        meta["deletionTimestamp"] = BORN
    ports = [{"name": WORKER_PORT_NAME, "containerPort": port}]
    return {
        "metadata": meta,
        "spec": {"containers": [{"name": WORKER_CONTAINER, "ports": ports}]},
        "status": {"podIP": "127.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]},
    }


def service(rollout: dict[str, Any]) -> dict[str, Any]:
    """Return an LLMService whose status says this of a rollout."""
    meta = {"namespace": NAMESPACE, "name": SERVICE, "creationTimestamp": BORN}
    # On a busy machine a stream may wait: that is no fault of the change.
    patient = {"name": "high", "queueTimeoutSeconds": 120, "maxQueue": 1000}
    spec = {"model": {"name": SERVICE}, "qos": {"classes": [patient]}}
    return {"metadata": meta, "spec": spec, "status": {"rollout": rollout}}


def tenant(key: str) -> dict[str, Any]:
    """Return an LLMTenant that has a key."""
    meta = {"namespace": NAMESPACE, "name": "team", "uid": "team", "creationTimestamp": BORN}
    return {"metadata": meta, "spec": {"qosClass": "high", "keys": [{"name": "k", "sha256": digest(key)}]}}
