"""Fixtures of the gateway's tests on real sockets."""

from collections.abc import AsyncIterator

import pytest

from integration.gateway.engine import FakeEngine
from integration.gateway.rig import Rig, close_rig, make_rig


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """A gateway without workers."""
    made = await make_rig()
    yield made
    await close_rig(made)


@pytest.fixture
async def engine(rig: Rig) -> FakeEngine:
    """A worker of the gateway."""
    return await rig.add(FakeEngine())
