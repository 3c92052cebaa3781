"""What the Pod Security Standard "restricted" asks of every Pod of ours, and a wish where it is to run.

Owns these parts of a Pod. Must not know what any Pod is for.
"""

from collections.abc import Mapping
from typing import Any

from tidegate_api.names import WORKER_UID


def pod_security(*, owns_volumes: bool = True) -> dict[str, Any]:
    """Return a Pod's security context; one that owns its volumes may write what another user of its group wrote."""
    return {
        "runAsNonRoot": True,
        "runAsUser": WORKER_UID,
        "runAsGroup": WORKER_UID,
        **({"fsGroup": WORKER_UID} if owns_volumes else {}),
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> dict[str, Any]:
    """Return a container's security context."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def near(labels: Mapping[str, str]) -> dict[str, Any]:
    """Return the wish for a node with such Pods: a volume that one node takes at a time may be attached there."""
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": dict(labels)}}
    wish = {"weight": 100, "podAffinityTerm": term}
    return {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [wish]}}
