"""Brings the children about: the only place that writes anything but status, events and the Lease.

Owns the rules of writing: only what differs, never over an object that is not ours, deletions only of exactly what
was looked at. Must not know what the manifests mean.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from tidegate_operator.cache import Cache
from tidegate_operator.cluster import Cluster, ClusterError, Object
from tidegate_operator.diff import needs_write
from tidegate_operator.errors import Stalled, Waiting
from tidegate_operator.facts import Manifest, Observed
from tidegate_operator.interest import is_controlled_by
from tidegate_operator.kinds import WORKLOADS, kind_of
from tidegate_operator.ownership import refuse_foreign

_Name = tuple[str, str, str]
_LOOK_AGAIN_SECONDS = 1.0
# How the API server says that a manifest is wrong: not valid, not parsable, not in the schema.
_INVALID_STATUSES = (400, 422)
_NOT_IN_SCHEMA = "failed to create typed patch object"


async def apply(
    manifests: Sequence[Mapping[str, Any]],
    observed: Observed,
    cluster: Cluster,
    cache: Cache,
    held: Collection[str] = (),
) -> tuple[Manifest, ...]:
    """Write what differs, then delete what is no longer wanted; return the children as they are now.

    Deployments in `held` are written over the version that was looked at and no other.
    """
    now = await write(manifests, observed, cluster, cache, held)
    wanted = {_name(manifest) for manifest in manifests}
    await _prune(
        [child for child in observed.children if _name(child) not in wanted], observed, cluster, cache
    )
    return now


async def write(
    manifests: Sequence[Mapping[str, Any]],
    observed: Observed,
    cluster: Cluster,
    cache: Cache,
    held: Collection[str] = (),
) -> tuple[Manifest, ...]:
    """Write what differs and delete nothing; return these children as they are now."""
    live = {_name(child): child for child in observed.children}
    return tuple(
        [
            await _apply_one(manifest, live.get(_name(manifest)), observed, cluster, cache, held=held)
            for manifest in manifests
        ]
    )


async def _apply_one(
    manifest: Mapping[str, Any],
    live: Manifest | None,
    observed: Observed,
    cluster: Cluster,
    cache: Cache,
    *,
    held: Collection[str],
) -> Manifest:
    if live is None:
        return await _create(manifest, observed, cluster, cache)
    if not needs_write(manifest, live):
        return live
    # With the UID, an object that took this name in the meantime is refused instead of taken over.
    exactly = {**manifest["metadata"], "uid": live["metadata"]["uid"]}
    if manifest["kind"] in WORKLOADS and manifest["metadata"]["name"] in held:
        exactly["resourceVersion"] = live["metadata"]["resourceVersion"]
    return await _write({**manifest, "metadata": exactly}, cluster, cache)


async def _create(manifest: Mapping[str, Any], observed: Observed, cluster: Cluster, cache: Cache) -> Object:
    """Make an object where none is known; one that is there all the same is left to the next reconcile."""
    try:
        return await _written(manifest, cluster, cache, is_new=True)
    except ClusterError as error:
        if error.status != 409:
            raise
    kind, metadata = kind_of(manifest["apiVersion"], manifest["kind"]), manifest["metadata"]
    # Even of what is ours the plan knew nothing, such as how many workers it has: it is made anew.
    cache.in_the_way.setdefault(observed.key, set()).add((kind, metadata["name"]))
    if found := await cluster.get(kind, metadata["namespace"], metadata["name"]):
        refuse_foreign(found, manifest)
    raise Waiting("ChangedMeanwhile", _LOOK_AGAIN_SECONDS)


async def _write(manifest: Mapping[str, Any], cluster: Cluster, cache: Cache) -> Object:
    try:
        return await _written(manifest, cluster, cache)
    except ClusterError as error:
        if error.status == 409:
            raise Waiting("ChangedMeanwhile", _LOOK_AGAIN_SECONDS) from error
        raise


async def _written(
    manifest: Mapping[str, Any], cluster: Cluster, cache: Cache, *, is_new: bool = False
) -> Object:
    try:
        written = await cluster.apply(manifest, is_new=is_new)
    except ClusterError as error:
        if error.status in _INVALID_STATUSES or _NOT_IN_SCHEMA in error.message:
            raise _refused(manifest, error) from error
        raise
    cache.answered(manifest, written)
    return written


def _refused(manifest: Mapping[str, Any], error: ClusterError) -> Stalled:
    # Everything else in a manifest is ours and tested, or was checked before.
    where = "spec.podTemplate or spec.resources" if manifest["kind"] in WORKLOADS else "the LLMService"
    message = f"the API server refuses the {manifest['kind']} made from {where}: {error.message[:1000]}"
    return Stalled("InvalidPodTemplate", message)


async def _prune(unwanted: Iterable[Manifest], observed: Observed, cluster: Cluster, cache: Cache) -> None:
    uid = observed.service["metadata"]["uid"]
    for child in unwanted:
        if not is_controlled_by(child, uid):
            continue
        api_version, kind, name = _name(child)
        # What the watches said may be old: only what is ours right now may go.
        live = await cluster.get(kind_of(api_version, kind), child["metadata"]["namespace"], name)
        if live and is_controlled_by(live, uid):
            await _delete(live, cluster)
            cache.drop(live)


async def _delete(live: Object, cluster: Cluster) -> None:
    try:
        await cluster.delete(live)
    except ClusterError as error:
        if error.status != 409:
            raise
        raise Waiting("ChangedMeanwhile", _LOOK_AGAIN_SECONDS) from error


def _name(item: Mapping[str, Any]) -> _Name:
    return item["apiVersion"], item["kind"], item["metadata"]["name"]
