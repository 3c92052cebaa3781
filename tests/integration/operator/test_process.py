"""The life of the operator's process: election, signals, a lost API server, rights, bad settings."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.api import Api, eventually
from integration.operator.rig import (
    NAME,
    Operator,
    Release,
    kill,
    service,
    status_of,
)
from localcluster import controlplane


@pytest.fixture
def second(operator: Operator, release: Release, namespace: str, tmp_path: Path) -> Iterator[Operator]:
    """Another operator of the same installation, started while the first one leads."""
    other = Operator(release, tmp_path, namespace, [namespace], "operator-1").start()
    yield other
    kill(other)


def holder(api: Api, namespace: str) -> str:
    lease = api.get("Lease", namespace, "tidegate-operator")
    return lease["spec"]["holderIdentity"] if lease else ""


def test_a_standby_is_ready_and_takes_over_when_the_leader_is_killed(
    api: Api, namespace: str, operator: Operator, second: Operator
) -> None:
    eventually(lambda: second.get("/readyz") == (200, "ok"))
    assert second.get("/healthz") == (200, "ok")
    assert second.metric("tidegate_operator_leader") == 0
    assert holder(api, namespace) == operator.name
    operator.end(signal.SIGKILL)
    eventually(second.leads, 40, why=second.tail)
    assert holder(api, namespace) == second.name
    api.create(service(namespace))
    eventually(lambda: status_of(api, namespace)["observedGeneration"] == 1)


def test_a_leader_that_is_asked_to_stop_hands_over_at_once(
    api: Api, namespace: str, operator: Operator, second: Operator
) -> None:
    eventually(lambda: second.get("/readyz")[0] == 200)
    assert operator.end(signal.SIGTERM) == 0
    assert holder(api, namespace) in ("", second.name)
    eventually(second.leads, why=second.tail)


def test_a_standby_that_is_asked_to_stop_stops(operator: Operator, second: Operator) -> None:
    eventually(lambda: second.get("/readyz")[0] == 200)
    assert second.end(signal.SIGTERM) == 0


def test_a_leader_that_loses_the_lease_ends(api: Api, namespace: str, operator: Operator) -> None:
    thief = {"spec": {"holderIdentity": "someone-else", "renewTime": "2026-01-01T00:00:00.000000Z"}}
    api.patch("Lease", namespace, "tidegate-operator", thief)
    assert operator.process
    assert operator.process.wait(20) == 1
    assert "someone-else" in operator.tail()
    assert holder(api, namespace) == "someone-else"


def test_a_crashed_api_server_is_survived_or_ends_in_a_restart_that_converges(
    api: Api, namespace: str, operator: Operator
) -> None:
    api.create(service(namespace))
    eventually(lambda: status_of(api, namespace)["observedGeneration"] == 1)
    api.restart_apiserver()
    api.patch("LLMService", namespace, NAME, {"spec": {"replicas": 2}})
    assert operator.process

    def converged() -> bool:
        assert operator.process
        if operator.process.poll() is not None:  # what the kubelet would do
            operator.start()
        deployment = api.get("Deployment", namespace, f"{NAME}-shared")
        return bool(deployment) and deployment["spec"]["replicas"] == 2

    eventually(converged, 60, why=operator.tail)


def test_deleting_it_needs_no_operator(api: Api, namespace: str, operator: Operator) -> None:
    api.create(service(namespace))
    eventually(lambda: status_of(api, namespace)["observedGeneration"] == 1)
    operator.end()
    api.delete("LLMService", namespace, NAME)
    eventually(lambda: api.get("LLMService", namespace, NAME) is None)
    eventually(lambda: api.get("Deployment", namespace, f"{NAME}-shared") is None, 60)


def test_an_operator_of_one_namespace_leaves_others_alone(
    api: Api, namespace: str, operator: Operator
) -> None:
    elsewhere = f"{namespace}-elsewhere"
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": elsewhere}})
    api.create(service(elsewhere))
    api.create(service(namespace))
    eventually(lambda: status_of(api, namespace)["observedGeneration"] == 1)
    assert status_of(api, elsewhere) == {}
    assert api.get("Deployment", elsewhere, f"{NAME}-shared") is None
    api.delete("Namespace", None, elsewhere)


def test_settings_that_cannot_be_used_end_it_with_a_sentence(stopped: Operator) -> None:
    stopped.release.settings.write_text("gatewayURL: 7\nnoSuchSetting: true\n")
    assert stopped.start().process
    assert stopped.process
    assert stopped.process.wait(20) == 2
    assert "noSuchSetting" in stopped.tail()


def test_without_the_custom_resources_it_says_so_and_ends(tmp_path: Path) -> None:
    with controlplane.start("bare") as plane:
        settings = tmp_path / "settings.yaml"
        settings.write_text("{}")
        operator = Operator(Release(plane.kubeconfig, settings), tmp_path, "default", ["default"]).start()
        assert operator.process
        try:
            assert operator.process.wait(30) == 1
        finally:
            kill(operator)
        assert "custom resources are not installed" in operator.tail()


def test_its_log_is_one_json_object_per_line(api: Api, namespace: str, operator: Operator) -> None:
    api.create(service(namespace))
    eventually(lambda: status_of(api, namespace)["observedGeneration"] == 1)
    operator.end()
    lines = [json.loads(line) for line in operator.log.read_text().splitlines()]
    assert all({"level", "logger", "message", "time"} <= line.keys() for line in lines)
    assert {line["logger"].split(".")[0] for line in lines} >= {"tidegate_operator", "kopf"}
    kubeconfig = json.loads(operator.release.kubeconfig.read_text())
    assert kubeconfig["users"][0]["user"]["token"] not in operator.log.read_text()
