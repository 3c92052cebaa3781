"""Checks of what is installed: Kubernetes, the custom resources, operator and gateway, their versions. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from tidegate_api.names import (
    COMPONENT_LABEL,
    GATEWAY_COMPONENT,
    GROUP,
    MODELS_PLURAL,
    OPERATOR_COMPONENT,
    SERVICES_PLURAL,
    TENANTS_PLURAL,
    VERSION,
)
from tidegate_cli.doctor.facts import Facts
from tidegate_cli.doctor.finding import Finding, Verdict, asked_in_vain

Json = Mapping[str, Any]
_OLDEST: Final = (1, 30)
# Image volumes are there by default from this version on; from the other they can be switched on.
_IMAGE_VOLUMES, _IMAGE_VOLUMES_OPTIONAL = (1, 35), (1, 31)
_LEASE_SECONDS: Final = 15
_VERSION_LABEL: Final = "app.kubernetes.io/version"
_INSTALL: Final = "helm upgrade --install tidegate charts/tidegate -n tidegate-system --create-namespace"


def kubernetes(facts: Facts) -> Iterator[Finding]:
    """Yield whether this Kubernetes is new enough, and whether it can mount images."""
    told = str(facts.kubernetes.get("gitVersion", "?"))
    found = re.match(r"v(\d+)\.(\d+)", told)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    if version < _OLDEST:
        yield Finding("Kubernetes", "fail", f"{told} is too old", "upgrade the cluster to 1.30 or newer")
    else:
        yield Finding("Kubernetes", "ok", told)
    if version >= _IMAGE_VOLUMES:
        yield Finding("image volumes", "ok", "models of oci:// can be mounted")
    elif version >= _IMAGE_VOLUMES_OPTIONAL:
        yield Finding(
            "image volumes",
            "warn",
            f"{told} mounts images only with the feature gate ImageVolume",
            "switch it on for API server and kubelets, or use another source than oci://",
        )
    else:
        yield Finding("image volumes", "warn", f"{told} mounts no images", "use another source than oci://")


def custom_resources(facts: Facts) -> Iterator[Finding]:
    """Yield whether the API server knows our kinds, in the version of this command."""
    check = "custom resources"
    if "crds" in facts.unknown:
        yield asked_in_vain(check, facts.unknown["crds"], "list customresourcedefinitions")
        return
    served = {one["spec"]["names"]["plural"]: one for one in facts.crds if _serves(one)}
    missing = [one for one in (SERVICES_PLURAL, TENANTS_PLURAL, MODELS_PLURAL) if one not in served]
    if missing:
        names = ", ".join(f"{one}.{GROUP}" for one in missing)
        yield Finding(
            check, "fail", f"not served: {names}", f"install the chart with crds.enabled=true: {_INSTALL}"
        )
        return
    yield _version(check, facts, {_label(one) for one in served.values()})


def parts(facts: Facts) -> Iterator[Finding]:
    """Yield whether operator and gateway are there and Ready, in the version of this command."""
    for part in (OPERATOR_COMPONENT, GATEWAY_COMPONENT):
        if "deployments" in facts.unknown:
            yield asked_in_vain(part, facts.unknown["deployments"], "list deployments of all namespaces")
            continue
        found = [one for one in facts.deployments if one["metadata"]["labels"].get(COMPONENT_LABEL) == part]
        if not found:
            yield Finding(part, "fail", "there is no Deployment of it", _INSTALL)
            continue
        yield from (_ready(part, one) for one in found)
        yield _version(f"{part} version", facts, {_label(one) for one in found})


def leader(facts: Facts, now: datetime) -> Iterator[Finding]:
    """Yield whether an operator leads: without one nothing is changed any more."""
    check = "operator leads"
    if not facts.is_installed:
        return
    for what in ("pods", "leases"):
        if what in facts.unknown:
            yield asked_in_vain(check, facts.unknown[what], f"list {what} in the operator's namespace")
            return
    specs = [one.get("spec") or {} for one in facts.leases]
    fresh = [
        one
        for one in specs
        if one.get("holderIdentity") and _age(one.get("renewTime"), now) <= _LEASE_SECONDS
    ]
    if fresh:
        yield Finding(check, "ok", ", ".join(str(one["holderIdentity"]) for one in fresh))
        return
    yield Finding(
        check,
        "fail",
        "no operator holds the Lease",
        "kubectl logs -A -l app.kubernetes.io/component=operator --tail=50 says why",
    )


def _ready(part: str, deployment: Json) -> Finding:
    wanted = deployment["spec"].get("replicas", 1)
    ready = (deployment.get("status") or {}).get("readyReplicas", 0)
    metadata = deployment["metadata"]
    name = f"{metadata['namespace']}/{metadata['name']}"
    verdict: Verdict = "ok" if ready >= wanted else "warn" if ready else "fail"
    fix = (
        f"kubectl describe deployment -n {metadata['namespace']} {metadata['name']}"
        if verdict != "ok"
        else ""
    )
    return Finding(part, verdict, f"{name}: {ready} of {wanted} Ready", fix)


def _version(check: str, facts: Facts, versions: set[str]) -> Finding:
    told = ", ".join(sorted(versions))
    if versions <= {facts.version, "?"}:
        return Finding(check, "ok", told if told != "?" else "present (no version is told)")
    return Finding(
        check,
        "warn",
        f"{told}, but this command is {facts.version}",
        "upgrade the chart, or this command, so that both are the same",
    )


def _serves(crd: Json) -> bool:
    conditions = (crd.get("status") or {}).get("conditions") or ()
    is_established = any(one["type"] == "Established" and one["status"] == "True" for one in conditions)
    return is_established and any(one["name"] == VERSION and one["served"] for one in crd["spec"]["versions"])


def _label(one: Json) -> str:
    return str((one["metadata"].get("labels") or {}).get(_VERSION_LABEL, "?"))


def _age(at: str | None, now: datetime) -> float:
    try:
        then = datetime.fromisoformat(at or "")
    except ValueError:
        return float("inf")
    return (now - (then if then.tzinfo else then.replace(tzinfo=UTC))).total_seconds()


ALL: Final[Sequence[Any]] = (kubernetes, custom_resources, parts)
