"""Every command where the cluster does not help: no kubeconfig, no API server, no rights, no custom resources. One
sentence, the right exit code, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from integration.api import Api
from localcluster import controlplane
from tidegate_cli.__main__ import app

URI = "hf://Org/Name"
# Every command that asks a cluster.
COMMANDS = (
    ("deploy", URI),
    ("status",),
    ("status", "chat"),
    ("top",),
    ("top", "-o", "json"),
    ("chat", "chat", "hi"),
    ("bench", "chat"),
    ("doctor",),
    ("services", "load", "chat"),
    ("services", "unload", "chat"),
    ("services", "renew", "chat"),
    ("scaling", "explain", "chat"),
    ("scaling", "record", "chat"),
    ("rollouts", "status", "chat"),
    ("rollouts", "promote", "chat"),
    ("rollouts", "abort", "chat"),
    ("models", "list"),
    ("models", "pull", URI),
    ("models", "pause", "m"),
    ("models", "resume", "m"),
    ("models", "remove", "m"),
    ("keys", "create", "web"),
    ("keys", "list", "web"),
    ("keys", "revoke", "web", "ci"),
    ("usage",),
)
Said = tuple[int, str, str]


def run(kubeconfig: Path, *words: str) -> Said:
    """Run a command; return its status, output and errors."""
    result = CliRunner().invoke(app, words, env={"KUBECONFIG": str(kubeconfig)}, input="")
    assert result.exception is None or isinstance(result.exception, SystemExit), (words, result.exception)
    return result.exit_code, result.stdout, result.stderr


def run_all(kubeconfig: Path) -> dict[str, Said]:
    """Run every command, by its words."""
    return {" ".join(words): run(kubeconfig, *words) for words in COMMANDS}


def unkind(results: dict[str, Said], *hints: str) -> dict[str, Said]:
    """Return what did not end with 1 and one sentence that has one of the hints."""

    def is_kind(said: Said) -> bool:
        code, output, errors = said
        lines = errors.splitlines()
        return (
            (code, output, len(lines)) == (1, "", 1)
            and lines[0].startswith("Error: ")
            and any(hint in lines[0] for hint in hints)
            and "Traceback" not in errors
            and "object at 0x" not in errors
        )

    return {words: said for words, said in results.items() if not is_kind(said)}


def test_every_command_of_the_list_is_tried() -> None:
    from tidegate_cli.commands import COMMANDS as listed

    assert {words[0] for words in COMMANDS} == set(listed) - {"plan", "completion"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(None, id="no file"),
        pytest.param("{", id="no YAML"),
        pytest.param("[]", id="no kubeconfig"),
    ],
)
def test_a_broken_kubeconfig_is_named(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "config"
    if text is not None:
        file.write_text(text)
    words = COMMANDS if text == "{" else COMMANDS[:1]
    results = {" ".join(one): run(file, *one) for one in words}
    assert unkind(results, f"no usable kubeconfig ({file}): ") == {}


def test_an_api_server_that_is_away_is_named(api: Api, tmp_path: Path) -> None:
    config = yaml.safe_load(api.plane.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{controlplane.free_port()}"
    file = tmp_path / "config"
    file.write_text(json.dumps(config))
    assert unkind(run_all(file), "did not answer: [Errno 111] Connection refused") == {}


def test_the_command_itself_shows_no_traceback_either(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("{")
    done = subprocess.run(
        [sys.executable, "-m", "tidegate_cli", "status"],
        capture_output=True,
        text=True,
        env={**os.environ, "KUBECONFIG": str(file)},
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)


@pytest.fixture
def nobody(api: Api, namespace: str, tmp_path: Path) -> Path:
    """A kubeconfig of a ServiceAccount that may do nothing."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "jane"}}
    api.create(account, namespace)
    config = yaml.safe_load(api.plane.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": api.token(namespace, "jane")}
    config["contexts"][0]["context"]["namespace"] = namespace
    file = tmp_path / "nobody"
    file.write_text(json.dumps(config))
    return file


def test_who_may_do_nothing_is_told_so(nobody: Path, namespace: str) -> None:
    results = run_all(nobody)
    code, output, errors = results.pop("doctor")
    assert (code, errors) == (1, "")
    assert "you may not list llmservices" in output
    assert (
        unkind(
            results, "refused (403 Forbidden)", f'is forbidden: User "system:serviceaccount:{namespace}:jane"'
        )
        == {}
    )


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cluster without our custom resources."""
    with controlplane.start("bare") as plane:
        yield plane.kubeconfig


def test_a_cluster_without_the_custom_resources_is_named(bare: Path) -> None:
    results = run_all(bare)
    code, output, errors = results.pop("doctor")
    assert (code, errors) == (1, "")
    assert "fail  custom resources  " in output
    for words in ("chat chat hi", "bench chat"):
        assert "no Pod of the gateway is Ready" in results.pop(words)[2]
    assert "no Pod of the operator is Ready" in results.pop("scaling record chat")[2]
    assert unkind(results, "does not know LLM") == {}
