"""What a Pod says about itself: whether it lives, answers, waits, or how its containers ended.

Owns the reading of Pod manifests. Must not judge: that is what the chains do.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate_api.names import CANARY_TRACK, TRACK_LABEL, WORKER_CONTAINER, WORKER_PORT, WORKER_PORT_NAME
from tidegate_operator.facts import Manifest


@dataclass(frozen=True, slots=True)
class Ended:
    """How a container last ended."""

    pod: str
    container: str
    exit_code: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Held:
    """Why a container waits."""

    pod: str
    container: str
    image: str
    reason: str
    message: str


def name(pod: Manifest) -> str:
    """Return the name of the Pod."""
    found: str = pod["metadata"]["name"]
    return found


def is_live(pod: Manifest) -> bool:
    """Return whether the Pod is neither going nor gone."""
    return "deletionTimestamp" not in pod["metadata"] and phase(pod) not in ("Failed", "Succeeded")


def is_canary(pod: Manifest) -> bool:
    """Return whether the Pod tries a version that is not in use."""
    found: str | None = (pod["metadata"].get("labels") or {}).get(TRACK_LABEL)
    return found == CANARY_TRACK


def is_ready(pod: Manifest) -> bool:
    """Return whether the Pod answers requests."""
    return condition(pod, "Ready").get("status") == "True"


def phase(pod: Manifest) -> str:
    """Return the Pod's phase."""
    return str(_status(pod).get("phase", "Pending"))


def condition(pod: Manifest, kind: str) -> Mapping[str, Any]:
    """Return one condition of the Pod, empty when it has none of that kind."""
    conditions = _status(pod).get("conditions") or []
    return next((one for one in conditions if one.get("type") == kind), {})


def held(pod: Manifest) -> Iterator[Held]:
    """Yield the containers that wait, with the kubelet's words."""
    for container in _containers(pod):
        waiting = (container.get("state") or {}).get("waiting")
        if waiting is not None:
            yield Held(
                pod=name(pod),
                container=str(container.get("name", "")),
                image=str(container.get("image", "")),
                reason=str(waiting.get("reason", "")),
                message=str(waiting.get("message", "")),
            )


def ended(pod: Manifest) -> Iterator[Ended]:
    """Yield how the containers that are not ready last ended (an init container that did its work is ready).

    A container that waits to be started again, or is starting again, still says how it ended before: so one
    cause reads the same all through a crash loop.
    """
    for container in _containers(pod):
        states = ((container.get(field) or {}).get("terminated") for field in ("state", "lastState"))
        end = next((state for state in states if state is not None), None)
        if end is not None and not container.get("ready"):
            yield Ended(
                pod=name(pod),
                container=str(container.get("name", "")),
                exit_code=int(end.get("exitCode", 0)),
                reason=str(end.get("reason", "")),
                message=str(end.get("message", "")),
            )


def is_running(pod: Manifest, container_name: str) -> bool:
    """Return whether the container runs."""
    return "running" in (_container(pod, container_name).get("state") or {})


def running_since(pod: Manifest, container_name: str) -> str | None:
    """Return since when the container runs (RFC 3339), None while it does not."""
    running = (_container(pod, container_name).get("state") or {}).get("running") or {}
    since: str | None = running.get("startedAt")
    return since


def has_started(pod: Manifest, container_name: str) -> bool:
    """Return whether the container has passed its startup probe."""
    return bool(_container(pod, container_name).get("started"))


def restarts(pod: Manifest, container_name: str) -> int:
    """Return how often the container was started again."""
    return int(_container(pod, container_name).get("restartCount", 0))


def engine_spec(pod: Manifest) -> Mapping[str, Any]:
    """Return what was asked for of the container that runs the engine, empty when there is none."""
    containers = (pod.get("spec") or {}).get("containers") or ()
    return next((one for one in containers if one.get("name") == WORKER_CONTAINER), {})


def worker_port(pod: Manifest) -> int:
    """Return the port on which a worker answers: the one of that name, where its engine has another."""
    ports = engine_spec(pod).get("ports") or ()
    return int(
        next((port["containerPort"] for port in ports if port.get("name") == WORKER_PORT_NAME), WORKER_PORT)
    )


def _container(pod: Manifest, name: str) -> Mapping[str, Any]:
    return next((one for one in _containers(pod) if one.get("name") == name), {})


def _containers(pod: Manifest) -> Iterator[Mapping[str, Any]]:
    for field in ("initContainerStatuses", "containerStatuses"):
        yield from _status(pod).get(field) or []


def _status(pod: Manifest) -> Mapping[str, Any]:
    status: Mapping[str, Any] = pod.get("status") or {}
    return status
