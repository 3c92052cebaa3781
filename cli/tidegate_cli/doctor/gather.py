"""What `tidegate doctor` asks the cluster, one question after the other.

Owns the calls. Must not judge: one that is refused leaves its field empty, with the reason.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from tidegate_api.names import (
    ADMIN_PORT,
    COMPONENT_LABEL,
    GATEWAY_COMPONENT,
    GROUP,
    MODELS_PLURAL,
    OPERATOR_COMPONENT,
    SERVICES_PLURAL,
    TENANTS_PLURAL,
)
from tidegate_api.settings import VERSION
from tidegate_cli.deploy.settings import raw_settings
from tidegate_cli.doctor.facts import Facts, Right
from tidegate_cli.shell.kube import Json, Kube
from tidegate_cli.status.gather import path
from tidegate_cli.status.scene import is_ready
from tidegate_models.errors import ClusterDown, Missing, ModelsError

T = TypeVar("T")
_OURS: Final = "app.kubernetes.io/name=tidegate"
_MONITORING: Final = "/apis/monitoring.coreos.com/v1"
_LEASE: Final = "tidegate-operator"
# Verb, group, resource, subresource, what for: in the namespace that is meant.
_RIGHTS: Final = (
    ("list", GROUP, SERVICES_PLURAL, "", "status, top, doctor"),
    ("patch", GROUP, SERVICES_PLURAL, "", "deploy, services, rollouts"),
    ("create", GROUP, MODELS_PLURAL, "", "models pull"),
    ("update", GROUP, TENANTS_PLURAL, "", "keys"),
    ("list", "", "pods", "", "status"),
    ("list", "", "events", "", "status"),
    ("get", "", "pods", "proxy", "status (what engines say)"),
)
# Where the gateway is. A port-forward is asked for by GET, and Kubernetes wants the right to make one as well.
_RIGHTS_AT_GATEWAY: Final = (
    ("get", "", "pods", "proxy", "top"),
    ("get", "", "pods", "portforward", "chat and bench without --url"),
    ("create", "", "pods", "portforward", "chat and bench without --url"),
)


def gather(kube: Kube) -> Facts:
    """Return what can be known; raises ClusterDown, or ModelsError where not even the version is told."""
    version = kube.read("/version")
    unknown: dict[str, str] = {}

    def known(what: str, ask: Callable[[], T], otherwise: T) -> T:
        try:
            return ask()
        except ClusterDown:
            raise
        except ModelsError as error:
            unknown[what] = error.what
            return otherwise

    def listed(what: str, where: str, **query: str) -> list[Json]:
        return known(what, lambda: kube.items(where, **query), [])

    pods = listed("pods", "/api/v1/pods", labelSelector=_OURS)
    crds = listed("crds", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
    knows_monitors = known("monitors", lambda: _knows(kube, _MONITORING), otherwise=False)
    return Facts(
        namespace=kube.namespace,
        version=VERSION,
        kubernetes=version,
        crds=[one for one in crds if one["spec"]["group"] == GROUP],
        deployments=listed("deployments", "/apis/apps/v1/deployments", labelSelector=_OURS),
        pods=pods,
        leases=_leases(pods, listed),
        settings=known("settings", lambda: raw_settings(kube), None),
        operator_page=known("operator_page", lambda: _page(kube, pods), ""),
        nodes=listed("nodes", "/api/v1/nodes"),
        storage_classes=listed("storage_classes", "/apis/storage.k8s.io/v1/storageclasses"),
        claims=listed("claims", f"/api/v1/namespaces/{kube.namespace}/persistentvolumeclaims"),
        knows_monitors=knows_monitors,
        monitors=listed("monitors", f"{_MONITORING}/podmonitors") if knows_monitors else [],
        prometheuses=listed("prometheuses", f"{_MONITORING}/prometheuses") if knows_monitors else [],
        services=listed("services", path(kube)),
        rights=known("rights", lambda: _rights(kube, pods), []),
        unknown=unknown,
    )


def _leases(pods: list[Json], listed: Any) -> list[Json]:
    """Return the Leases of the operators, in the namespaces where their Pods are."""
    places = sorted({pod["metadata"]["namespace"] for pod in _operators(pods)})
    found: list[Json] = []
    for place in places:
        found += listed("leases", f"/apis/coordination.k8s.io/v1/namespaces/{place}/leases")
    return [one for one in found if one["metadata"]["name"] == _LEASE]


def _page(kube: Kube, pods: list[Json]) -> str:
    """Return what the operator that leads measures, empty where none says that it does."""
    for pod in filter(is_ready, _operators(pods)):
        where = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
        page = kube.text(f"{where}:{ADMIN_PORT}/proxy/metrics")
        if "\ntidegate_operator_leader 1" in page:
            return page
    return ""


def _operators(pods: list[Json]) -> list[Json]:
    return [one for one in pods if one["metadata"]["labels"].get(COMPONENT_LABEL) == OPERATOR_COMPONENT]


def _knows(kube: Kube, where: str) -> bool:
    try:
        kube.read(where)
    except Missing:
        return False
    return True


def _rights(kube: Kube, pods: list[Json]) -> list[Right]:
    """Return what the user may do in the namespace, and where gateways are seen."""
    gateways = {
        one["metadata"]["namespace"]
        for one in pods
        if one["metadata"]["labels"].get(COMPONENT_LABEL) == GATEWAY_COMPONENT
    }
    here = [_right(kube, kube.namespace, one) for one in _RIGHTS]
    return [*here, *(_right(kube, place, one) for place in sorted(gateways) for one in _RIGHTS_AT_GATEWAY)]


def _right(kube: Kube, namespace: str, wanted: tuple[str, str, str, str, str]) -> Right:
    verb, group, resource, subresource, needed_for = wanted
    attributes = {
        "namespace": namespace,
        "verb": verb,
        "group": group,
        "resource": resource,
        "subresource": subresource,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = kube.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    allowed = bool((answer.get("status") or {}).get("allowed"))
    return Right(namespace, verb, resource, subresource, needed_for, allowed)
