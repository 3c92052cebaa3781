"""What trials with faults share: the tests' own control plane, with a kubelet for all Pods while a module runs.

The rig is `tests/chaos`, and `make chaos` runs all of it; here is as much as every change can wait for.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chaos import world
from integration.api import Api


@pytest.fixture(scope="module")
def on(api: Api) -> Iterator[world.Ground]:
    """A control plane on which trials can be run."""
    with world.ground(api) as ground:
        yield ground
