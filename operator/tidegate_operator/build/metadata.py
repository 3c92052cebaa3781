"""Names, labels and owner of the children: the same for every kind.

Owns metadata. Must not know any kind.
"""

from typing import Any

from tidegate_api.names import (
    API_VERSION,
    COMPONENT_LABEL,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    MEMBER_LABEL,
    POOL_LABEL,
    SERVICE_KIND,
    SERVICE_LABEL,
    WORKER_COMPONENT,
    pool_name,
)
from tidegate_operator.desired import Pool, Service
from tidegate_operator.facts import Key


def of_service(service: Service) -> dict[str, Any]:
    """Return the metadata of a child that the whole service shares."""
    return _metadata(service, service.key.name, service_labels(service))


def of_pool(service: Service, pool: Pool) -> dict[str, Any]:
    """Return the metadata of a child of one pool."""
    return _metadata(service, pool_name(service.key.name, pool.name), pool_labels(service, pool))


def of_members(service: Service) -> dict[str, Any]:
    """Return the metadata of a child that is for the members of groups only."""
    return _metadata(service, members_name(service.key), service_labels(service))


def members_name(key: Key) -> str:
    """Return the name of such a child."""
    return f"{key.name}-members"


def inspector_name(key: Key) -> str:
    """Return the name of a child that is for what looks into the model only, beside the Job itself."""
    return f"{key.name}-inspect"


def service_labels(service: Service) -> dict[str, str]:
    """Return the labels of everything that belongs to a service."""
    return {
        MANAGED_BY_LABEL: MANAGED_BY,
        COMPONENT_LABEL: WORKER_COMPONENT,
        SERVICE_LABEL: service.key.name,
    }


def pool_labels(service: Service, pool: Pool) -> dict[str, str]:
    """Return the labels of everything that belongs to a pool."""
    return {**service_labels(service), POOL_LABEL: pool.name}


def service_selector(service: Service) -> dict[str, str]:
    """Return what selects the workers of all pools."""
    return {SERVICE_LABEL: service.key.name}


def pool_selector(service: Service, pool: Pool) -> dict[str, str]:
    """Return what selects the workers of a pool; it can never change, since a Deployment's cannot."""
    return {SERVICE_LABEL: service.key.name, POOL_LABEL: pool.name}


def members_selector(service: Service) -> dict[str, str]:
    """Return what selects all Pods of workers that are several Pods each, followers too."""
    return {MEMBER_LABEL: service.key.name}


def _metadata(service: Service, name: str, labels: dict[str, str]) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": service.key.namespace,
        "labels": labels,
        "ownerReferences": [
            {
                "apiVersion": API_VERSION,
                "kind": SERVICE_KIND,
                "name": service.key.name,
                "uid": service.uid,
                "controller": True,
                "blockOwnerDeletion": False,
            }
        ],
    }
