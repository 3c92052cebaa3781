"""What is built of a rollout, what its status says, and which of its changes deserve an event."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from objects import NOW, SETTINGS, Object, condition, observed, planned, pod, service
from tidegate_api.names import CANARY_TRACK, REVISION_LABEL, ROLLOUT_ANNOTATION, TRACK_LABEL
from tidegate_operator.build import build
from tidegate_operator.desired import Plan
from tidegate_operator.errors import Stalled
from tidegate_operator.facts import Observed
from tidegate_operator.rollout.entry import changes, entry
from tidegate_operator.rollout.facts import Compared, Counts
from tidegate_operator.status import summarize, transitions

STEPS = {"canary": {"steps": [{"weight": 10}, {"weight": 60}]}}
OTHER = {"engine": {"maxNumSeqs": 4}}


def running(replicas: int = 4, **spec: Any) -> Plan:
    """Return the plan of a service before anything about it changes."""
    return planned(observed(service(replicas=replicas, rollout=STEPS, **spec)))


def versions(plan: Plan) -> list[Object]:
    return [one for one in build(plan) if one["kind"] in ("ControllerRevision", "Deployment")]


def canary(before: Plan, pods: list[Object] | None = None, replicas: int = 4, **said: Any) -> Observed:
    """Return facts of a service that tries another version."""
    asked = service(replicas=replicas, rollout=STEPS, **OTHER)
    stable = before.course.next.revision
    begun = planned(observed({**asked, "status": {"rollout": {"phase": "Stable", "revision": stable}}},
                             children=versions(before)))  # fmt: skip
    told = {"phase": "Canary", "revision": stable, "canaryRevision": begun.course.next.other, "step": 1, "weight": 0,
            "stepStartedAt": "2026-11-21T11:58:00Z", "verdict": "Waiting", **said}  # fmt: skip
    return observed({**asked, "status": {"rollout": told}}, children=versions(begun), pods=pods or [])


def tried(of: Observed, name: str = "canary-1", **more: Any) -> Object:
    """Return a worker of the version that is tried."""
    made = pod(name, created="2026-11-21T11:50:00Z", **more)
    revision = of.service["status"]["rollout"]["canaryRevision"]
    made["metadata"]["labels"] |= {REVISION_LABEL: revision, TRACK_LABEL: CANARY_TRACK}
    return made


def deployments(plan: Plan) -> dict[str, Object]:
    return {one["metadata"]["name"]: one for one in build(plan) if one["kind"] == "Deployment"}


@pytest.mark.parametrize(
    ("replicas", "step", "expected"),
    [
        pytest.param(4, 1, 1, id="a tenth of four is one"),
        pytest.param(4, 2, 3, id="six tenths of four are three"),
        pytest.param(1, 1, 1, id="a tenth of one is one"),
        pytest.param(0, 1, 0, id="of none there is none"),
    ],
)
def test_a_canary_has_as_many_workers_as_its_share_takes(replicas: int, step: int, expected: int) -> None:
    plan = planned(canary(running(replicas), replicas=replicas, step=step))
    made = deployments(plan)
    assert made["chat-shared"]["spec"]["replicas"] == replicas
    assert made["chat-shared-canary"]["spec"]["replicas"] == expected


def test_the_workers_of_a_canary_are_told_apart_and_those_in_use_stay_what_they_are() -> None:
    before = running()
    facts = canary(before)
    made = deployments(planned(facts))
    assert made["chat-shared"] == deployments(before)["chat-shared"]
    spec = made["chat-shared-canary"]["spec"]
    labels = spec["template"]["metadata"]["labels"]
    assert labels[TRACK_LABEL] == CANARY_TRACK
    assert labels[REVISION_LABEL] == facts.service["status"]["rollout"]["canaryRevision"]
    assert spec["selector"]["matchLabels"].items() <= labels.items()
    assert TRACK_LABEL not in made["chat-shared"]["spec"]["template"]["metadata"]["labels"]


def test_what_is_decided_is_stored_before_it_is_built() -> None:
    facts = canary(running(), step=2, weight=60)
    counted = {facts.service["status"]["rollout"]["canaryRevision"]: Compared(Counts(500), Counts(500))}
    workers = [tried(facts, f"canary-{number}", ready=True) for number in range(3)]
    plan = planned(replace(facts, pods=tuple(workers), tallies=counted))
    assert (plan.course.stored.phase, plan.course.next.phase) == ("Canary", "Promoting")
    assert plan.versions["shared"].revision == plan.course.next.revision


@pytest.mark.parametrize(
    ("worker", "words"),
    [
        pytest.param(
            {"main": {"state": {"waiting": {"reason": "CrashLoopBackOff"}},
                      "lastState": {"terminated": {"exitCode": 3, "message": "no such flag"}}}},
            "ended with exit code 3",
            id="it ends",
        ),
        pytest.param({"ready": True, "main": {"restartCount": 2}}, "had to be started again, 2 times", id="again"),
        pytest.param(
            {"main": {"state": {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}}},
            "cannot be pulled",
            id="it has no image",
        ),
    ],
)  # fmt: skip
def test_a_canary_that_will_never_serve_is_taken_back(worker: Object, words: str) -> None:
    facts = canary(running())
    plan = planned(replace(facts, pods=(tried(facts, **worker),)))
    assert plan.course.next.phase == "RollingBack"
    assert words in plan.course.next.message


def test_an_image_that_cannot_be_had_at_first_is_waited_for() -> None:
    facts = canary(running())
    late = tried(facts, main={"state": {"waiting": {"reason": "ErrImagePull"}}})
    late["metadata"]["creationTimestamp"] = "2026-11-21T11:59:00Z"
    assert planned(replace(facts, pods=(late,))).course.next.phase == "Canary"


def test_a_canary_is_no_worker_of_its_pool() -> None:
    facts = canary(running(1), replicas=1)
    mine = pod(ready=True)
    mine["metadata"]["labels"][REVISION_LABEL] = facts.service["status"]["rollout"]["revision"]
    facts = replace(facts, pods=(mine, tried(facts, ready=True), tried(facts, "canary-2")))
    plan = planned(facts)
    found = summarize(facts, plan, None, SETTINGS)
    assert (found["ready"], found["replicas"]) == ("1/1", 1)
    assert condition(found, "Degraded")["status"] == "False"
    assert condition(found, "Progressing")["reason"] == "CanaryRunning"


def test_a_version_that_is_decided_on_and_not_built_yet_is_under_way() -> None:
    """Whoever waits for the new spec must not be told that its workers are there before one was changed."""
    before = planned(observed(service(replicas=1)))
    stable = before.course.next.revision
    children = [rolled_out(one) if one["kind"] == "Deployment" else one for one in versions(before)]
    asked = {**service(replicas=1, **OTHER), "status": {"rollout": {"phase": "Stable", "revision": stable}}}
    facts = observed(asked, children=children, pods=[pod(ready=True)])
    plan = planned(facts)
    assert (plan.course.stored.phase, plan.course.next.phase) == ("Stable", "Promoting")
    found = condition(summarize(facts, plan, None, SETTINGS), "Progressing")
    assert (found["status"], found["reason"]) == ("True", "RollingOut")
    assert found["message"] == "0 of 1 workers are of the current spec."


def rolled_out(deployment: Object) -> Object:
    """Return a Deployment with its one worker there, and of its own template."""
    count = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1)
    metadata = {**deployment["metadata"], "generation": 1}
    return {**deployment, "metadata": metadata, "status": {**count, "observedGeneration": 1}}


@pytest.mark.parametrize(
    ("word", "phase"),
    [("promote:{canary}", "Promoting"), ("abort:{canary}", "RollingBack"), ("promote:0000000000", "Canary"),
     ("promote:", "Canary"), ("nonsense:{canary}", "Canary")],
)  # fmt: skip
def test_a_word_counts_for_the_version_it_names(word: str, phase: str) -> None:
    facts = canary(running())
    said = word.format(canary=facts.service["status"]["rollout"]["canaryRevision"])
    metadata = {**facts.service["metadata"], "annotations": {ROLLOUT_ANNOTATION: said}}
    plan = planned(replace(facts, service={**facts.service, "metadata": metadata}))
    assert plan.course.next.phase == phase


def test_a_canary_gets_no_request_while_its_spec_cannot_be_brought_about() -> None:
    facts = canary(running(), weight=10)
    found = summarize(facts, None, Stalled("InvalidValue", "no"), SETTINGS)["rollout"]
    assert (found["phase"], found["weight"], found["verdict"]) == ("Canary", 0, "Waiting")
    assert entry({"rollout": {"phase": "Stable", "revision": "a"}}, None) == {
        "phase": "Stable",
        "revision": "a",
    }
    assert entry(None, None) == {}


def test_what_both_did_stays_in_the_status_of_a_version_that_was_taken_back() -> None:
    facts = canary(
        running(), phase="RolledBack", verdict="Failed", message="bad", canary={"requests": 9, "errors": 9}
    )
    facts = replace(facts, pods=tuple(pod(f"w{number}", ready=True) for number in range(4)))
    found = summarize(facts, planned(facts), None, SETTINGS)
    assert found["rollout"]["canary"] == {"requests": 9, "errors": 9}
    assert condition(found, "Degraded")["reason"] == "RolloutRolledBack"


ROLLOUT = {"revision": "old", "canaryRevision": "new", "message": "why"}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(None, {"phase": "Stable", "revision": "a"}, [], id="a first version"),
        pytest.param(
            {"phase": "Stable", "revision": "old"},
            {**ROLLOUT, "phase": "Canary"},
            ["RolloutStarted"],
            id="begun",
        ),
        pytest.param(
            {**ROLLOUT, "phase": "Canary"},
            {**ROLLOUT, "phase": "Promoting"},
            [],
            id="promoting is no news of its own",
        ),
        pytest.param(
            {**ROLLOUT, "phase": "Promoting"},
            {"phase": "Stable", "revision": "new"},
            ["RolloutPromoted"],
            id="done",
        ),
        pytest.param(
            {**ROLLOUT, "phase": "Canary"},
            {**ROLLOUT, "phase": "RollingBack"},
            ["RolloutRolledBack"],
            id="back",
        ),
        pytest.param(
            {**ROLLOUT, "phase": "Canary"},
            {**ROLLOUT, "phase": "Canary", "verdict": "Failed"},
            ["RolloutPaused"],
            id="waiting for a person",
        ),
        pytest.param(
            {**ROLLOUT, "phase": "RollingBack"},
            {**ROLLOUT, "phase": "RolledBack"},
            [],
            id="it was told already",
        ),
        pytest.param(
            {**ROLLOUT, "phase": "Promoting"},
            {"revision": "new", "canaryRevision": "third", "phase": "Canary"},
            ["RolloutPromoted", "RolloutStarted"],
            id="one after the other",
        ),
    ],
)
def test_events(before: Object | None, after: Object, expected: list[str]) -> None:
    assert [
        reason for reason, _ in changes({"rollout": before} if before else None, {"rollout": after})
    ] == expected


def test_a_failure_is_announced_once_and_as_a_warning() -> None:
    facts = canary(running(), weight=10)
    revision = facts.service["status"]["rollout"]["canaryRevision"]
    metadata = {**facts.service["metadata"], "annotations": {ROLLOUT_ANNOTATION: f"abort:{revision}"}}
    ready = [pod(f"w{number}", ready=True) for number in range(4)]
    facts = replace(facts, pods=tuple(ready))
    before = summarize(facts, planned(facts), None, SETTINGS)
    facts = replace(facts, service={**facts.service, "metadata": metadata})
    said = transitions(before, summarize(facts, planned(facts), None, SETTINGS))
    assert [(one.type, one.reason) for one in said] == [("Warning", "RolloutRolledBack")]


def test_time_is_the_facts() -> None:
    assert planned(canary(running(), stepStartedAt=None)).course.next.step_started_at == NOW
