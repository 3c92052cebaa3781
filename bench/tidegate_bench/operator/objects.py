"""What is made: the LLMServices of a run, and the children of them that a script would write by itself.

Owns their form and their paths. Must not do I/O.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from tidegate_api.names import GROUP, SERVICES_PLURAL, VERSION
from tidegate_operator.kinds import kind_of

PER_NAMESPACE: Final = 100
POOLS: Final = 3
SERVICES: Final = f"/apis/{GROUP}/{VERSION}/{SERVICES_PLURAL}"
DEPLOYMENTS: Final = "/apis/apps/v1/deployments"
GATEWAY_NAMESPACE: Final = "tidegate-system"
Object = dict[str, Any]
# What the API server or other controllers have added to an object.
_NOT_OURS: Final = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "ownerReferences",
)


def namespaces(count: int) -> list[str]:
    """Return the namespaces of so many services."""
    return [f"team-{number}" for number in range(-(-count // PER_NAMESPACE))]


def place(number: int) -> tuple[str, str]:
    """Return the namespace and the name of a service."""
    return f"team-{number // PER_NAMESPACE}", f"chat-{number}"


def service(number: int) -> Object:
    """Return an LLMService with three pools of one worker each: for class high, for class low, and for all others."""
    namespace, name = place(number)
    classes = [{"name": "high", "pool": "Dedicated"}, {"name": "low", "pool": "Dedicated"}]
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "LLMService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"model": {"uri": "s3://models/tiny"}, "qos": {"classes": classes}},
    }


def namespace(name: str) -> Object:
    """Return a namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def gateway() -> Object:
    """Return the EndpointSlice of a gateway that answers: without one, nothing is Ready."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "tidegate-gateway-1",
            "namespace": GATEWAY_NAMESPACE,
            "labels": {"kubernetes.io/service-name": "tidegate-gateway"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.1.2.3"], "conditions": {"ready": True}}],
        "ports": [{"name": "http", "port": 8080}],
    }


def collection(api_version: str, kind: str, namespace: str | None = None) -> str:
    """Return the path of all objects of a kind."""
    known = kind_of(api_version, kind)
    root = f"/apis/{api_version}" if known.group else f"/api/{api_version}"
    return f"{root}/namespaces/{namespace}/{known.plural}" if namespace else f"{root}/{known.plural}"


def plain(child: Mapping[str, Any]) -> Object:
    """Return a child as a script would write it that is no operator: owned by nobody, without a status."""
    metadata = {name: value for name, value in child["metadata"].items() if name not in _NOT_OURS}
    rest = {name: value for name, value in child.items() if name not in {"metadata", "status"}}
    spec = rest.get("spec")
    if child["kind"] == "Service" and spec is not None:
        rest["spec"] = {
            name: value for name, value in spec.items() if name not in ("clusterIP", "clusterIPs")
        }
    return {**rest, "metadata": metadata}


def renamed(children: Iterable[Object], old: str, number: int) -> Iterator[Object]:
    """Yield the children of one service as those of another."""
    namespace, name = place(number)
    for child in children:
        yield _renamed(child, old, name) | {
            "metadata": _renamed(child["metadata"], old, name) | {"namespace": namespace}
        }


def _renamed(value: Any, old: str, new: str) -> Any:
    if isinstance(value, str):
        return new + value[len(old) :] if value == old or value.startswith(f"{old}-") else value
    if isinstance(value, Mapping):
        return {key: _renamed(one, old, new) for key, one in value.items()}
    return [_renamed(one, old, new) for one in value] if isinstance(value, list) else value
