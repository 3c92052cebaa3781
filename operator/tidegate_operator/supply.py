"""The replicas that a pool has: ready, on their way, stuck, or about to go; and how long they took to start.

Owns the reading of Pods and Deployments for the scaling law. Must not decide, or read a clock.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from tidegate_api.names import DRAINING_ANNOTATION
from tidegate_operator.conditions import pods as of_pod
from tidegate_operator.conditions import workloads
from tidegate_operator.conditions.scene import PoolScene, Scene
from tidegate_operator.facts import Manifest
from tidegate_operator.replicas import replicas_of
from tidegate_operator.scaling.facts import Supply
from tidegate_operator.starts import Usual, look_at


@dataclass(frozen=True, slots=True)
class Supplied:
    """The replicas of a pool, and of those on their way what is to be said of the late ones."""

    supply: Supply
    late: tuple[str, ...] = ()


def supply(scene: Scene, pool: PoolScene, usual: Usual) -> Supplied:
    """Return the replicas of a pool, given how long they take to start."""
    live = pool.live
    serving = [pod for pod in live if not is_draining(pod)]
    starting = [pod for pod in serving if not of_pod.is_ready(pod)]
    starts = [look_at(scene, pool, pod, usual) for pod in starting]
    stuck = [*(one.words for one in starts if one.is_stuck), *_refused(scene, pool)]
    found = Supply(
        desired=replicas_of(pool.deployment) or 0,
        ready=len(serving) - len(starting),
        pending=sum(not one.is_stuck for one in starts),
        stuck=len(stuck),
        draining=len(live) - len(serving),
        stuck_because=stuck[0] if stuck else "",
    )
    return Supplied(found, tuple(one.words for one in starts if one.words and not one.is_stuck))


def is_draining(pod: Manifest) -> bool:
    """Return whether a worker is marked to go."""
    return draining_since(pod) is not None


def draining_since(pod: Manifest) -> float | None:
    """Return since when a worker is marked to go, in Unix time; a mark that is no time is as old as can be."""
    annotations = pod["metadata"].get("annotations") or {}
    if DRAINING_ANNOTATION not in annotations:
        return None
    try:
        return datetime.fromisoformat(annotations[DRAINING_ANNOTATION]).timestamp()
    except (ValueError, TypeError):
        return 0.0


def is_changing(pool: PoolScene) -> bool:
    """Return whether workers are being replaced: there may be more of them than wanted, and not for good."""
    metadata = (pool.deployment or {}).get("metadata") or {}
    seen: int = pool.status.get("observedGeneration", 0)
    total: int = pool.status.get("replicas", 0)
    updated: int = pool.status.get("updatedReplicas", 0)
    desired = replicas_of(pool.deployment) or 0
    return seen < metadata.get("generation", 0) or updated < total or total > desired


def start_seconds(pod: Manifest) -> float | None:
    """Return how long a worker took from its creation until it answered first, None if that is not to be seen."""
    created, ready = pod["metadata"].get("creationTimestamp"), of_pod.condition(pod, "Ready")
    containers = (pod.get("status") or {}).get("containerStatuses") or []
    since = ready.get("lastTransitionTime")
    if ready.get("status") != "True" or not created or not since:
        return None
    if any(one.get("restartCount") for one in containers):
        return None
    seconds = (datetime.fromisoformat(since) - datetime.fromisoformat(created)).total_seconds()
    return seconds if seconds >= 0 else None


def _refused(scene: Scene, pool: PoolScene) -> list[str]:
    """Return why Pods could not be made, once for each that is missing."""
    refused = workloads.pods_forbidden(replace(scene, pools=(pool,)))
    missing = max((replicas_of(pool.deployment) or 0) - len(pool.live), 0)
    return [] if refused is None else [refused.message] * missing
