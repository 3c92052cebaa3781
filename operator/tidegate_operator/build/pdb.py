"""The PodDisruptionBudget of a pool: node maintenance takes one worker at a time."""

from typing import Any

from tidegate_operator.build import metadata
from tidegate_operator.desired import Pool, Service


def pdb(service: Service, pool: Pool) -> dict[str, Any] | None:
    """Return the PodDisruptionBudget, None for a pool of one or none: there it would block a drain for ever."""
    if pool.replicas <= 1:
        return None
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata.of_pool(service, pool),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": metadata.pool_selector(service, pool)},
            # A worker that never became ready serves nobody, and must not hold a node back.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }
