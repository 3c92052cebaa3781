"""`tidegate models` and `tidegate services`: what is printed where, exit codes, Ctrl-C, completion."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

import tidegate_models as core
from tidegate_cli import bar, loading, models
from tidegate_cli.__main__ import app
from tidegate_models import HubDown, HubModel, Progress
from unit.cli.modelcluster import URI, Objects, model, service

DONE = Progress("m", "Ready", percent=100, bytes_done=2048, bytes_total=2048)
HALF = Progress("m", "Downloading", percent=50, bytes_done=1024, bytes_total=2048)
PAUSED = Progress("m", "Suspended", "DownloadSuspended", "by spec.suspend")
DENIED = Progress("m", "Failed", "AccessDenied", "accept the licence at https://hub.example/Org/Name")

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def objects() -> Objects:
    """A namespace with the LLMModel `m`."""
    return Objects(model())


@pytest.fixture
def run(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command against the namespace; return its status, output and errors."""
    for module in (models, loading):
        monkeypatch.setattr(module, "connect", lambda _: objects.cluster())

    def run(*words: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(app, words)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert "Traceback" not in result.stderr
        return result.exit_code, result.stdout, result.stderr

    return run


@pytest.fixture
def course(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What following a download yields; an exception in it is raised."""
    steps: list[Any] = []

    def follow(*_: Any) -> Iterator[Progress]:
        for step in steps:
            if isinstance(step, BaseException):
                raise step
            yield step

    monkeypatch.setattr(core, "follow", follow)
    return steps


def test_a_pull_tells_its_course_and_its_end(run: Run, course: list[Any]) -> None:
    course += [Progress("m", "Pending"), HALF, DONE]
    code, output, said = run("models", "pull", URI)
    assert (code, output) == (0, "")
    assert said.splitlines() == [
        "LLMModel team-a/m",
        "Pending",
        "Downloading 50 %, 1.00 KiB of 2.00 KiB",
        "Ready 100 %, 2.00 KiB of 2.00 KiB",
        "hf://Org/Name is there: 2.00 KiB.",
    ]


def test_a_pull_in_json_is_an_object_a_line_and_nothing_else(run: Run, course: list[Any]) -> None:
    course += [HALF, DONE]
    code, output, said = run("models", "pull", URI, "-o", "json")
    assert (code, said) == (0, "")
    assert [json.loads(line)["phase"] for line in output.splitlines()] == ["Downloading", "Ready"]


@pytest.mark.parametrize(
    ("steps", "code", "says"),
    [
        pytest.param(
            [HALF, DENIED],
            1,
            f"Error: {URI} is not there (namespace team-a): AccessDenied: accept the licence at https://hub.example",
            id="a failure, with its reason and where to go",
        ),
        pytest.param(
            [PAUSED, DONE], 1, "it is paused; `tidegate models resume m` lets it go on", id="a pause"
        ),
        pytest.param([HALF, core.Missing("gone")], 1, "Error: gone", id="a removal"),
        pytest.param(
            [HALF, KeyboardInterrupt()],
            130,
            "The download goes on in the cluster: the same command shows it again, `tidegate models pause m` stops it.",
            id="Ctrl-C",
        ),
    ],
)
def test_what_keeps_a_pull_from_its_end_is_said(
    run: Run, course: list[Any], objects: Objects, *, steps: list[Any], code: int, says: str
) -> None:
    course += steps
    ended, _, said = run("models", "pull", URI)
    assert ended == code
    assert says in said
    assert objects.writes == []


def test_ctrl_c_pauses_the_download_where_that_was_asked_for(
    run: Run, course: list[Any], objects: Objects
) -> None:
    course += [HALF, KeyboardInterrupt()]
    code, _, said = run("models", "pull", URI, "--cancel")
    assert code == 130
    assert "`tidegate models resume m` goes on from here" in said
    assert objects.writes == [("patch", "m", {"spec": {"suspend": True}})]


def test_a_pull_that_does_not_wait_does_not_follow(run: Run, course: list[Any]) -> None:
    course += [AssertionError("followed")]
    assert run("models", "pull", URI, "--no-wait") == (0, "", "LLMModel team-a/m\n")
    code, output, _ = run("models", "pull", URI, "--no-wait", "-o", "json")
    assert (code, json.loads(output)) == (0, {"name": "m", "uri": URI, "changed": False})


def test_a_pull_of_nonsense_is_one_sentence(run: Run) -> None:
    code, output, said = run("models", "pull", "Org/Name")
    assert (code, output) == (1, "")
    assert said == "Error: 'Org/Name' names no model of a hub (URI): write hf://ORG/NAME or ms://ORG/NAME\n"


def test_the_list_shows_what_is_where_and_who_uses_it(run: Run, objects: Objects) -> None:
    objects.kept["llmservices", "chat"] = service()
    code, output, _ = run("models", "list")
    assert code == 0
    assert output.splitlines()[1].split() == ["m", URI, "-", "cache", "Pending", "-", "chat"]
    assert json.loads(run("models", "list", "-o", "json")[1])[0]["usedBy"] == ["chat"]


def test_an_empty_list_says_what_to_do(run: Run, objects: Objects) -> None:
    objects.kept.clear()
    assert run("models", "list") == (
        0,
        "",
        "No models: `tidegate models search` finds some, `pull` brings one.\n",
    )
    assert run("models", "list", "-o", "json")[1] == "[]\n"


def test_a_model_in_use_is_not_removed_and_its_users_are_named(run: Run, objects: Objects) -> None:
    objects.kept["llmservices", "chat"] = service()
    code, _, said = run("models", "remove", "m")
    assert code == 1
    assert (
        "hf://Org/Name is not removed: it is used by chat (namespace team-a): delete the LLMServices" in said
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("models", "remove", URI), "LLMModel m is removed."),
        (("models", "pause", "m"), "LLMModel m is paused."),
        (("models", "resume", "m"), "LLMModel m is not paused."),
        (("services", "unload", "chat"), "LLMService chat is unloaded: its workers finish what they have."),
        (("services", "load", "chat"), "LLMService chat is not unloaded."),
    ],
    ids=str,
)
def test_what_was_done_is_said(run: Run, objects: Objects, words: tuple[str, ...], says: str) -> None:
    objects.kept["llmservices", "chat"] = service(uri="pvc://c/m")
    assert run(*words) == (0, "", says + "\n")


def test_a_search_is_a_table_or_json(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def search(query: str, **options: Any) -> list[HubModel]:
        asked.append((query, options))
        return [HubModel("hf://Org/Name", downloads=3)]

    monkeypatch.setattr(core, "search", search)
    assert "hf://Org/Name" in run("models", "search", "name", "--task", "text-generation")[1]
    assert asked == [("name", {"hub": core.Hub.HUGGING_FACE, "limit": 20, "task": "text-generation"})]
    assert json.loads(run("models", "search", "name", "--hub", "ms", "-o", "json")[1]) == [
        {"uri": "hf://Org/Name", "downloads": 3}
    ]


def test_a_search_without_a_find_or_without_a_hub_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "search", lambda *_, **__: [])
    assert run("models", "search", "x") == (0, "", "No model found for 'x'.\n")

    def down(*_: Any, **__: Any) -> None:
        raise HubDown("the hub cannot be reached: refused", "https://hub.example", "check the address")

    monkeypatch.setattr(core, "search", down)
    code, output, said = run("models", "search", "x")
    assert (code, output) == (1, "")
    assert said == "Error: the hub cannot be reached: refused (https://hub.example): check the address\n"


def test_the_bar_shows_numbers_and_what_holds_it_up() -> None:
    with Path(os.devnull).open("w") as nowhere:
        console = Console(file=nowhere, force_terminal=True, width=120, record=True)
        with bar.drawn(console) as show:
            held_up = Progress("m", "Pending", "SecretNotFound", "no Secret [hub]")
            show(None, held_up)
            show(held_up, held_up)
            show(held_up, HALF)
            show(HALF, Progress("m", "Failed", "HubUnreachable", "tried again"))
            show(HALF, DENIED)
            show(HALF, HALF)
    text = console.export_text()
    assert text.count("SecretNotFound: no Secret [hub]") == 1
    assert text.count("HubUnreachable") == 1
    assert "AccessDenied" not in text, "how it ends is told after the bar"
    assert "Downloading" in text
    assert "50 %, 1.00 KiB of 2.00 KiB" in text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param("tidegate models re", ["resume", "remove"], id="a command"),
        pytest.param("tidegate models remove x", [], id="a name, without a cluster: nothing, and no noise"),
    ],
)
def test_a_shell_can_complete(tmp_path: Path, words: str, expected: list[str]) -> None:
    environment = {
        "KUBECONFIG": str(tmp_path / "none"),
        "_TIDEGATE_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    done = CliRunner().invoke(app, [], env=environment, prog_name="tidegate")
    assert (done.stdout.split(), done.stderr) == (expected, "")
