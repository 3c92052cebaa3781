"""An operator process for each test, in the test's own namespace and with the chart's rights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.api import Api
from integration.operator.rig import Operator, Release, StandInKubelet, claim, gateway, install, kill


@pytest.fixture(scope="module")
def everywhere(
    api: Api, module_namespace: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Operator]:
    """One operator for all namespaces and all tests of a module, with the chart's cluster-wide rights."""
    home = tmp_path_factory.mktemp("everywhere")
    gateway(api, module_namespace)
    operator = Operator(install(api, module_namespace, home, []), home, module_namespace, [])
    yield operator.started()
    kill(operator)


@pytest.fixture
def model(api: Api, namespace: str) -> None:
    """The claim with the model is there."""
    claim(api, namespace)


@pytest.fixture
def release(api: Api, namespace: str, tmp_path: Path) -> Release:
    """The chart's rights, in this namespace only; a gateway and a model are there."""
    gateway(api, namespace)
    claim(api, namespace)
    return install(api, namespace, tmp_path, [namespace])


@pytest.fixture
def stopped(release: Release, namespace: str, tmp_path: Path) -> Iterator[Operator]:
    """An operator that was not started yet."""
    operator = Operator(release, tmp_path, namespace, [namespace])
    yield operator
    kill(operator)


@pytest.fixture
def operator(stopped: Operator) -> Operator:
    """An operator that leads."""
    return stopped.started()


@pytest.fixture
def kubelet(api: Api, namespace: str) -> Iterator[StandInKubelet]:
    """Every Pod of the namespace becomes ready by itself."""
    with StandInKubelet(api, namespace) as kubelet:
        yield kubelet
