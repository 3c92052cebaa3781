"""The Deployment of a pool: its workers, replaced one by one and never fewer than wanted."""

from typing import Any

from tidegate_operator.build import metadata
from tidegate_operator.build.pod import pod_template
from tidegate_operator.desired import Pool, Service

# Longer than the startup probe allows a worker to load, so that slow is not called stuck.
PROGRESS_DEADLINE_SECONDS = 3600


def deployment(service: Service, pool: Pool) -> dict[str, Any]:
    """Return the Deployment."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata.of_pool(service, pool),
        "spec": {
            # Always written: once left out, it would fall back to 1.
            "replicas": pool.replicas,
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": PROGRESS_DEADLINE_SECONDS,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "selector": {"matchLabels": metadata.pool_selector(service, pool)},
            "template": pod_template(service, pool),
        },
    }
