"""The PersistentVolumeClaim of a namespace's cache: made once, owned by nobody, never changed."""

from typing import Any

from tidegate_api.names import MANAGED_BY, MANAGED_BY_LABEL
from tidegate_api.settings import ModelCacheSettings


def claim(namespace: str, settings: ModelCacheSettings) -> dict[str, Any]:
    """Return the claim."""
    chosen = settings.storage_class_name
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": settings.claim_name,
            "namespace": namespace,
            "labels": {MANAGED_BY_LABEL: MANAGED_BY},
        },
        "spec": {
            "accessModes": [settings.access_mode],
            "resources": {"requests": {"storage": settings.size}},
            # An empty name would mean a volume without a class.
            **({"storageClassName": chosen} if chosen else {}),
        },
    }
