"""`tidegate rollouts` and `tidegate services renew`: what is said, and what is written of it."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from tidegate_cli import loading, rollouts
from tidegate_cli.__main__ import app
from unit.cli.modelcluster import Objects, service

TRIED = {
    "phase": "Canary",
    "revision": "aaaaaaaaaa",
    "canaryRevision": "bbbbbbbbbb",
    "step": 1,
    "steps": 2,
    "weight": 10,
    "verdict": "Waiting",
    "message": "3 of the 50 requests it takes to judge have ended",
    "golden": "5/5",
    "stable": {"requests": 30, "errors": 0, "ttftP50Milliseconds": 100, "ttftP90Milliseconds": 200},
    "canary": {"requests": 3, "errors": 1},
}


def run(
    monkeypatch: pytest.MonkeyPatch, rollout: dict[str, Any] | None, *words: str
) -> tuple[int, str, Objects]:
    """Run a command against a namespace with one service; return its status, all it printed, and the namespace."""
    objects = Objects(service(**({"status": {"rollout": rollout}} if rollout is not None else {})))
    for module in (loading, rollouts):
        monkeypatch.setattr(module, "connect", lambda _: objects.cluster())
    result = CliRunner().invoke(app, words)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout + result.stderr, objects


@pytest.mark.parametrize(
    ("rollout", "expected"),
    [
        pytest.param(None, "Nothing is known yet", id="not looked at"),
        pytest.param(
            {"phase": "Stable", "revision": "aaaaaaaaaa"},
            "Stable: all workers are of version aaaaaaaaaa\n",
            id="one",
        ),
        pytest.param(TRIED, "step 1 of 2, 10 % of the conversations", id="the step of a canary"),
        pytest.param(TRIED, "bbbbbbbbbb: 3 requests, 1 failed\n", id="what it did"),
        pytest.param(TRIED, "100 ms (median), 200 ms (90th percentile)", id="how fast the other is"),
        pytest.param(TRIED, "golden prompts answered as expected: 5/5", id="golden prompts"),
        pytest.param(
            {**TRIED, "phase": "RolledBack", "verdict": "Failed", "message": "4 of its 50 requests failed"},
            "Failed: 4 of its 50 requests failed",
            id="why it was taken back",
        ),
    ],
)
def test_status(monkeypatch: pytest.MonkeyPatch, rollout: dict[str, Any] | None, expected: str) -> None:
    code, said, _ = run(monkeypatch, rollout, "rollouts", "status", "chat")
    assert code == 0
    assert expected in said


@pytest.mark.parametrize("what", ["promote", "abort"])
def test_a_word_is_about_the_version_that_is_tried_now(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    code, _, objects = run(monkeypatch, TRIED, "rollouts", what, "chat")
    assert code == 0
    [(_, _, patch)] = objects.writes
    assert patch == {"metadata": {"annotations": {"serving.tidegate.dev/rollout": f"{what}:bbbbbbbbbb"}}}


@pytest.mark.parametrize("what", ["promote", "abort"])
def test_there_is_no_word_where_nothing_is_tried(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    code, said, objects = run(monkeypatch, {**TRIED, "phase": "RolledBack"}, "rollouts", what, "chat")
    assert (code, objects.writes) == (1, [])
    assert f"tries no version: there is nothing to {what}" in said


def test_renew_marks_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    code, said, objects = run(monkeypatch, None, "services", "renew", "chat")
    assert code == 0
    [(_, _, patch)] = objects.writes
    assert list(patch["metadata"]["annotations"]) == ["serving.tidegate.dev/renew"]
    assert "is being renewed" in said


def test_there_is_no_service_of_that_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (("rollouts", "status"), ("rollouts", "abort"), ("services", "renew")):
        code, said, objects = run(monkeypatch, None, *words, "other")
        assert (code, objects.writes) == (1, [])
        assert "'other'" in said
