"""kubectl as an administrator."""

import pytest

from integration.api import Api
from integration.contract.rig import Kubectl


@pytest.fixture
def kubectl(api: Api) -> Kubectl:
    """kubectl against the control plane of all integration tests."""
    return Kubectl(api)
