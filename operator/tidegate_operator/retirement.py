"""The next step towards fewer workers of a pool: which Pods are marked, and what the Deployment asks for meanwhile.

Owns the marks as manifests; who leaves and when is the scaling law's. Must not write them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Any

from tidegate_api.names import DELETION_COST_ANNOTATION, DRAINING_ANNOTATION
from tidegate_operator.conditions import pods as of_pod
from tidegate_operator.conditions.record import rfc3339
from tidegate_operator.conditions.scene import PoolScene
from tidegate_operator.facts import Manifest
from tidegate_operator.replicas import replicas_of
from tidegate_operator.scaling.retire import Retiree, Retirement, retire
from tidegate_operator.supply import draining_since, is_changing, is_draining

# The cost of those that may go now, as the scaling law has it.
_FIRST = "-2"
_OURS = (DRAINING_ANNOTATION, DELETION_COST_ANNOTATION)


@dataclass(frozen=True, slots=True)
class Step:
    """What the Deployment is to ask for once the marks are written."""

    replicas: int
    marks: tuple[dict[str, Any], ...] = ()


def step(
    pool: PoolScene,
    wanted: int,
    in_flight: Callable[[Manifest], int | None],
    kv_used: Callable[[Manifest], float | None],
    *,
    drain_seconds: float,
    now: float,
) -> Step:
    """Return the next step to `wanted` workers; `now` is Unix time."""
    desired = replicas_of(pool.deployment)
    if desired is None:
        return Step(wanted, unmarked(pool))
    if wanted >= desired:
        # The ReplicaSet controller may not have come to it yet: without its mark, another would go instead.
        return Step(wanted, unmarked(pool, leaving=len(pool.live) - desired))
    if is_changing(pool):
        return Step(desired)
    workers = [
        Retiree(
            name=of_pod.name(pod),
            ready=of_pod.is_ready(pod),
            in_flight=in_flight(pod),
            draining=is_draining(pod),
            draining_since=draining_since(pod),
            kv_used=kv_used(pod),
        )
        for pod in pool.live
    ]
    found = retire(workers, wanted, drain_seconds, now)
    marks = _marks(pool, found, now)
    # Whoever removes Pods must have seen which: what is written now counts from the next look on.
    is_known = not any(
        mark["metadata"]["annotations"].get(DELETION_COST_ANNOTATION) == _FIRST for mark in marks
    )
    return Step(min(found.replicas, desired) if is_known else desired, marks)


def unmarked(pool: PoolScene, leaving: int = 0) -> tuple[dict[str, Any], ...]:
    """Return what takes every mark from the workers of a pool, but from so many of those that may go now."""
    first = [pod for pod in pool.live if _annotations(pod).get(DELETION_COST_ANNOTATION) == _FIRST]
    stay = [pod for pod in pool.live if pod not in first[: max(leaving, 0)]]
    return tuple(mark for pod in stay if (mark := _mark(pod, None, 0)) is not None)


def unmark(pod: Manifest) -> dict[str, Any] | None:
    """Return what takes our marks from a Pod, None if it has none."""
    return _mark(pod, None, 0)


def _marks(pool: PoolScene, found: Retirement, now: float) -> tuple[dict[str, Any], ...]:
    # Marks have whole seconds: none may look older than it is.
    moment = rfc3339(datetime.fromtimestamp(ceil(now), UTC))
    marks = []
    for pod in pool.live:
        name = of_pod.name(pod)
        since = moment if name in found.mark else _annotations(pod).get(DRAINING_ANNOTATION)
        marks.append(_mark(pod, None if name in found.unmark else since, found.costs.get(name, 0)))
    return tuple(mark for mark in marks if mark is not None)


def _mark(pod: Manifest, since: str | None, cost: int) -> dict[str, Any] | None:
    """Return the marks of a Pod as a manifest, None if it has just these.

    One that does not drain has none of ours: a deletion cost there is somebody else's.
    """
    there = {name: value for name, value in _annotations(pod).items() if name in _OURS}
    if since is None and DRAINING_ANNOTATION not in there:
        return None
    wanted = {} if since is None else {DRAINING_ANNOTATION: since, DELETION_COST_ANNOTATION: str(cost)}
    if there == wanted:
        return None
    metadata = {name: pod["metadata"][name] for name in ("namespace", "name", "uid")}
    # What we leave out of what we have written before, the API server takes away.
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, "annotations": wanted}}


def _annotations(pod: Manifest) -> Mapping[str, str]:
    found: Mapping[str, str] = pod["metadata"].get("annotations") or {}
    return found
