"""The NetworkPolicy of a loader's Pods: in from the operator only, out to the hub, its mirror or proxy, and DNS."""

import re
from collections.abc import Iterator
from typing import Any, Final

from tidegate_api.names import COMPONENT_LABEL, LOADER_PORT, OPERATOR_COMPONENT
from tidegate_api.settings import ModelSettings
from tidegate_operator.models.build import names
from tidegate_operator.models.request import Request

_USUAL_PORTS: Final = (80, 443)
_PORT: Final = re.compile(r"^https?://[^/]*:([0-9]{1,5})(/|$)")


def policy(wanted: Request) -> dict[str, Any] | None:
    """Return the NetworkPolicy, None where the settings leave the network open."""
    if not wanted.settings.network_policy.enabled:
        return None
    metadata = names.owned(wanted)
    ports = sorted({*_USUAL_PORTS, *_named_ports(wanted.settings.models)})
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": {
            "podSelector": {"matchLabels": metadata["labels"]},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {
                    "from": [_operator(wanted.settings.gateway_service.namespace)],
                    "ports": [{"port": LOADER_PORT, "protocol": "TCP"}],
                }
            ],
            "egress": [
                {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
                {"ports": [{"port": port, "protocol": "TCP"} for port in ports]},
            ],
        },
    }


def _operator(namespace: str) -> dict[str, Any]:
    """Return the operator, which asks how far it is; it runs beside the gateway."""
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "podSelector": {
            "matchLabels": {"app.kubernetes.io/name": "tidegate", COMPONENT_LABEL: OPERATOR_COMPONENT}
        },
    }


def _named_ports(models: ModelSettings) -> Iterator[int]:
    """Yield the ports of mirrors and proxies."""
    proxies = [one.value for one in models.env if one.name.upper().endswith("_PROXY")]
    for url in (models.hub_endpoint, models.model_scope_endpoint, *proxies):
        if found := _PORT.match(url):
            yield int(found[1])
