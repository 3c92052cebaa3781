"""Reads everything again: at start, and then slowly for ever, so that no lost event matters for long.

Owns what is listed, and where. Must not write to the cluster.
"""

import asyncio
import random
from collections.abc import Sequence

import structlog

from tidegate_api.names import MANAGED_BY, MANAGED_BY_LABEL
from tidegate_operator.cache import Cache
from tidegate_operator.cluster import Cluster, ClusterError
from tidegate_operator.kinds import (
    CLAIM,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    JOB,
    LEADER_WORKER_SET,
    LLM_MODEL,
    LLM_SERVICE,
    LLM_TENANT,
    NETWORK_POLICY,
    POD,
    POD_AUTOSCALER,
    SERVICE,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
    Kind,
)
from tidegate_operator.queues import Queues

OURS = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
# What is watched, and by which label: nothing is known beforehand of our own resources, of claims, and of others that
# scale our Deployments.
WATCHED: dict[Kind, str] = {
    LLM_SERVICE: "",
    LLM_TENANT: "",
    LLM_MODEL: "",
    CLAIM: "",
    POD_AUTOSCALER: "",
    DEPLOYMENT: OURS,
    STATEFUL_SET: OURS,
    CONTROLLER_REVISION: OURS,
    SERVICE: OURS,
    SERVICE_ACCOUNT: OURS,
    DISRUPTION_BUDGET: OURS,
    NETWORK_POLICY: OURS,
    JOB: OURS,
    POD: OURS,
}
_SPREAD = 0.2  # of the period: keys come back one by one, not all at once

log = structlog.get_logger(__name__)


class NotInstalled(Exception):
    """The API server does not know our custom resources."""


async def require_definitions(cluster: Cluster, namespaces: Sequence[str | None]) -> None:
    """Raise NotInstalled where nothing can be watched."""
    try:
        for kind in (LLM_SERVICE, LLM_TENANT, LLM_MODEL):
            await cluster.list(kind, namespaces[0])
    except ClusterError as error:
        if error.status != 404:
            raise
        words = "the custom resources are not installed: install the chart with crds.enabled, or apply crds/"
        raise NotInstalled(words) from error


async def read_all(cluster: Cluster, cache: Cache, namespaces: Sequence[str | None]) -> None:
    """List every watched kind into the cache; `[None]` is all namespaces."""
    for kind, selector in WATCHED.items():
        for namespace in namespaces:
            cache.replace(kind, namespace, await cluster.list(kind, namespace, selector))
    await _read_sets(cluster, cache, namespaces)
    cache.forget_deletions()


async def _read_sets(cluster: Cluster, cache: Cache, namespaces: Sequence[str | None]) -> None:
    """List LeaderWorkerSets, where the cluster knows them: they are not watched, and come and go with a project."""
    try:
        for namespace in namespaces:
            cache.replace(
                LEADER_WORKER_SET, namespace, await cluster.list(LEADER_WORKER_SET, namespace, OURS)
            )
    except ClusterError as error:
        if error.status not in (403, 404):
            raise
        cache.knows_sets = False
    else:
        cache.knows_sets = True


async def for_ever(
    cluster: Cluster, cache: Cache, namespaces: Sequence[str | None], queues: Queues, seconds: float
) -> None:
    """Read everything and reconcile everything, every `seconds` or somewhat later."""
    while True:
        spread = seconds * _SPREAD
        await asyncio.sleep(seconds + random.random() * spread)  # noqa: S311 - spreads load, guards nothing
        try:
            await read_all(cluster, cache, namespaces)
        except ClusterError as error:
            log.warning("resync put off", error=str(error))
            continue
        for queue, keys in queues.everything(cache):
            for key in keys:
                queue.add_after(key, random.random() * spread)  # noqa: S311
