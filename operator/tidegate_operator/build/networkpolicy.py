"""The NetworkPolicy of the workers: in from the gateway (and Prometheus), out to DNS only."""

from typing import Any

from tidegate_api.names import COMPONENT_LABEL, WORKER_PORT
from tidegate_operator.build import metadata
from tidegate_operator.desired import NetworkAccess, Service

_NAMESPACE_LABEL = "kubernetes.io/metadata.name"


def networkpolicy(service: Service) -> dict[str, Any] | None:
    """Return the NetworkPolicy, None where the settings leave the network open."""
    if service.network is None:
        return None
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata.of_service(service),
        "spec": {
            "podSelector": {"matchLabels": metadata.service_selector(service)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {
                    "from": _callers(service.network),
                    "ports": [{"port": WORKER_PORT, "protocol": "TCP"}],
                }
            ],
            "egress": [{"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}],
        },
    }


def _callers(network: NetworkAccess) -> list[dict[str, Any]]:
    gateway = {
        "namespaceSelector": {"matchLabels": {_NAMESPACE_LABEL: network.gateway_namespace}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "tidegate", COMPONENT_LABEL: "gateway"}},
    }
    if network.prometheus_namespace is None:
        return [gateway]
    return [
        gateway,
        {"namespaceSelector": {"matchLabels": {_NAMESPACE_LABEL: network.prometheus_namespace}}},
    ]
