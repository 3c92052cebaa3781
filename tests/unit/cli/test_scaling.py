"""`tidegate scaling`: what is asked of the cluster, and what its answers and those of the law become."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes import client
from typer.testing import CliRunner

from tidegate_cli import scaling
from tidegate_cli.__main__ import app
from tidegate_cli.services import OPERATOR_LABELS, Services
from tidegate_operator.scaling.facts import ColdStart, Demand, Policy, Sample, Supply, Worker
from tidegate_operator.scaling.law import EMPTY, decide, remember
from tidegate_operator.scaling.replay import Record, dump

POLICY = Policy(mode="Auto", min_replicas=1, max_replicas=3, qos_class="high")
COLD_START = ColdStart(60.0, 70.0, 80.0)
RECORDS = '{"at": 1}\n{"at": 11}\n'


class FakeCluster:
    """A service `chat` and the Pods of an operator, each with its records; None is a Pod that has no such route."""

    def __init__(self, records: dict[str, str | None], ready: bool = True) -> None:
        self.records = records
        self.ready = ready
        self.asked: list[tuple[str, ...]] = []

    def get_namespaced_custom_object(self, *words: str) -> dict[str, Any]:
        if words[-1] != "chat":
            raise client.ApiException(status=404, reason="Not Found")
        return {"spec": {"replicas": 2}}

    def list_pod_for_all_namespaces(self, label_selector: str) -> Any:
        return self.list_namespaced_pod("tidegate-system", label_selector)

    def list_namespaced_pod(self, namespace: str, label_selector: str) -> Any:
        assert label_selector == OPERATOR_LABELS
        condition = SimpleNamespace(type="Ready", status="True" if self.ready else "False")
        pods = [
            SimpleNamespace(
                metadata=SimpleNamespace(namespace=namespace, name=name),
                status=SimpleNamespace(conditions=[condition]),
            )
            for name in self.records
        ]
        return SimpleNamespace(items=pods)

    def connect_get_namespaced_pod_proxy_with_path(
        self, name: str, namespace: str, path: str, *, _preload_content: bool
    ) -> Any:
        self.asked.append((namespace, name, path))
        found = self.records[name.partition(":")[0]]
        if found is None:
            raise client.ApiException(status=404, reason="Not Found")
        return SimpleNamespace(data=found.encode())


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command against a cluster, and return its status, output and errors."""

    def run(cluster: FakeCluster, *words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(
            scaling, "connect", lambda namespace: Services(cluster, cluster, namespace or "team-a")
        )
        return invoke(*words)

    return run


def invoke(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["scaling", *words])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout, result.stderr


def test_explain_reads_the_status_of_the_service(run: Run) -> None:
    code, output, _ = run(FakeCluster({}), "explain", "chat")
    assert (code, output) == (0, "Replicas are fixed at 2: spec.scaling is not set.\n")


def test_explain_names_what_is_not_there(run: Run) -> None:
    code, output, said = run(FakeCluster({}), "explain", "chta", "-n", "team-b")
    assert (code, output) == (1, "")
    assert "no LLMService 'chta' in namespace 'team-b'" in said


def test_a_recording_is_what_the_leading_operator_has_to_the_byte(run: Run) -> None:
    cluster = FakeCluster({"standby": None, "leader": RECORDS})
    code, output, _ = run(cluster, "record", "chat", "-n", "team-a")
    assert (code, output) == (0, RECORDS)
    assert cluster.asked[-1] == ("tidegate-system", "leader:9090", "scaling/team-a/chat")


def test_a_namespace_of_the_operator_is_the_only_one_that_is_looked_at(run: Run) -> None:
    cluster = FakeCluster({"leader": RECORDS})
    assert run(cluster, "record", "chat", "--operator-namespace", "llm")[0] == 0
    assert cluster.asked[-1][0] == "llm"


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        pytest.param(FakeCluster({}), "--operator-namespace", id="no operator to be seen"),
        pytest.param(FakeCluster({"leader": RECORDS}, ready=False), "Ready", id="none that is Ready"),
        pytest.param(FakeCluster({"a": None, "b": ""}), "nothing about team-a/chat", id="none has decided"),
    ],
)
def test_without_records_the_reason_is_told(run: Run, cluster: FakeCluster, words: str) -> None:
    code, output, said = run(cluster, "record", "chat")
    assert (code, output) == (1, "")
    assert words in said


@pytest.fixture
def recorded() -> list[str]:
    """Two decisions of the law about a pool that nobody asks for, as an operator keeps them."""
    memory, found = EMPTY, []
    for now in (1000.0, 1010.0):
        sample = Sample(now, 10.0, Demand(0, 0, 0, 0, 0, 0, 0, 0), (Worker("a", 0, 0, 0.0),))
        supply = Supply(desired=1, ready=1)
        decision, memory = decide(memory, sample, supply, POLICY, COLD_START, now)
        record = Record("team-a/chat", "shared", sample, supply, POLICY, COLD_START, now, None, decision)
        found.append(record)
    found[0] = replace(found[0], memory=remember(EMPTY))
    return [dump(record) for record in found]


def test_a_recording_decides_the_same_again(recorded: list[str], tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    file.write_text("\n".join([*recorded, "", ""]))
    code, output, said = invoke("replay", str(file))
    assert (code, output) == (0, "")
    assert "2 decisions, 0 different" in said


def test_what_is_decided_differently_is_printed_and_is_the_status(
    recorded: list[str], tmp_path: Path
) -> None:
    other = json.loads(recorded[1])
    other["decision"] |= {"wanted": 3, "binding": "QueueDepth"}
    file = tmp_path / "records.jsonl"
    file.write_text("\n".join([recorded[0], json.dumps(other)]))
    code, output, said = invoke("replay", str(file))
    assert code == 1
    assert output.startswith("line 2: recorded 3 for QueueDepth, decided 1 for ")
    assert "2 decisions, 1 different" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(None, "nothing.jsonl", id="no file"),
        pytest.param('{"at": 1}', "line 1: not a record", id="a file of something else"),
    ],
)
def test_a_recording_that_cannot_be_read_is_named(tmp_path: Path, text: str | None, words: str) -> None:
    file = tmp_path / "nothing.jsonl"
    if text is not None:
        file.write_text(text)
    code, _, said = invoke("replay", str(file))
    assert code == 2
    assert words in said
