"""The ControllerRevision of a version: the Pod templates of its pools as they were rendered once, never changed."""

from typing import Any

from tidegate_api.names import REVISION_LABEL, pool_name
from tidegate_operator.build import metadata
from tidegate_operator.desired import Revision, Service


def revision(service: Service, version: Revision) -> dict[str, Any]:
    """Return the ControllerRevision."""
    shared = metadata.of_service(service)
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            **shared,
            # Named as a child of a pool is, of which none is called as a hash is.
            "name": pool_name(service.key.name, version.name),
            "labels": {**shared["labels"], REVISION_LABEL: version.name},
        },
        "revision": version.number,
        "data": {
            "inputs": {name: one.inputs for name, one in version.pools.items()},
            "templates": {name: one.template for name, one in version.pools.items()},
        },
    }
