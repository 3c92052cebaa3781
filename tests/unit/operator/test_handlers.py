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


def test_kopf_keeps_nothing_of_an_object_and_copies_nothing() -> None:
    """By itself it copied every object five times at every event: a quarter of the CPU while services are made."""
    kept = handlers.settings({}).persistence
    body = kopf.Body({"metadata": {"name": "chat"}, "spec": {"replicas": 1}})
    patch = kopf.Patch()
    assert kept.diffbase_storage.build(body=body) == {}
    assert kept.diffbase_storage.fetch(body=body) is None
    kept.diffbase_storage.store(body=body, patch=patch, essence={})
    kept.progress_storage.touch(body=body, patch=patch, value="now")
    assert dict(patch) == {}


def test_no_object_waits_until_others_have_idled() -> None:
    """With 50 workers that idle 5 s each, a thousand new services were once heard of at ten objects a second."""
    queueing = handlers.settings({}).queueing
    assert queueing.worker_limit is None
    assert queueing.idle_timeout <= 0.1
