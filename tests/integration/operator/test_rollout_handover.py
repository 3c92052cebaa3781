"""Rollouts while the operator is replaced: by another one, by one with other settings."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest
import yaml

from integration.api import Api, Object, eventually
from integration.operator.rig import (
    NAME,
    Operator,
    Release,
    StandInKubelet,
    condition,
    is_ready,
    kill,
    workers_of,
)
from integration.operator.versions import CANARY, change, command, make, rollout, tracks


class Start(Protocol):
    def __call__(self, name: str, settings: Path | None = None) -> Operator: ...


@pytest.fixture
def start(release: Release, tmp_path: Path, namespace: str) -> Iterator[Start]:
    """Starts an operator by a name, and ends it with the test."""
    started = []

    def one(name: str, settings: Path | None = None) -> Operator:
        given = release if settings is None else replace(release, settings=settings)
        started.append(Operator(given, tmp_path, namespace, [namespace], name=name))
        return started[-1].started()

    yield one
    for operator in started:
        kill(operator)


def waiting_for_requests(api: Api, namespace: str) -> Object | None:
    """Return a rollout that has its workers and awaits what they answer; of one reading, since it goes on meanwhile."""
    found = rollout(api, namespace)
    return found if found.get("weight") and found.get("verdict") == "Waiting" else None


def test_who_leads_next_goes_on_with_the_canary(
    api: Api, namespace: str, start: Start, kubelet: StandInKubelet
) -> None:
    one = start("operator-0")
    first = make(api, namespace, rollout={"canary": CANARY})
    change(api, namespace, engine={"maxNumSeqs": 4})
    before = eventually(lambda: waiting_for_requests(api, namespace))
    pods = tracks(api, namespace)
    one.end()
    start("operator-1")
    time.sleep(6)
    assert (rollout(api, namespace), tracks(api, namespace)) == (before, pods)
    command(api, namespace, "promote")
    eventually(lambda: rollout(api, namespace)["phase"] == "Stable", 60)
    assert rollout(api, namespace)["revision"] != first


def test_other_settings_restart_no_worker_until_they_are_to(
    api: Api, namespace: str, start: Start, kubelet: StandInKubelet
) -> None:
    one = start("operator-0")
    first = make(api, namespace)
    uids = {pod["metadata"]["uid"] for pod in workers_of(api, namespace)}
    one.end()
    told = yaml.safe_load(one.release.settings.read_text())
    other = one.home / "other.yaml"
    other.write_text(
        yaml.safe_dump({**told, "drainSeconds": 17, "workerImages": {"cpu": "elsewhere:2", "nvidia": "x"}})
    )
    start("operator-1", other)
    eventually(lambda: condition(api, namespace, "Progressing") == ("False", "WorkersOutdated"))
    assert {pod["metadata"]["uid"] for pod in workers_of(api, namespace)} == uids
    assert all(is_ready(pod) for pod in workers_of(api, namespace))
    renew = {"metadata": {"annotations": {"serving.tidegate.dev/renew": "now"}}}
    api.patch("LLMService", namespace, NAME, renew)
    eventually(
        lambda: (
            rollout(api, namespace).get("phase") == "Stable" and rollout(api, namespace)["revision"] != first
        ),
        60,
    )
    eventually(
        lambda: (
            {pod["spec"]["containers"][0]["image"] for pod in workers_of(api, namespace)} == {"elsewhere:2"}
        )
    )
    eventually(lambda: condition(api, namespace, "Progressing") == ("False", "WorkersReady"))
