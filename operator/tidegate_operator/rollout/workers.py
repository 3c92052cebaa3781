"""The workers of a rollout: which version each is of, which are ready, and which will never be.

Owns the reading of Pods for a rollout. Must not decide what follows.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from tidegate_api.names import (
    FOLLOWER_ROLE,
    POOL_LABEL,
    REVISION_LABEL,
    ROLE_LABEL,
    SHARED_POOL,
    canary_name,
)
from tidegate_api.settings import Settings
from tidegate_operator.conditions import pods as of_pod
from tidegate_operator.conditions import workloads
from tidegate_operator.conditions.scene import PoolScene, Scene
from tidegate_operator.desired import Canary, Pool, Revision
from tidegate_operator.facts import Manifest, Observed
from tidegate_operator.rollout.facts import Tried
from tidegate_operator.starts import LONGEST_SECONDS, Usual, look_at

# What passes by itself is given so long: a registry that was busy, a quota that is about to be free.
_PATIENCE: Final = timedelta(seconds=120)
_USUAL: Final = Usual(None, LONGEST_SECONDS)


def in_use(observed: Observed, pool: str) -> list[Manifest]:
    """Return the workers of a pool that are neither going nor gone, without those that try a version."""
    return [pod for pod in _of(observed.pods, pool) if of_pod.is_live(pod) and not of_pod.is_canary(pod)]


def has_moved(observed: Observed, pools: Iterable[Pool], goal: Revision) -> bool:
    """Return whether no worker in use is of another version than these."""
    wanted = {pool.name: version.revision for pool in pools if (version := goal.of(pool.name))}
    return all(revision_of(pod) == wanted[name] for name in wanted for pod in in_use(observed, name))


def is_settled(observed: Observed, pools: Iterable[Pool], goal: Revision) -> bool:
    """Return whether, besides, as many of them answer as are wanted."""
    there = list(pools)
    return has_moved(observed, there, goal) and all(
        ready(in_use(observed, pool.name)) >= pool.replicas for pool in there
    )


def ready(workers: Iterable[Manifest]) -> int:
    """Return how many workers answer; one of several Pods is one worker."""
    return sum(of_pod.is_ready(pod) and _labels(pod).get(ROLE_LABEL) != FOLLOWER_ROLE for pod in workers)


def revision_of(pod: Manifest) -> str | None:
    """Return the version that a worker is of."""
    return _labels(pod).get(REVISION_LABEL)


def tried(observed: Observed, wanted: dict[str, Canary], revision: str | None, settings: Settings) -> Tried:
    """Return the workers that try a version, of all pools."""
    there = [pod for pod in observed.pods if of_pod.is_live(pod) and of_pod.is_canary(pod)]
    mine = [pod for pod in there if revision_of(pod) == revision]
    by_pool = {name: _of(mine, name) for name in wanted}
    scenes = (_scene(observed, name, by_pool[name], settings) for name in wanted)
    return Tried(
        wanted=sum(one.replicas for one in wanted.values()),
        ready=sum(min(ready(by_pool[name]), one.replicas) for name, one in wanted.items()),
        there=len(there),
        problem=next((words for scene in scenes for words in _problems(scene)), None),
    )


def _problems(scene: Scene) -> Iterator[str]:
    """Yield why workers will not serve: they end, they cannot be made, they are given up."""
    now, (pool,) = scene.observed.now, scene.pools
    ended = workloads.crashed_for_any_reason(scene)
    if ended is not None:
        yield ended.message
    for pod in pool.pods:
        times = max((one.get("restartCount", 0) for one in _containers(pod)), default=0)
        if times:
            yield f"Pod {of_pod.name(pod)!r} had to be started again, {times} times"
    for pod in pool.starting:
        start = look_at(scene, pool, pod, _USUAL)
        if start.is_stuck and _is_older(pod["metadata"].get("creationTimestamp"), now):
            yield start.words
    refused = workloads.pods_forbidden(scene)
    conditions = pool.status.get("conditions") or ()
    since = next(
        (one.get("lastTransitionTime") for one in conditions if one["type"] == "ReplicaFailure"), None
    )
    if refused is not None and _is_older(since, now):
        yield refused.message


def _scene(observed: Observed, pool: str, pods: list[Manifest], settings: Settings) -> Scene:
    """Return these workers of one pool as if there were no others."""
    name = canary_name(observed.key.name, pool)
    deployments = (one for one in observed.children if one["kind"] == "Deployment")
    alone = PoolScene(
        name=pool,
        is_wanted=True,
        desired=len(pods),
        least=0,
        pods=tuple(pods),
        workers=len(pods),
        ready=ready(pods),
        starting=tuple(pod for pod in pods if not of_pod.is_ready(pod)),
        deployment=next((one for one in deployments if one["metadata"]["name"] == name), None),
        is_applied=True,
    )
    return Scene(observed, None, None, settings, suspended=False, pools=(alone,))


def _is_older(moment: str | None, now: datetime) -> bool:
    return moment is not None and now - datetime.fromisoformat(moment) >= _PATIENCE


def _of(pods: Iterable[Manifest], pool: str) -> list[Manifest]:
    return [pod for pod in pods if _labels(pod).get(POOL_LABEL, SHARED_POOL) == pool]


def _labels(pod: Manifest) -> dict[str, str]:
    return pod["metadata"].get("labels") or {}


def _containers(pod: Manifest) -> list[Manifest]:
    return (pod.get("status") or {}).get("containerStatuses") or []
