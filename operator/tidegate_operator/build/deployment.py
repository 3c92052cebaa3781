"""The Deployment of a pool: its workers, replaced one by one and never fewer than wanted."""

from typing import Any

from tidegate_api.names import REVISION_LABEL, SUSPENDED_REPLICAS_ANNOTATION
from tidegate_operator.build import metadata
from tidegate_operator.desired import Pool, Service, Version

# Longer than the startup probe allows a worker to load, so that slow is not called stuck.
PROGRESS_DEADLINE_SECONDS = 3600


def deployment(service: Service, pool: Pool, version: Version) -> dict[str, Any]:
    """Return the Deployment."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(service, pool, version),
        "spec": {
            # Left out only where someone else has set it: one that was ours would fall back to 1.
            **({} if pool.is_left_to_others else {"replicas": pool.replicas}),
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": PROGRESS_DEADLINE_SECONDS,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "selector": {"matchLabels": metadata.pool_selector(service, pool)},
            "template": version.template,
        },
    }


def _metadata(service: Service, pool: Pool, version: Version) -> dict[str, Any]:
    annotations = {REVISION_LABEL: version.revision}
    if pool.replicas_before is not None:
        annotations[SUSPENDED_REPLICAS_ANNOTATION] = str(pool.replicas_before)
    return {**metadata.of_pool(service, pool), "annotations": annotations}
