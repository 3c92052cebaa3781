"""Reads everything again: at start, and then slowly for ever, so that no lost event matters for long.

Owns what is listed, and where. Must not write to the cluster.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence, Set
from functools import partial

import structlog

from tidegate_api.names import MANAGED_BY, MANAGED_BY_LABEL
from tidegate_operator.cache import Cache
from tidegate_operator.cluster import Cluster, ClusterError
from tidegate_operator.facts import Key
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
# As many are looked at each time without cause: 1.5 s of CPU.
AT_A_TIME = 500
# Of a core, on looking for what was missed, where that takes more CPU than this.
_SHARE = 0.003
_CHEAP_SECONDS = 0.5
_SPREAD = 0.2  # of the period: keys come back one by one, not all at once

log = structlog.get_logger(__name__)


class NotInstalled(Exception):
    """The API server does not know our custom resources."""


async def read_first(cluster: Cluster, cache: Cache, namespaces: Sequence[str | None]) -> None:
    """Read all; raise NotInstalled where nothing can be watched."""
    try:
        await read_all(cluster, cache, namespaces)
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


async def read_what_is_lacking(
    cluster: Cluster, cache: Cache, namespaces: Sequence[str | None], pause: Callable[[], Awaitable[None]]
) -> None:
    """Compare versions with those of the API server, and list the kinds of which something was missed.

    After a `pause`, since a watch may be about to tell.
    """
    lacking = []
    for kind, selector in WATCHED.items():
        for namespace in namespaces:
            there = await cluster.versions(kind, namespace, selector)
            if cache.lacks(kind, namespace, there):
                lacking.append((kind, namespace, there))
    if lacking:
        await pause()
    for kind, namespace, there in lacking:
        if cache.lacks(kind, namespace, there):
            log.warning("a watch has missed something", kind=kind.kind)
            cache.replace(kind, namespace, await cluster.list(kind, namespace, WATCHED[kind]))
    await _read_sets(cluster, cache, namespaces)
    cache.forget_deletions()


async def for_ever(
    cluster: Cluster, cache: Cache, namespaces: Sequence[str | None], queues: Queues, seconds: float
) -> None:
    """Look for what was missed and reconcile all, every `seconds` or somewhat later; of very many a part each time."""
    turns, wait = Turns(), seconds
    while True:
        spread = seconds * _SPREAD
        await asyncio.sleep(wait + random.random() * spread)  # noqa: S311 - spreads load, guards nothing
        began = time.process_time()
        try:
            await read_what_is_lacking(cluster, cache, namespaces, partial(asyncio.sleep, spread))
        except ClusterError as error:
            log.warning("resync put off", error=str(error))
            continue
        wait = max(seconds, (time.process_time() - began - _CHEAP_SECONDS) / _SHARE)
        for queue, keys in queues.everything(cache):
            for key in turns.take(queue, keys):
                queue.add_after(key, random.random() * spread)  # noqa: S311


class Turns:
    """Who is looked at next of those that wait for their turn: so many each time, and all of them in the end."""

    def __init__(self) -> None:
        self._left: dict[int, list[Key]] = {}

    def take(self, queue: object, keys: Set[Key]) -> list[Key]:
        """Return the next ones of a queue."""
        left = [key for key in self._left.get(id(queue), ()) if key in keys] or sorted(keys)
        self._left[id(queue)] = left[AT_A_TIME:]
        return left[:AT_A_TIME]
