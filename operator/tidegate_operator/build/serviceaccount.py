"""The ServiceAccount of the workers: an identity without a token, for workers never speak to Kubernetes."""

from typing import Any

from tidegate_operator.build import metadata
from tidegate_operator.desired import Service


def serviceaccount(service: Service) -> dict[str, Any]:
    """Return the ServiceAccount."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata.of_service(service),
        "automountServiceAccountToken": False,
    }
