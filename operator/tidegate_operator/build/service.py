"""The Service of the workers: a stable name for people and probes; the gateway itself goes to the Pods."""

from typing import Any

from tidegate_api.names import WORKER_PORT_NAME
from tidegate_operator.build import metadata
from tidegate_operator.desired import Service


def service(wanted: Service) -> dict[str, Any]:
    """Return the Service."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata.of_service(wanted),
        "spec": {
            "type": "ClusterIP",
            "selector": metadata.service_selector(wanted),
            "ports": [
                {
                    "name": WORKER_PORT_NAME,
                    "port": 80,
                    "targetPort": WORKER_PORT_NAME,
                    "protocol": "TCP",
                    "appProtocol": "http",
                }
            ],
        },
    }
