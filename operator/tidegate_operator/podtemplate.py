"""The user's part of the workers' Pod template: checked for what is ours, then merged into what we made.

Owns the merge, which follows Kubernetes' strategic merge: maps merge, null removes, lists of named entries merge
by name. Must not know what the template we made contains.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tidegate_api.names import (
    COMPONENT_LABEL,
    MANAGED_BY_LABEL,
    POOL_LABEL,
    REVISION_LABEL,
    SERVICE_LABEL,
    TRACK_LABEL,
    WORKER_CONTAINER,
    WORKER_PORT_NAME,
)
from tidegate_operator.errors import Stalled

# By which field the entries of a list are told apart; any other list is replaced as a whole.
MERGE_KEYS: Mapping[str, str] = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "ports": "containerPort",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
    "resourceClaims": "name",
    "schedulingGates": "name",
}
# Kubernetes replaces these; but tolerating a taint in one place never means not tolerating another.
_UNITED = frozenset({"tolerations"})
_OUR_LABELS = frozenset(
    {MANAGED_BY_LABEL, COMPONENT_LABEL, SERVICE_LABEL, POOL_LABEL, REVISION_LABEL, TRACK_LABEL}
)


def check(patch: Mapping[str, Any], port: int) -> None:
    """Raise Stalled where the user's template cannot be merged, or would take what Tidegate lives by.

    `port` is the one on which the engine answers.
    """
    problem = next(_problems(patch, port), None)
    if problem is not None:
        raise Stalled("InvalidPodTemplate", problem)


def merge(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return the template with the user's part worked in; neither argument is changed."""
    merged = dict(base)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            merged[key] = merge(_mapping(base.get(key)), value)
        elif isinstance(value, list):
            merged[key] = _merged_list(key, base.get(key), value)
        else:
            merged[key] = value
    return merged


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _merged_list(field: str, base: object, patch: Sequence[Any]) -> list[Any]:
    old = list(base) if isinstance(base, list) else []
    if field in _UNITED:
        return old + [entry for entry in patch if entry not in old]
    key = MERGE_KEYS.get(field)
    if key is None or not all(_is_told_apart(entry, key) for entry in patch):
        return [merge({}, entry) if isinstance(entry, Mapping) else entry for entry in patch]
    merged = {entry.get(key): entry for entry in old}
    for entry in patch:
        merged[entry[key]] = merge(merged.get(entry[key], {}), entry)
    return list(merged.values())


def _is_told_apart(entry: object, key: str) -> bool:
    return isinstance(entry, Mapping) and isinstance(entry.get(key), str | int)


def _problems(patch: Mapping[str, Any], port: int) -> Iterator[str]:
    yield from _shape_problems(patch)
    metadata, spec = _mapping(patch.get("metadata")), _mapping(patch.get("spec"))
    for label in sorted(_OUR_LABELS.intersection(_mapping(metadata.get("labels")))):
        yield f"spec.podTemplate.metadata.labels: {label} is how Tidegate finds its workers: remove it"
    containers = spec.get("containers")
    for container in containers if isinstance(containers, list) else []:
        if isinstance(container, Mapping) and container.get("name") == WORKER_CONTAINER:
            yield from _worker_problems(container, port)


def _shape_problems(patch: Mapping[str, Any]) -> Iterator[str]:
    for key in patch:
        if key not in ("metadata", "spec"):
            yield f"spec.podTemplate.{key} is no field of a Pod template: only metadata and spec are"
        elif not isinstance(patch[key], Mapping):
            yield f"spec.podTemplate.{key} must be an object"
    for key, value in _mapping(patch.get("metadata")).items():
        if key not in ("labels", "annotations"):
            yield f"spec.podTemplate.metadata.{key} cannot be set: only labels and annotations can"
        elif value is not None and not isinstance(value, Mapping):
            yield f"spec.podTemplate.metadata.{key} must be an object"
    yield from _walk(patch, "spec.podTemplate")


def _walk(node: object, path: str) -> Iterator[str]:
    """Yield what no merge can make sense of, anywhere in the template."""
    if isinstance(node, list):
        for index, entry in enumerate(node):
            yield from _walk(entry, f"{path}[{index}]")
    if not isinstance(node, Mapping):
        return
    for key, value in node.items():
        if key.startswith("$"):
            yield f"{path}.{key}: merge directives are not known here: set a field to null to remove it"
        if key == "labels" and value is None:
            yield f"{path}.labels must not be null: Tidegate finds its workers by labels"
        merge_key = MERGE_KEYS.get(key)
        if key in ("containers", "initContainers", "volumes") and merge_key is not None:
            yield from _unnamed(value, merge_key, f"{path}.{key}")
        yield from _walk(value, f"{path}.{key}")


def _unnamed(entries: object, key: str, path: str) -> Iterator[str]:
    if not isinstance(entries, list):
        yield f"{path} must be a list"
        return
    for index, entry in enumerate(entries):
        if not isinstance(entry, Mapping) or not entry.get(key) or not _is_told_apart(entry, key):
            yield f"{path}[{index}] needs a {key}: entries merge by it"


def _worker_problems(container: Mapping[str, Any], engine_port: int) -> Iterator[str]:
    where = f"spec.podTemplate.spec.containers[{WORKER_CONTAINER}]"
    for field, instead in (("command", "engine.image"), ("args", "engine.args")):
        if field in container:
            yield f"{where}.{field} starts the worker and is Tidegate's: use spec.{instead}"
    if "ports" in container and not isinstance(container["ports"], list):
        yield f"{where}.ports must be a list"
        return
    for port in container.get("ports", []):
        number, name = _mapping(port).get("containerPort"), _mapping(port).get("name", WORKER_PORT_NAME)
        if (number == engine_port) != (name == WORKER_PORT_NAME):
            yield f"{where}.ports: {WORKER_PORT_NAME} is {engine_port}, and nothing else may be either"
