"""What the oracle of the trials calls a difference, and what it does not."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.audit import Written
from chaos.faults import Fault, Place, Plan, call_of, steady
from chaos.oracle import End, differences, end_of, reference_of


def pod(name: str = "chat-5fcd5f744-bcdfg", **more: Any) -> dict[str, Any]:
    """Return a Pod that a Deployment's controller has made."""
    return {"kind": "Pod", "metadata": {"name": name, "uid": name, "resourceVersion": name}, **more}


def end(*objects: dict[str, Any], writes: tuple[Written, ...] = ()) -> End:
    return end_of(objects, writes, "chaos-7")


def made(target: str, code: int = 201, verb: str = "patch") -> Written:
    return Written("somebody", verb, target, code)


CLEAN = [
    end(pod(status={"phase": "Running", "ip": "10.0.0.1"}), writes=(made("services/chat"), made("pods"))),
    end(pod(status={"phase": "Running", "ip": "10.0.0.2"}), writes=(made("services/chat"), made("pods"))),
]


def test_another_run_without_a_fault_does_not_differ_in_what_differs_by_itself() -> None:
    run = end(
        pod(status={"phase": "Running", "ip": "10.0.0.3"}), writes=(made("pods"), made("services/chat"))
    )
    assert differences(run, reference_of(CLEAN)) == []


DIFFERENT = {
    "a field has another value": end(
        pod(status={"phase": "Pending"}), writes=(made("services/chat"), made("pods"))
    ),
    "an object is left over": end(
        pod(status={"phase": "Running"}),
        {"kind": "Job", "metadata": {"name": "left", "uid": "1"}},
        writes=(made("services/chat"), made("pods")),
    ),
    "an object is not there": end(writes=(made("services/chat"), made("pods"))),
    "a Pod is there twice": end(
        pod(status={"phase": "Running"}),
        pod("chat-5fcd5f744-xxxxx", status={"phase": "Running"}),
        writes=(made("services/chat"), made("pods")),
    ),
    "a Pod was made once more": end(
        pod(status={"phase": "Running"}), writes=(made("services/chat"), made("pods"), made("pods"))
    ),
    "a Pod was deleted on the way": end(
        pod(status={"phase": "Running"}),
        writes=(made("services/chat"), made("pods"), made("pods/chat-5fcd5f744-zzzzz", 200, "delete")),
    ),
    "a child was never made": end(pod(status={"phase": "Running"}), writes=(made("pods"),)),
}


@pytest.mark.parametrize("run", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_a_run_differs_when(run: End) -> None:
    assert differences(run, reference_of(CLEAN)) != []


@pytest.mark.parametrize(
    ("code", "differs"),
    [
        pytest.param(504, False, id="its sender was killed while the API server was at it"),
        pytest.param(0, False, id="the API server says nothing of it"),
        pytest.param(422, True, id="it was refused"),
    ],
)
def test_a_child_that_is_there_may_have_been_made_by_a_write_of_which_no_answer_is_told(
    code: int, differs: bool
) -> None:
    run = end(pod(status={"phase": "Running"}), writes=(made("services/chat", code), made("pods")))
    assert (differences(run, reference_of(CLEAN)) != []) is differs


def test_an_owner_that_is_gone_is_not_the_one_of_that_name_who_is_there_now() -> None:
    owner = {"kind": "LLMService", "metadata": {"name": "chat", "uid": "new"}}
    kept, orphan = (pod(), pod())
    kept["metadata"]["ownerReferences"] = [{"name": "chat", "uid": "new"}]
    orphan["metadata"]["ownerReferences"] = [{"name": "chat", "uid": "old"}]
    assert differences(end(owner, orphan), reference_of([end(owner, kept)] * 2)) != []


def test_a_refused_write_and_one_of_a_status_make_nothing() -> None:
    run = end(writes=(made("services/chat", 409), made("llmservices/chat/status", 201)))
    assert (run.made, run.deleted) == ({}, {})


@pytest.mark.parametrize(
    ("method", "path", "known_as"),
    [
        ("PATCH", "/api/v1/namespaces/chaos-1/services/chat", ("patch", "services/chat")),
        (
            "PATCH",
            "/apis/serving.tidegate.dev/v1alpha1/namespaces/chaos-1/llmservices/chat/status",
            ("patch", "llmservices/chat/status"),
        ),
        ("GET", "/apis/apps/v1/deployments", ("read", "deployments")),
        ("GET", "/api/v1/namespaces/chaos-1", ("read", "namespaces/chaos-1")),
        (
            "DELETE",
            "/api/v1/namespaces/x/pods/chat-shared-5fcd5f744-bcdfg",
            ("delete", "pods/chat-shared-POD"),
        ),
    ],
)
def test_a_call_is_known_by_its_verb_and_target(method: str, path: str, known_as: tuple[str, str]) -> None:
    assert call_of(method, path) == known_as


@pytest.mark.parametrize("name", ["chat", "chat-shared", "chat-inspect-wmay", "chat-d8b5e4d625", "chat-high"])
def test_a_name_that_the_operator_gives_stays_as_it_is(name: str) -> None:
    assert steady(name) == name


def test_a_plan_is_read_as_it_is_written() -> None:
    plan = Plan(Place("patch", "services/chat", 2), Fault.KILL_APPLIED)
    assert Plan.read(str(plan)) == plan
    with pytest.raises(ValueError, match="names no fault"):
        Plan.read("kill services")
