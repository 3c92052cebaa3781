"""The Deployments of a pool: its workers, replaced one by one and never fewer than wanted, and those of a trial."""

from typing import Any

from tidegate_api.names import (
    CANARY_TRACK,
    REVISION_LABEL,
    SUSPENDED_REPLICAS_ANNOTATION,
    TRACK_LABEL,
    canary_name,
)
from tidegate_operator.build import metadata
from tidegate_operator.desired import Canary, Pool, Service, Strategy, Version

# Longer than the startup probe allows a worker to load, so that slow is not called stuck.
PROGRESS_DEADLINE_SECONDS = 3600


def deployment(service: Service, pool: Pool, version: Version, strategy: Strategy) -> dict[str, Any]:
    """Return the Deployment."""
    # Left out only where someone else has set it: one that was ours would fall back to 1.
    replicas = {} if pool.is_left_to_others else {"replicas": pool.replicas}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            **metadata.of_pool(service, pool),
            "annotations": workload_annotations(pool, version),
        },
        "spec": {
            **replicas,
            **_common(strategy),
            "selector": {"matchLabels": metadata.pool_selector(service, pool)},
            "template": version.template,
        },
    }


def canary(service: Service, pool: Pool, wanted: Canary) -> dict[str, Any]:
    """Return the Deployment of the workers of a pool that try another version.

    They carry the labels of the pool, so that requests reach them, and one more, by which they are told apart.
    """
    shared, track = metadata.of_pool(service, pool), {TRACK_LABEL: CANARY_TRACK}
    template = wanted.version.template
    labels = {**template["metadata"]["labels"], REVISION_LABEL: wanted.version.revision, **track}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            **shared,
            "name": canary_name(service.key.name, pool.name),
            "labels": {**shared["labels"], **track},
            "annotations": {REVISION_LABEL: wanted.version.revision},
        },
        "spec": {
            "replicas": wanted.replicas,
            **_common(Strategy()),
            "selector": {"matchLabels": {**metadata.pool_selector(service, pool), **track}},
            "template": {**template, "metadata": {**template["metadata"], "labels": labels}},
        },
    }


def _common(strategy: Strategy) -> dict[str, Any]:
    return {
        "revisionHistoryLimit": 3,
        "progressDeadlineSeconds": PROGRESS_DEADLINE_SECONDS,
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": strategy.max_surge, "maxUnavailable": strategy.max_unavailable},
        },
    }


def workload_annotations(pool: Pool, version: Version) -> dict[str, str]:
    """Return what is written on whatever makes the workers of a pool."""
    annotations = {REVISION_LABEL: version.revision}
    if pool.replicas_before is not None:
        annotations[SUSPENDED_REPLICAS_ANNOTATION] = str(pool.replicas_before)
    return annotations
