"""What all commands share: their list, their options, output for a terminal and for a pipe, misuse, completion."""

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from kubernetes import client
from typer.testing import CliRunner
from urllib3.exceptions import MaxRetryError, NewConnectionError

from tidegate_cli.__main__ import app
from tidegate_cli.commands import COMMANDS
from tidegate_cli.shell import target
from tidegate_cli.shell.completion import service_names
from tidegate_cli.shell.group import loaded
from tidegate_cli.shell.kube import subject
from tidegate_cli.shell.output import coloured, columns
from tidegate_models.errors import ClusterDown, Conflict, Denied, Missing
from tidegate_models.refusals import refusal, unreached

# What asks no cluster.
LOCAL = {"plan", "completion", "models search", "scaling replay"}


def every() -> Iterator[tuple[str, Any]]:
    """Yield each command that does something, by its words."""
    for name, entry in COMMANDS.items():
        found = loaded(name, entry)
        below = getattr(found, "commands", None)
        yield from ((f"{name} {one}", each) for one, each in below.items()) if below else [(name, found)]


ALL = dict(every())


def options(command: Any) -> set[str]:
    return {flag for one in command.params for flag in one.opts}


@pytest.mark.parametrize("name", ALL)
def test_every_command_explains_itself_with_an_example(name: str) -> None:
    command = ALL[name]
    assert command.help
    assert command.epilog, "there is no example"
    assert all(line.strip("`").startswith("tidegate ") or "tidegate " in line for line in _examples(command))
    assert all(getattr(one, "help", None) for one in command.params if one.opts[0] != "--help")


@pytest.mark.parametrize("name", sorted(set(ALL) - LOCAL))
def test_every_command_that_asks_a_cluster_takes_kubectls_options(name: str) -> None:
    assert {"--namespace", "-n", "--context", "--kubeconfig"} <= options(ALL[name])


@pytest.mark.parametrize("name", sorted(set(ALL) - {"completion", "scaling record"}))
def test_every_command_prints_json_on_demand(name: str) -> None:
    assert {"--output", "-o"} <= options(ALL[name])


@pytest.mark.parametrize("name", ALL)
def test_every_example_is_a_command_line_that_there_is(name: str) -> None:
    words = set()
    for line in _examples(ALL[name]):
        words |= {word for word in line.split() if word.startswith("--")}
    assert words <= options(ALL[name]), "an example has an option that the command has not"


def _examples(command: Any) -> list[str]:
    return [line.strip("`") for line in command.epilog.split("\n\n")[1:]]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_of_each_command_what_its_own_help_begins_with(name: str) -> None:
    entry = COMMANDS[name]
    assert str(loaded(name, entry).help).split("\n\n", maxsplit=1)[0].replace("\n", " ") == entry.help
    assert hasattr(import_module(entry.module), entry.attribute)


