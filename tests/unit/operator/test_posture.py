"""Every worker that the examples turn into is closed: who it is, what it may write, and whom it reaches."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tidegate_api.names import WORKER_UID

Object = dict[str, Any]
GOLDENS = sorted((Path(__file__).parents[2] / "golden").glob("*/*.yaml"))
# A directory of the node is mounted as it is there, and the example says so; nothing else may be.
OF_THE_NODE = "03-hostpath-model"
# Their image is somebody else's: it may want to write where it likes, and is told to by its LLMService.
OTHER_ENGINES = "13-other-engines"
# What may be written to, beside nothing: memory and scratch that end with the Pod.
SCRATCH = {"emptyDir"}
# A claim of the user's, named in the LLMService to keep what is compiled.
KEPT = {"compiled"}
READ_ONLY = {"persistentVolumeClaim", "configMap", "secret", "image", "hostPath", "projected"}
each = pytest.mark.parametrize("path", GOLDENS, ids=lambda path: f"{path.parent.name}/{path.stem}")


def documents(path: Path) -> list[Object]:
    return [one for one in yaml.safe_load_all(path.read_text()) if one]


def pods(node: Any) -> Iterator[Object]:
    """Yield the spec of every Pod below a node."""
    if isinstance(node, list):
        for item in node:
            yield from pods(item)
    elif isinstance(node, dict):
        if "containers" in node:
            yield node
        for key, item in node.items():
            if key not in ("containers", "initContainers"):
                yield from pods(item)


def containers(path: Path) -> list[tuple[Object, Object]]:
    """Return every container with the Pod that it is in."""
    found = [
        (pod, one)
        for pod in pods(documents(path))
        for one in [*pod["containers"], *pod.get("initContainers", ())]
    ]
    assert found
    return found


@each
def test_a_worker_is_nobody_and_gets_no_token(path: Path) -> None:
    for pod, _ in containers(path):
        assert pod["automountServiceAccountToken"] is False
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] == WORKER_UID
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"} & set(pod)


@each
def test_a_container_has_no_power_and_writes_only_to_its_scratch(path: Path) -> None:
    for pod, container in containers(path):
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert own.get("privileged", False) is False
        assert own["readOnlyRootFilesystem"] is True or path.parent.name == OTHER_ENGINES
        kinds = {volume["name"]: set(volume) - {"name"} for volume in pod["volumes"]}
        for mount in container["volumeMounts"]:
            assert (
                mount.get("readOnly") is True or kinds[mount["name"]] <= SCRATCH or mount["name"] in KEPT
            ), mount


@each
def test_a_volume_is_bounded_scratch_or_only_read(path: Path) -> None:
    for pod in pods(documents(path)):
        for volume in pod["volumes"]:
            (kind,) = set(volume) - {"name"}
            assert kind in SCRATCH | READ_ONLY, volume
            assert (kind == "hostPath") <= (path.parent.name == OF_THE_NODE), volume
            assert kind != "emptyDir" or "sizeLimit" in volume["emptyDir"], volume


@each
def test_a_worker_is_reached_by_ours_and_reaches_names_and_its_own_group(path: Path) -> None:
    policies = [one for one in documents(path) if one["kind"] == "NetworkPolicy"]
    assert policies
    for policy in policies:
        spec = policy["spec"]
        assert set(spec["policyTypes"]) == {"Ingress", "Egress"}
        assert all(rule.get("from") for rule in spec.get("ingress", ()))
        if path.stem == "s3" and "egress" in spec:
            # An object store can be anywhere.
            assert spec["egress"] == [{}]
            continue
        group = spec["podSelector"]
        for rule in spec.get("egress", ()):
            names = {port["port"] for port in rule.get("ports", ())} == {53}
            assert names or rule.get("to") == [{"podSelector": group}], rule


@each
def test_every_worker_is_selected_by_a_policy(path: Path) -> None:
    written = documents(path)
    policies = [
        one["spec"]["podSelector"]["matchLabels"] for one in written if one["kind"] == "NetworkPolicy"
    ]
    for labels in templates(written):
        assert any(selector.items() <= labels.items() for selector in policies), labels


def templates(node: Any) -> Iterator[Object]:
    """Yield the labels of every template of Pods."""
    if isinstance(node, list):
        for item in node:
            yield from templates(item)
    elif isinstance(node, dict):
        if "containers" in node.get("spec", {}) and "labels" in node.get("metadata", {}):
            yield node["metadata"]["labels"]
        for item in node.values():
            yield from templates(item)
