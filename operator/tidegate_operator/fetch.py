"""Gathers what one reconcile has to know.

Owns where each fact comes from: the cache, but for what a write has found in our way: it has no label of ours, so no
watch tells when it goes. Must not decide or write.
"""

import asyncio
from collections.abc import Iterable, Set
from datetime import UTC, datetime
from typing import Any

from tidegate_api.names import pool_name
from tidegate_operator.adapters.declared import lora_of
from tidegate_operator.belonging import claimed_names
from tidegate_operator.cache import Cache
from tidegate_operator.cluster import Cluster, Object
from tidegate_operator.facts import Enrolled, Key, Observed
from tidegate_operator.inspections import inspections
from tidegate_operator.interest import (
    children_of,
    claim_of,
    followers_of,
    inspectors_of,
    key_of,
    names_of_services,
    pods_of,
)
from tidegate_operator.kinds import (
    CLAIM,
    LEADER_WORKER_SET,
    LLM_MODEL,
    LLM_SERVICE,
    LLM_TENANT,
    POD_AUTOSCALER,
)
from tidegate_operator.models.naming import draft_of, model_of
from tidegate_operator.pools import sizes
from tidegate_operator.rivals import rivals


async def fetch(key: Key, cache: Cache, cluster: Cluster) -> Observed | None:
    """Return all that concerns an LLMService, None when it is gone or going: its owner references clean up."""
    service = cache.get(LLM_SERVICE, key.namespace, key.name)
    if service is None or "deletionTimestamp" in service["metadata"]:
        return None
    claim = claim_of(service)
    return Observed(
        service=service,
        siblings=tuple(_siblings(service, cache)),
        children=tuple(await _children(service, cache, cluster)),
        pods=tuple(pods_of(key, cache)),
        followers=tuple(followers_of(key, cache)),
        knows_sets=cache.knows_sets,
        claim=cache.get(CLAIM, key.namespace, claim) if claim else None,
        gateway_endpoints_ready=cache.gateway_ready,
        now=datetime.now(UTC),
        traffic=cache.census.traffic(key) if cache.census is not None else None,
        targets=cache.targets.get(key, {}),
        rivals=rivals(key.name, sizes(service), cache.all(POD_AUTOSCALER, key.namespace)),
        model=model_of(service, cache.all(LLM_MODEL, key.namespace)),
        started=cache.started.get(key, {}),
        draft=draft_of(service, cache.all(LLM_MODEL, key.namespace)),
        inspections=inspections(inspectors_of(key, cache)),
        tallies=cache.census.tallies(key) if cache.census is not None else {},
        examined=cache.examined.get(key),
        **_for_adapters(service, cache),
    )


def _for_adapters(service: Object, cache: Cache) -> dict[str, Any]:
    """Return what else is to be known of an LLMService that serves adapters."""
    key = key_of(service)
    if lora_of(service) is None:
        return {}
    return {
        "models": tuple(cache.all(LLM_MODEL, key.namespace)),
        "claims": {key_of(one).name: one for one in cache.all(CLAIM, key.namespace)},
        "adapters": dict(cache.adapters.get(key, {})),
    }


def enrolled(key: Key, cache: Cache) -> Enrolled | None:
    """Return all that concerns an LLMTenant, None when it is gone or going."""
    tenant = cache.get(LLM_TENANT, key.namespace, key.name)
    if tenant is None or "deletionTimestamp" in tenant["metadata"]:
        return None
    census = cache.census
    told = (tenant.get("status") or {}).get("gateways") or []
    known = frozenset(one["instance"] for one in told)
    return Enrolled(
        tenant=tenant,
        services=names_of_services(cache, key.namespace),
        counted=census.counters(key) if census is not None else {},
        ended=frozenset(name for name in known if census is not None and census.has_ended(name)),
        now=datetime.now(UTC),
    )


async def _children(service: Object, cache: Cache, cluster: Cluster) -> list[Object]:
    key = key_of(service)
    is_spread = bool((service.get("spec") or {}).get("parallelism"))
    if is_spread and cache.knows_sets:
        await _look_at_sets(key, sizes(service), cache, cluster)
    known = children_of(key, cache)
    return known + await _in_the_way(key, {(one["kind"], key_of(one).name) for one in known}, cache, cluster)


async def _in_the_way(key: Key, known: Set[tuple[str, str]], cache: Cache, cluster: Cluster) -> list[Object]:
    """Return what a write has found under a name that we need; what has gone, or is watched again, is forgotten."""
    names = {one for one in cache.in_the_way.pop(key, ()) if (one[0].kind, one[1]) not in known}
    asked = {one: await cluster.get(one[0], key.namespace, one[1]) for one in sorted(names)}
    found = {one: live for one, live in asked.items() if live is not None}
    if found:
        cache.in_the_way[key] = set(found)
    return list(found.values())


def _siblings(service: Object, cache: Cache) -> list[Object]:
    """Return the other LLMServices of the namespace that claim a name which this one claims."""
    key = key_of(service)
    return [one for one in cache.claiming(key.namespace, claimed_names(service)) if key_of(one) != key]


async def _look_at_sets(key: Key, pools: Iterable[str], cache: Cache, cluster: Cluster) -> None:
    """Read the LeaderWorkerSets of a service anew: no watch tells of them."""
    names = [pool_name(key.name, pool) for pool in pools]
    found = await asyncio.gather(*(cluster.get(LEADER_WORKER_SET, key.namespace, name) for name in names))
    for name, live in zip(names, found, strict=True):
        known = cache.get(LEADER_WORKER_SET, key.namespace, name)
        if live is not None:
            cache.put(live)
        elif known is not None:
            cache.drop(known)