def test_the_list_of_commands_imports_none_of_them() -> None:
    code = (
        "import sys, tidegate_cli.__main__ as m\n"
        "from typer.testing import CliRunner\n"
        "assert CliRunner().invoke(m.app, ['--help']).exit_code == 0\n"
        "heavy = {'kubernetes', 'pydantic', 'textual', 'yaml', 'tidegate_operator', 'tidegate_cli.models'}\n"
        "print(sorted(set(sys.modules) & heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["modles"], "Error: No such command 'modles'. Did you mean 'models'? (`"),
        (["status", "--nmaespace", "x"], "Error: No such option: --nmaespace"),
        (["keys", "create"], "Error: Missing argument 'tenant'"),
        (["deploy", "hf://a/b", "--replicas", "many"], "Error: Invalid value for '--replicas'"),
        (["status", "chat", "-A"], "names one service"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_a_sentence_and_2(words: list[str], says: str) -> None:
    result = CliRunner().invoke(app, words)
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (2, "", 1)
    assert says.rstrip("(`") in result.stderr


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout.startswith("tidegate ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script(shell: str) -> None:
    assert f"complete_{shell}" in CliRunner().invoke(app, ["completion", shell]).stdout


def test_kubectl_is_answered_in_its_own_protocol() -> None:
    code = (
        "import sys; sys.argv[1:] = ['mod']; from tidegate_cli.completing import for_kubectl; for_kubectl()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "models\n:4\n"


def test_names_are_completed_from_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cluster:
        namespace = "team-a"

        def items(self, path: str) -> list[Any]:
            assert path == "/apis/serving.tidegate.dev/v1alpha1/namespaces/team-a/llmservices"
            return [{"metadata": {"name": name}} for name in ("chat", "code", "embed")]

    monkeypatch.setattr(target, "connect", lambda *_: Cluster())
    assert service_names(context(), "c") == ["chat", "code"]


def test_nothing_is_completed_or_said_while_the_cluster_is_away(
    tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert service_names(context(kubeconfig=str(tmp_path / "none")), "c") == []
    assert capsys.readouterr() == ("", "")


def context(**params: Any) -> Any:
    class Context:
        pass

    made = Context()
    made.params = params  # type: ignore[attr-defined]
    return made


def test_states_are_coloured_and_sentences_are_not() -> None:
    assert coloured("ok    all is Ready here") == "\x1b[32mok\x1b[0m    all is Ready here"
    assert coloured("chat  Failed  0/1") == "chat  \x1b[31mFailed\x1b[0m  0/1"
    assert coloured("nothing Failed") == "nothing Failed"


@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1"}])
def test_a_pipe_gets_no_colours(variables: dict[str, str]) -> None:
    result = CliRunner().invoke(app, ["--help"], env=variables)
    assert "\x1b" not in result.stdout


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert columns([("A", "B"), ("long", "x")]) == ["A      B", "long   x"]


@pytest.mark.parametrize(
    ("path", "what", "where"),
    [
        (
            "/apis/serving.tidegate.dev/v1alpha1/namespaces/a/llmservices/chat",
            "LLMService 'chat'",
            "namespace a",
        ),
        ("/apis/serving.tidegate.dev/v1alpha1/llmservices", "LLMService", "all namespaces"),
        ("/api/v1/namespaces/a/pods/b:9090/proxy/metrics", "Pod 'b'", "namespace a"),
        ("/api/v1/namespaces/a", "namespaces 'a'", "all namespaces"),
        ("/version", "version", "all namespaces"),
    ],
)
def test_a_path_is_told_in_the_words_of_users(path: str, what: str, where: str) -> None:
    assert subject(path) == (what, where)


def answer(status: int, message: str) -> client.ApiException:
    error = client.ApiException(status=status, reason="Reason")
    error.body = json.dumps({"message": message})
    return error


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (answer(403, "no"), Denied, "refused (403 Reason): no (here): ask for"),
        (answer(401, "who"), Denied, "log in to the cluster again"),
        (answer(404, "404 page not found"), Missing, "the cluster does not know LLMService (here): install"),
        (answer(404, "llmservices not found"), Missing, "there is no LLMService 'x' (here)"),
        (answer(404, 'namespaces "a" not found'), Missing, 'namespaces "a" not found (here)'),
        (answer(409, "conflict with kubectl"), Conflict, "conflict with kubectl (here)"),
        (client.ApiException(status=500, reason="Oops"), Denied, "refused (500 Oops): Oops"),
    ],
)
def test_what_the_api_server_refuses_is_one_sentence(error: Any, kind: type[Exception], says: str) -> None:
    found = refusal(error, "here", "LLMService 'x'")
    assert type(found) is kind
    assert says in str(found)


def test_what_the_network_says_is_told_without_addresses_of_objects() -> None:
    pool: Any = None
    refused = NewConnectionError(pool, "Failed to establish a new connection: [Errno 111] Connection refused")
    found = unreached(MaxRetryError(pool, "/api", refused), "https://host:6443")
    assert isinstance(found, ClusterDown)
    assert str(found).startswith(
        "the API server did not answer: [Errno 111] Connection refused (https://host:6443): is the cluster up"
    )
