"""One real control plane for all integration tests: etcd, API server, controllers; a namespace for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.api import Api
from localcluster import controlplane

CRDS = Path(__file__).parents[2] / "crds"
HERE = Path(__file__).parent
# Those that take longest go first, so that at the end no process waits long for another.
ORDER = (
    "worker",
    "operator",
    "faults",
    "streams",
    "contract",
    "console",
    "loader",
    "gateway",
    "cli",
    "bench",
)
_numbers = itertools.count(1)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes longest when there are several processes."""
    if config.getoption("loadgroup", False):
        items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    folder = _folder(item)
    return ORDER.index(folder) if folder in ORDER else len(ORDER)


def _folder(item: pytest.Item) -> str:
    path = item.path
    return path.relative_to(HERE).parts[0] if path.is_relative_to(HERE) else ""


@pytest.fixture(scope="session")
def plane() -> Iterator[controlplane.Handle]:
    """etcd, kube-apiserver, kube-controller-manager and kube-scheduler, with our custom resources."""
    with controlplane.start("integration", controllers=True) as plane:
        yield plane


@pytest.fixture(scope="session")
def api(plane: controlplane.Handle, tmp_path_factory: pytest.TempPathFactory) -> Api:
    """An administrator."""
    api = Api(plane, tmp_path_factory.mktemp("discovery") / "cache.json")
    api.kubectl("apply", "--server-side", "-f", str(CRDS))
    api.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    return api


def _fresh_namespace(api: Api) -> Iterator[str]:
    name = f"test-{next(_numbers)}"
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    api.delete("Namespace", None, name)


@pytest.fixture
def namespace(api: Api) -> Iterator[str]:
    """A namespace of the test's own."""
    yield from _fresh_namespace(api)


@pytest.fixture(scope="module")
def module_namespace(api: Api) -> Iterator[str]:
    """A namespace that the tests of a module share."""
    yield from _fresh_namespace(api)
