"""The PodDisruptionBudget of a pool: node maintenance takes one worker at a time."""

from typing import Any

from tidegate_api.names import POOL_LABEL
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
            "selector": {"matchLabels": _selector(service, pool)},
            # A worker that never became ready serves nobody, and must not hold a node back.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }


def _selector(service: Service, pool: Pool) -> dict[str, str]:
    """Return what selects the workers: all members of one that is several Pods, for any of them ends all."""
    if service.spread.nodes == 1:
        return metadata.pool_selector(service, pool)
    return {**metadata.members_selector(service), POOL_LABEL: pool.name}
