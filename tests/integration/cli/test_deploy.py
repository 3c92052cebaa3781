"""`tidegate deploy` and `tidegate status` on a real API server: what is applied, whose fields stay whose."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from integration.api import Api, eventually
from tidegate_api.names import SERVICE_KIND
from tidegate_cli.__main__ import app

URI = "hf://Org/Name"
Said = tuple[int, str, str]


class User:
    """Runs commands in a namespace of the cluster."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.api, self.namespace = api, namespace

    def run(self, *words: str, stdin: str = "") -> Said:
        environment = {"KUBECONFIG": str(self.api.plane.kubeconfig)}
        result = CliRunner().invoke(app, [*words, "-n", self.namespace], env=environment, input=stdin)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.stdout, result.stderr

    def service(self, name: str = "chat") -> dict[str, object] | None:
        return self.api.get(SERVICE_KIND, self.namespace, name)


@pytest.fixture
def user(api: Api, namespace: str) -> User:
    """An administrator."""
    return User(api, namespace)


def test_a_service_is_applied_as_the_command_line_and_a_second_time_changes_nothing(user: User) -> None:
    code, said, told = user.run("deploy", URI, "--name", "chat", "--replicas", "2")
    assert (code, "tidegate chat chat" in said) == (0, True), told
    made = user.service()
    assert made is not None
    assert made["spec"]["replicas"] == 2  # type: ignore[index]
    assert {one["manager"] for one in made["metadata"]["managedFields"]} == {"tidegate-cli"}  # type: ignore[index]
    assert user.run("deploy", URI, "--name", "chat", "--replicas", "2")[0] == 0
    again = user.service()
    assert again is not None
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]  # type: ignore[index]


def test_a_dry_run_is_checked_by_the_api_server_and_leaves_nothing(user: User) -> None:
    code, said, _ = user.run("deploy", URI, "--name", "chat", "--dry-run", "-o", "json")
    assert code == 0
    [made] = json.loads(said)["items"]
    assert made["spec"]["resourceProfile"] == "cpu:1"
    assert user.service() is None


def test_what_others_have_set_stays_theirs_until_it_is_taken_over(user: User) -> None:
    user.run("deploy", URI, "--name", "chat")
    user.api.patch(SERVICE_KIND, user.namespace, "chat", {"spec": {"replicas": 5}})
    code, said, told = user.run("deploy", URI, "--name", "chat", "--replicas", "3")
    assert (code, said) == (1, "")
    assert ".spec.replicas" in told
    assert "--force-conflicts takes these fields over" in told
    assert user.run("deploy", URI, "--name", "chat", "--replicas", "3", "--force-conflicts")[0] == 0
    assert user.service()["spec"]["replicas"] == 3  # type: ignore[index]


def test_a_file_with_a_service_and_its_tenant_is_applied(user: User, tmp_path: Path) -> None:
    file = tmp_path / "all.yaml"
    file.write_text(
        "apiVersion: serving.tidegate.dev/v1alpha1\nkind: LLMService\nmetadata: {name: chat}\n"
        f"spec: {{model: {{uri: '{URI}'}}}}\n---\n"
        "apiVersion: serving.tidegate.dev/v1alpha1\nkind: LLMTenant\nmetadata: {name: web}\nspec: {}\n"
    )
    code, _, told = user.run("deploy", str(file))
    assert code == 0, told
    assert user.service() is not None
    assert user.api.get("LLMTenant", user.namespace, "web") is not None


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["deploy", "xx://a"], "is of no known kind"),
        (["deploy", "hf://Org"], "hf://ORG/NAME"),
        (["deploy", URI, "--preset", "Fast"], "spec.engine.preset"),
        (["deploy", URI, "--quantization", "q4"], "spec.engine.quantization"),
        (["deploy", URI, "--name", "n" * 51], "at most 50 characters"),
        (["deploy", URI, "--replicas", "1", "--max-replicas", "2"], "give one of them"),
        (["deploy", URI, "--min-replicas", "3", "--max-replicas", "2"], "eplicas"),
    ],
)
def test_nonsense_reaches_nobody(user: User, words: list[str], says: str) -> None:
    before = user.api.now()
    code, said, told = user.run(*words)
    assert (code, said, len(told.splitlines())) == (1, "", 1)
    assert says in told
    written = [one for one in user.api.writes(user.namespace, "", before) if one.resource == "llmservices"]
    assert written == []


def test_what_only_the_api_server_refuses_is_told_in_its_words(user: User) -> None:
    code, said, told = user.run("deploy", "pvc://claim/m", "--revision", "v1")
    assert (code, said, len(told.splitlines())) == (1, "", 1)
    assert "model.revision is for hf:// and ms:// only" in told


def test_a_namespace_that_is_not_there_is_named_with_the_command_that_makes_it(api: Api) -> None:
    code, _, told = User(api, "nowhere").run("deploy", URI)
    assert code == 1
    assert told == 'Error: namespaces "nowhere" not found: kubectl create namespace nowhere\n'


def test_who_waits_sees_the_download_and_the_reason_why_it_fails(api: Api, user: User) -> None:
    user.run("deploy", URI, "--name", "chat")
    condition = {
        "type": "Ready",
        "status": "False",
        "reason": "AccessDenied",
        "message": "accept the licence",
        "lastTransitionTime": "2026-11-21T00:00:00Z",
        "observedGeneration": 1,
    }
    status = {"phase": "Failed", "observedGeneration": 1, "conditions": [condition]}
    api.patch_status(SERVICE_KIND, user.namespace, "chat", status)
    code, _, told = user.run("deploy", URI, "--name", "chat", "--wait", "--timeout", "20")
    assert code == 1
    assert "has failed: AccessDenied: accept the licence" in told
    shown = eventually(lambda: user.run("status", "chat")[1])
    assert "Ready  False    AccessDenied" in shown
    assert "fix: " in shown
