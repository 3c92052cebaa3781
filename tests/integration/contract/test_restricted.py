"""What the examples turn into, put before a real API server: valid to the letter, and Pods that `restricted` admits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from integration.api import Api, Object
from integration.contract.rig import Kubectl, Refused

ROOT = Path(__file__).parents[3]
GOLDENS = sorted((ROOT / "tests" / "golden").glob("*/*.yaml"))
EXAMPLES = sorted((ROOT / "examples").glob("*/*.yaml"))
NAMESPACE = "examples-restricted"
# A directory of the node is what no standard but `privileged` admits, and the example says so.
OF_THE_NODE = "03-hostpath-model"
# Of a project whose definitions are not here; its Pod templates are looked at all the same.
FOREIGN = {"LeaderWorkerSet"}
DRY = ("--dry-run=server", "--validate=strict", "--server-side", "--force-conflicts", "-f", "-")


@pytest.fixture(scope="module")
def restricted(api: Api) -> Iterator[str]:
    """A namespace under Pod Security `restricted`."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}})
    yield NAMESPACE
    api.delete("Namespace", None, NAMESPACE)


def documents(path: Path) -> list[Object]:
    """Return the objects of a file."""
    return [one for one in yaml.safe_load_all(path.read_text()) if one]


def pod_specs(node: Any) -> Iterator[Object]:
    """Yield the spec of every Pod template below a node."""
    if isinstance(node, list):
        for item in node:
            yield from pod_specs(item)
    elif isinstance(node, dict):
        if "containers" in node:
            yield node
        else:
            for item in node.values():
                yield from pod_specs(item)


def pods(path: Path) -> list[Object]:
    """Return a Pod of each template in a file, without its account and class, which come with other objects."""
    left_out = {"serviceAccountName", "priorityClassName"}
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"p{number}", "namespace": NAMESPACE},
            # A Pod of its own that is replaced by nobody must be one that Jobs and Deployments could make.
            "spec": {key: value for key, value in spec.items() if key not in left_out},
        }
        for number, spec in enumerate(pod_specs(documents(path)))
    ]


def submit(kubectl: Kubectl, objects: list[Object]) -> int:
    """Have objects checked as if they were made; return how many were."""
    listed = {"apiVersion": "v1", "kind": "List", "items": objects}
    return len(kubectl("apply", *DRY, stdin=listed).splitlines())


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_child_of_an_example_is_valid_to_the_letter(kubectl: Kubectl, path: Path) -> None:
    children = [one for one in documents(path) if one["kind"] not in FOREIGN]
    assert submit(kubectl, children) == len(children)


@pytest.mark.parametrize(
    "path",
    [path for path in (*GOLDENS, *EXAMPLES) if path.parent.name != OF_THE_NODE and pods(path)],
    ids=lambda path: f"{path.parent.parent.name}/{path.parent.name}/{path.stem}",
)
def test_every_pod_of_an_example_is_admitted_under_restricted(
    restricted: str, kubectl: Kubectl, path: Path
) -> None:
    made = pods(path)
    assert submit(kubectl, made) == len(made)


def test_a_directory_of_the_node_is_the_one_thing_that_is_not(restricted: str, kubectl: Kubectl) -> None:
    (path,) = (one for one in GOLDENS if one.parent.name == OF_THE_NODE)
    with pytest.raises(Refused, match=r"restricted volume types.*hostPath") as refused:
        submit(kubectl, pods(path))
    assert "allowPrivilegeEscalation" not in str(refused.value)
    assert "runAsNonRoot" not in str(refused.value)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_example_is_accepted_in_strict_words(restricted: str, kubectl: Kubectl, path: Path) -> None:
    placed = [{**one, "metadata": {**one["metadata"], "namespace": restricted}} for one in documents(path)]
    assert submit(kubectl, placed) == len(placed)
