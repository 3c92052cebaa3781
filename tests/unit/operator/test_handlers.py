"""What kopf is told: nothing that a container lacks, nothing that writes."""

import getpass

import kopf
import pytest

from tidegate_operator import handlers


async def test_watching_starts_for_a_uid_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the operator's image no user is called anything, and kopf asked for its name: it never started."""

    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 65532")

    monkeypatch.setattr(getpass, "getuser", nobody)
    async with handlers.watching(kopf.OperatorRegistry(), handlers.settings({}), ["somewhere"]) as tasks:
        assert tasks
