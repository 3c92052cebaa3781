"""How an LLMModel stands, in the words of its status and of its events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_api.model import LLMModelStatus
from tidegate_api.settings import ModelSettings, Settings
from tidegate_operator.conditions.chain import Finding
from tidegate_operator.models.facts import ModelFacts
from tidegate_operator.models.status import transitions, unreadable
from unit.operator.models.scenes import (
    COMMIT,
    MIB,
    NOW,
    PATH,
    Object,
    at,
    claim,
    ended_pod,
    facts,
    job,
    llmservice,
    made_by_us,
    message,
    model,
    pod,
    progress,
    ready,
    reason,
    said,
    status,
    words,
)

REFUSAL = {"reason": "AccessDenied", "message": "Visit https://example.com to accept"}
UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}


def held(why: str, text: str = "words") -> Object:
    """Return a Pod whose container waits."""
    return pod(phase="Pending", state={"waiting": {"reason": why, "message": text}})


def unplaced(text: str) -> Object:
    """Return a Pod that fits on no node."""
    return pod(phase="Pending", conditions=[{**UNSCHEDULABLE, "message": text}], state={})


def failing(last: object, code: int, **fields: object) -> ModelFacts:
    return facts(jobs=[job(ended="Failed")], pods=[ended_pod(last, code, **fields)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "why", "phase", "says"),
    [
        pytest.param(facts(no_claim=True), "ModelPending", "Pending", "is being made", id="no claim"),
        pytest.param(
            facts(has_claim=claim(phase="Lost")),
            "CacheUnavailable",
            "Pending",
            "delete the claim",
            id="a lost claim",
        ),
        pytest.param(
            facts(has_claim=claim(deletionTimestamp="x")),
            "CacheUnavailable",
            "Pending",
            "being deleted",
            id="one that goes",
        ),
        pytest.param(facts(), "ModelPending", "Pending", "is being made", id="no Job yet"),
        pytest.param(
            facts(jobs=[job()]), "ModelPending", "Pending", "kubectl describe job tiny-load", id="no Pod yet"
        ),
        pytest.param(
            facts(jobs=[job()], pods=[held("ContainerCreating", "")]),
            "ModelPending",
            "Pending",
            "being started",
            id="a Pod",
        ),
        pytest.param(
            facts(jobs=[job()], pods=[unplaced("0/3 nodes: Insufficient cpu")]),
            "Unschedulable",
            "Pending",
            "Insufficient cpu",
            id="a Pod that fits nowhere",
        ),
        pytest.param(
            facts(
                jobs=[job()],
                pods=[unplaced("pod has unbound immediate PersistentVolumeClaims")],
                has_claim=claim(phase="Pending"),
            ),
            "CacheUnavailable",
            "Pending",
            "kubectl describe pvc tidegate-models",
            id="a claim that nobody serves",
        ),
        pytest.param(
            facts(jobs=[job()], pods=[held("CreateContainerConfigError", 'secret "hub" not found')]),
            "SecretNotFound",
            "Pending",
            'secret "hub" not found',
            id="no Secret",
        ),
        pytest.param(
            facts(jobs=[job()], pods=[held("ImagePullBackOff")]),
            "ImagePullFailed",
            "Failed",
            "tidegate/loader",
            id="no image",
        ),
        pytest.param(
            facts(jobs=[job()], pods=[held("CreateContainerError")]),
            "ContainerNotCreated",
            "Failed",
            "words",
            id="no container",
        ),
        pytest.param(
            facts(jobs=[job()], pods=[pod()]), "ModelPending", "Pending", "asks the hub", id="not asked yet"
        ),
        pytest.param(
            facts(jobs=[job()], pods=[pod()], now=progress(0, 0, "Resolving")),
            "ModelPending",
            "Pending",
            "asks the hub",
            id="looking at the hub",
        ),
        pytest.param(
            facts(jobs=[job()], pods=[pod()], now=progress(0, 0, "Evicting")),
            "ModelDownloading",
            "Downloading",
            "room is being made",
            id="making room",
        ),
        pytest.param(
            facts(jobs=[job()], pods=[pod()], now=progress(50)),
            "ModelDownloading",
            "Downloading",
            "50 MiB of 200 MiB",
            id="downloading",
        ),
        pytest.param(
            facts(jobs=[job()], pods=[pod()], now=progress(200, step="Verifying")),
            "ModelVerifying",
            "Verifying",
            "compared with what the hub says",
            id="verifying",
        ),
        pytest.param(
            facts(jobs=[job(ended="Complete")], pods=[ended_pod(words())]),
            "ModelCached",
            "Ready",
            "200 MiB of commit ccc",
            id="here",
        ),
        pytest.param(
            failing(REFUSAL, 78),
            "AccessDenied",
            "Failed",
            "Visit https://example.com to accept. Tried again at 12:09:50",
            id="refused",
        ),
        pytest.param(
            failing({"reason": "HubUnreachable", "message": "No answer."}, 75),
            "HubUnreachable",
            "Failed",
            "No answer. Tried again at 12:00:20 UTC.",
            id="no answer",
        ),
        pytest.param(
            failing("Killed", 137, reason="OOMKilled"),
            "LoaderFailed",
            "Failed",
            "memory",
            id="too little memory",
        ),
        pytest.param(
            failing("Traceback: x", 1),
            "LoaderFailed",
            "Failed",
            "exit code 1; the last it said: Traceback",
            id="a crash",
        ),
        pytest.param(
            failing("", 143), "LoaderFailed", "Failed", "exit code 143, without a word", id="a kill"
        ),
        pytest.param(
            failing({"reason": "SomethingNew", "message": "x"}, 78),
            "LoaderFailed",
            "Failed",
            "exit code 78",
            id="a word we do not know",
        ),
        pytest.param(
            facts(jobs=[job(ended="Failed")]), "LoaderFailed", "Failed", "node is gone", id="nothing left"
        ),
        pytest.param(
            facts(jobs=[job(ended="Complete")], pods=[ended_pod("what?")]),
            "LoaderFailed",
            "Failed",
            "exit code 0",
            id="success without a word",
        ),
        pytest.param(
            facts(model(suspend=True)), "DownloadSuspended", "Suspended", "spec.suspend is true", id="a pause"
        ),
        pytest.param(
            facts(made_by_us(model())), "DownloadSuspended", "Suspended", "no LLMService uses it", id="nobody"
        ),
        pytest.param(
            facts(made_by_us(model()), services=[llmservice(suspend=True)]),
            "DownloadSuspended",
            "Suspended",
            "are suspended",
            id="who sleeps",
        ),
    ],
)
def test_how_it_stands(seen: ModelFacts, why: str, phase: str, says: str) -> None:
    found = status(seen)
    assert (reason(found), found["phase"]) == (why, phase)
    assert says in message(found)
    LLMModelStatus.model_validate(found)


def test_no_cache_is_said_with_the_setting() -> None:
    found = status(facts(no_claim=True), settings=Settings(models=ModelSettings(strategy="None")))
    assert (reason(found), found["phase"]) == ("CacheUnavailable", "Pending")
    assert "models.strategy" in message(found)


def test_what_the_api_server_refuses_comes_first() -> None:
    assert reason(status(facts(), Finding("NameConflict", "in the way"))) == "NameConflict"


def test_a_model_that_came_says_what_it_is_and_who_uses_it() -> None:
    seen = facts(
        model(status={"usedBy": ["chat"], "bytesDone": 90 * MIB, "bytesTotal": 100 * MIB}),
        jobs=[job(ended="Complete", attempt=3)],
        pods=[ended_pod(words())],
        services=[llmservice("b"), llmservice("a", suspend=True)],
    )
    found = status(seen)
    assert {name: found[name] for name in ("revision", "path", "license", "shape", "attempts", "usedBy")} == {
        "revision": COMMIT,
        "path": PATH,
        "license": "mit",
        "shape": {"layers": 30},
        "attempts": 3,
        "usedBy": ["a", "b"],
    }
    assert (found["percent"], found["progress"], found["size"]) == (100, "100%", "200 MiB")
    assert found["bytesDone"] == found["bytesTotal"] == 100 * MIB


def test_the_same_facts_give_the_same_status() -> None:
    seen = facts(model(status=ready()), services=[llmservice()])
    first = status(seen)
    assert status(facts(model(status=first), services=[llmservice()])) == first
    assert transitions(first, first) == []


def test_what_was_ready_and_is_lost_begins_at_nothing_but_at_the_same_commit() -> None:
    found = status(facts(model(status=ready(since=-60)), has_claim=claim(made=-30)))
    assert (found["percent"], found["bytesDone"], found["revision"]) == (0, 0, COMMIT)
    assert "sizeBytes" not in found


def test_the_last_user_is_remembered() -> None:
    used = ready(usedBy=["chat"])
    left = status(facts(model(status=used)))
    assert "usedBy" not in left
    assert left["lastUsedAt"] == at(0)
    assert status(facts(model(status={**left, "lastUsedAt": at(-99)})))["lastUsedAt"] == at(-99)
    assert "lastUsedAt" not in status(facts(model(status=left), services=[llmservice()]))


def test_of_two_alike_the_older_one_is_used() -> None:
    older = model("older", status=ready(), made=-9000)
    assert "usedBy" not in status(facts(model(status=ready()), others=[older], services=[llmservice()]))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(120, 120, id="what is more is taken"),
        pytest.param(60, 80, id="what is less is not"),
        pytest.param(200, 200, id="all of it is not all that it takes"),
    ],
)
def test_bytes_never_become_fewer(before: int, after: int) -> None:
    known = {"revision": COMMIT, "bytesDone": 80 * MIB, "bytesTotal": 200 * MIB}
    found = status(facts(model(status=known), jobs=[job()], pods=[pod()], now=progress(before)))
    assert found["bytesDone"] == after * MIB
    assert found["percent"] == min(after // 2, 99)


def test_another_commit_counts_anew() -> None:
    known = {"revision": "d" * 40, "bytesDone": 80 * MIB, "bytesTotal": 200 * MIB}
    found = status(facts(model(status=known), jobs=[job()], pods=[pod()], now=progress(10)))
    assert found["bytesDone"] == 10 * MIB


@given(st.lists(st.integers(0, 220), max_size=12))
def test_progress_only_grows_and_is_whole_only_when_verified(steps: list[int]) -> None:
    known: Object = {}
    last = 0
    for step in steps:
        known = status(facts(model(status=known), jobs=[job()], pods=[pod()], now=progress(step)))
        assert last <= known["percent"] <= 99
        last = known["percent"]


GOING_ON = {"bytesDone": MIB, "bytesTotal": 2 * MIB, "conditions": [said("ModelDownloading")]}


def test_what_was_going_on_goes_on_while_nobody_has_asked_yet() -> None:
    """So an operator that starts anew writes nothing."""
    seen = facts(model(status=GOING_ON), jobs=[job()], pods=[pod()])
    assert (reason(status(seen)), message(status(seen))) == ("ModelDownloading", "as it is")


def test_between_the_end_of_a_loader_and_that_of_its_job_nothing_is_new() -> None:
    still_running = pod(state={"terminated": {"exitCode": 0}})
    for last in (ended_pod(words()), still_running):
        seen = facts(model(status=GOING_ON), jobs=[job()], pods=[last])
        assert reason(status(seen)) == "ModelDownloading"


def test_what_is_wrong_stays_said_until_the_next_load_gets_further() -> None:
    wrong = {"conditions": [said("HubUnreachable")]}
    for pods in ([], [held("ContainerCreating")], [pod()]):
        assert (
            reason(status(facts(model(status=wrong), jobs=[job(failures=1)], pods=pods))) == "HubUnreachable"
        )
    further = facts(model(status=wrong), jobs=[job(failures=1)], pods=[pod()], now=progress(1))
    assert reason(status(further)) == "ModelDownloading"
    stuck = facts(model(status=wrong), jobs=[job(failures=1)], pods=[unplaced("no room")])
    assert reason(status(stuck)) == "Unschedulable"


def test_a_spec_of_a_newer_version_leaves_what_is_there() -> None:
    found = unreadable(model(status=ready()), NOW, "spec.newer: there is no such field")
    assert (reason(found), found["phase"], found["path"]) == ("InvalidValue", "Failed", PATH)


def told(why: str, percent: int = 0, word: str = "False", **more: object) -> Object:
    """Return a status."""
    return {
        "conditions": [said(why, status=word)],
        "percent": percent,
        "size": "200 MiB",
        "attempts": 1,
        **more,
    }


@pytest.mark.parametrize(
    ("old", "new", "events"),
    [
        pytest.param(None, told("ModelPending"), [], id="what is on its way is no event"),
        pytest.param(told("ModelPending"), told("ModelDownloading"), ["DownloadStarted"], id="a start"),
        pytest.param(told("ModelDownloading", 3), told("ModelDownloading", 9), [], id="less than a tenth"),
        pytest.param(
            told("ModelDownloading", 9), told("ModelDownloading", 10), ["DownloadProgress"], id="a tenth"
        ),
        pytest.param(
            told("ModelDownloading", 9), told("ModelDownloading", 55), ["DownloadProgress"], id="many at once"
        ),
        pytest.param(told("ModelDownloading", 98), told("ModelVerifying", 99), [], id="verifying"),
        pytest.param(
            told("ModelVerifying"), told("ModelCached", 100, "True"), ["DownloadCompleted"], id="an end"
        ),
        pytest.param(told("ModelDownloading"), told("TokenInvalid"), ["DownloadFailed"], id="a refusal"),
        pytest.param(told("TokenInvalid"), told("TokenInvalid"), [], id="the same refusal again"),
        pytest.param(told("ModelPending"), told("SecretNotFound"), ["SecretNotFound"], id="no Secret"),
        pytest.param(
            told("ModelDownloading"), told("DownloadSuspended"), ["DownloadSuspended"], id="a pause"
        ),
    ],
)
def test_which_changes_are_events(old: Object | None, new: Object, events: list[str]) -> None:
    assert [one.reason for one in transitions(old, new)] == events


def test_an_event_of_progress_says_how_fast_and_how_long() -> None:
    new = told("ModelDownloading", 41, bytesPerSecond=35 * MIB, remainingSeconds=30)
    [event] = transitions(told("ModelDownloading", 39), new)
    assert event.message == "41% of 200 MiB, 35 MiB/s, about 30 s left"
