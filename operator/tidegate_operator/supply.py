"""The replicas that a pool has: ready, on their way, stuck, or about to go; and how long they took to start.

Owns the reading of Pods and Deployments for the scaling law. Must not decide, or read a clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tidegate_api.names import DRAINING_ANNOTATION
from tidegate_operator.conditions import pods as of_pod
from tidegate_operator.conditions import workloads
from tidegate_operator.conditions.chain import Finding, first
from tidegate_operator.conditions.scene import PoolScene, Scene
from tidegate_operator.facts import Manifest
from tidegate_operator.replicas import replicas_of
from tidegate_operator.scaling.facts import Supply

# A node may still be on its way: autoscalers of nodes need minutes.
_NODE_PATIENCE = timedelta(minutes=3)
_TAKES_TIME = frozenset({"Unschedulable", "PodNotStarted"})


@dataclass(frozen=True, slots=True)
class Stuck:
    """How many workers will not come up without help, and why in words."""

    count: int = 0
    because: str = ""


def supply(scene: Scene, pool: PoolScene, usual_seconds: float) -> Supply:
    """Return the replicas of a pool; a worker that starts for more than `usual_seconds` is stuck."""
    live = pool.live
    serving = [pod for pod in live if not is_draining(pod)]
    starting = [pod for pod in serving if not of_pod.is_ready(pod)]
    stuck = _stuck(scene, pool, starting, usual_seconds)
    return Supply(
        desired=replicas_of(pool.deployment) or 0,
        ready=len(serving) - len(starting),
        pending=max(len(starting) - stuck.count, 0),
        stuck=stuck.count,
        draining=len(live) - len(serving),
        stuck_because=stuck.because,
    )


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


def _stuck(scene: Scene, pool: PoolScene, starting: Sequence[Manifest], usual_seconds: float) -> Stuck:
    reasons = [why for pod in starting if (why := _why_stuck(scene, pool, pod, usual_seconds))]
    refused = workloads.pods_forbidden(replace(scene, pools=(pool,)))
    missing = 0
    if refused is not None:
        missing = max((replicas_of(pool.deployment) or 0) - len(pool.live), 0)
        reasons += [refused.message] * missing
    return Stuck(len(reasons), reasons[0] if reasons else "")


def _why_stuck(scene: Scene, pool: PoolScene, pod: Manifest, usual_seconds: float) -> str:
    """Return why a worker that does not answer yet never will without help; empty if it may."""
    alone = replace(scene, pools=(replace(pool, starting=(pod,)),))
    found: Finding | None = first(workloads.STUCK, alone)
    age = _age(pod, scene.observed.now)
    if found is not None and not (found.reason in _TAKES_TIME and age < _NODE_PATIENCE):
        return found.message
    if age > timedelta(seconds=usual_seconds):
        return f"Pod {of_pod.name(pod)!r} does not answer after {age.total_seconds():.0f} s"
    return ""


def _age(pod: Manifest, now: datetime) -> timedelta:
    created = pod["metadata"].get("creationTimestamp")
    return now - datetime.fromisoformat(created) if created else timedelta()
