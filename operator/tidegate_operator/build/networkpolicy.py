"""The NetworkPolicy of the workers: in from gateway and operator (and Prometheus), out to DNS and the collector only.

A worker that streams its model from an object store may go out to anywhere; the members of a worker of several Pods
reach each other. What looks into a model reads its volume, and talks to nobody.
"""

from typing import Any

from tidegate_api.names import (
    COMPONENT_LABEL,
    GATEWAY_COMPONENT,
    INSPECTED_FOR_LABEL,
    INSPECTOR_COMPONENT,
    OPERATOR_COMPONENT,
)
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
                    "ports": [{"port": service.port, "protocol": "TCP"}],
                }
            ],
            "egress": _ways_out(service.network),
        },
    }


def members_networkpolicy(service: Service) -> dict[str, Any] | None:
    """Return the NetworkPolicy of workers of several Pods, whose members talk to each other on any port."""
    if service.network is None or service.spread.nodes == 1:
        return None
    members = [{"podSelector": {"matchLabels": metadata.members_selector(service)}}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata.of_members(service),
        "spec": {
            "podSelector": {"matchLabels": metadata.members_selector(service)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": members}],
            "egress": [{"to": members}, *_ways_out(service.network)],
        },
    }


def inspector_networkpolicy(service: Service) -> dict[str, Any] | None:
    """Return the NetworkPolicy of the Pod that looks into a model, which is read before anybody trusts it."""
    if service.network is None:
        return None
    named = metadata.of_service(service)
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            **named,
            "name": metadata.inspector_name(service.key),
            "labels": {**named["labels"], COMPONENT_LABEL: INSPECTOR_COMPONENT},
        },
        "spec": {
            "podSelector": {"matchLabels": {INSPECTED_FOR_LABEL: service.key.name}},
            # With no rule of either: nobody reaches it, and it reaches nobody.
            "policyTypes": ["Ingress", "Egress"],
        },
    }


def _ways_out(network: NetworkAccess) -> list[dict[str, Any]]:
    if network.reaches_out:
        return [_anywhere()]
    if network.collector_port is None:
        return [_names_only()]
    return [_names_only(), {"ports": [{"port": network.collector_port, "protocol": "TCP"}]}]


def _names_only() -> dict[str, Any]:
    return {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}


def _anywhere() -> dict[str, Any]:
    """Return the rule for a model in an object store: its address can be any, and is known to the engine only."""
    return {}


def _callers(network: NetworkAccess) -> list[dict[str, Any]]:
    """Return the gateway, whose requests they are; the operator, which reads how busy they are; Prometheus."""
    parts = {"key": COMPONENT_LABEL, "operator": "In", "values": [GATEWAY_COMPONENT, OPERATOR_COMPONENT]}
    ours = {
        "namespaceSelector": {"matchLabels": {_NAMESPACE_LABEL: network.gateway_namespace}},
        "podSelector": {
            "matchLabels": {"app.kubernetes.io/name": "tidegate"},
            "matchExpressions": [parts],
        },
    }
    if network.prometheus_namespace is None:
        return [ours]
    return [
        ours,
        {"namespaceSelector": {"matchLabels": {_NAMESPACE_LABEL: network.prometheus_namespace}}},
    ]
