"""Checks of what the installation stands on: accelerators and storage. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tidegate_cli.doctor.facts import Facts
from tidegate_cli.doctor.finding import Finding, asked_in_vain

Json = Mapping[str, Any]
_DEVICES: Final = (
    "nvidia.com/gpu",
    "amd.com/gpu",
    "gpu.intel.com/",
    "habana.ai/gaudi",
    "aws.amazon.com/neuron",
)
# Labels by which node feature discovery says that there is a GPU, whether or not Kubernetes can give it away.
_HAS_GPU: Final = ("nvidia.com/gpu.present", "feature.node.kubernetes.io/pci-10de.present")
_DEFAULT_CLASS: Final = "storageclass.kubernetes.io/is-default-class"


def accelerators(facts: Facts) -> Iterator[Finding]:
    """Yield which accelerators Kubernetes can give to workers."""
    check = "accelerators"
    if "nodes" in facts.unknown:
        yield asked_in_vain(check, facts.unknown["nodes"], "list nodes")
        return
    found = [one for node in facts.nodes for one in _of_node(check, node)]
    yield from found
    if not found:
        yield Finding(
            check,
            "warn",
            f"none on {len(facts.nodes)} nodes: models run on processors (resourceProfile cpu)",
            "for GPUs add nodes that have some, with their device plugin",
        )


def _of_node(check: str, node: Json) -> Iterator[Finding]:
    labels, name, devices = node["metadata"].get("labels") or {}, node["metadata"]["name"], _devices(node)
    if devices and _is_ready(node):
        yield Finding(check, "ok", f"{name}: {devices}")
    elif devices:
        yield Finding(
            check, "warn", f"{name}: {devices}, but it is not Ready", f"kubectl describe node {name}"
        )
    elif any(labels.get(one) == "true" for one in _HAS_GPU):
        yield Finding(
            check,
            "fail",
            f"{name} has a GPU that Kubernetes cannot give away",
            "install the NVIDIA device plugin or the GPU operator on it",
        )


def storage(facts: Facts) -> Iterator[Finding]:
    """Yield whether the models of hubs have a place in the namespace."""
    check = "model cache"
    if not facts.is_installed:
        return
    if facts.settings is None:
        yield asked_in_vain(
            check, facts.unknown.get("settings", "the operator's settings cannot be read"), "list configmaps"
        )
        return
    models = facts.settings.get("models") or {}
    strategy = models.get("strategy", "PVC")
    if strategy == "HostPath":
        yield Finding(check, "ok", f"{models.get('hostPath')} of the nodes")
        return
    if strategy != "PVC":
        fix = "set models.strategy to PVC or HostPath in the chart's values"
        yield Finding(check, "warn", f"{strategy}: hf:// and ms:// cannot be used", fix)
        return
    claim = models.get("claimName") or "tidegate-models"
    found = next((one for one in facts.claims if one["metadata"]["name"] == claim), None)
    if found is not None:
        yield _claimed(check, facts.namespace, found)
        return
    yield _to_be_claimed(check, facts, models.get("storageClassName"))


def _claimed(check: str, namespace: str, claim: Json) -> Finding:
    name, phase = claim["metadata"]["name"], (claim.get("status") or {}).get("phase", "Pending")
    if phase == "Bound":
        size = ((claim.get("status") or {}).get("capacity") or {}).get("storage", "?")
        return Finding(check, "ok", f"{namespace}/{name}: {size}")
    return Finding(
        check, "warn", f"{namespace}/{name} is {phase}", f"kubectl describe pvc -n {namespace} {name}"
    )


def _to_be_claimed(check: str, facts: Facts, wanted: str | None) -> Finding:
    if "storage_classes" in facts.unknown:
        return asked_in_vain(check, facts.unknown["storage_classes"], "list storageclasses")
    names = {one["metadata"]["name"] for one in facts.storage_classes}
    defaults = [
        one["metadata"]["name"]
        for one in facts.storage_classes
        if (one["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true"
    ]
    chosen = wanted or (defaults[0] if defaults else None)
    if chosen in names:
        return Finding(
            check, "ok", f"made with the first model of {facts.namespace}, of StorageClass {chosen}"
        )
    message = f"there is no StorageClass {wanted}" if wanted else "the cluster has no default StorageClass"
    return Finding(
        check,
        "fail",
        message,
        f"set models.storageClassName in the chart's values to one of {', '.join(sorted(names)) or 'those you add'}",
    )


def _devices(node: Json) -> str:
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    found = [
        f"{count} × {name}"
        for name, count in allocatable.items()
        if name.startswith(_DEVICES) and count != "0"
    ]
    return ", ".join(found)


def _is_ready(node: Json) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


ALL: Final[Sequence[Any]] = (accelerators, storage)
