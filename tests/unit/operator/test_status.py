"""What the status says of each situation: the reason, the words of whoever knows, the phase."""

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objects import (
    EARLIER,
    NOW,
    Object,
    claim,
    classes,
    condition,
    crash_loop,
    dedicated,
    deployment,
    observed,
    pod,
    service,
    status,
    waiting,
)
from tidegate_api.v1alpha1 import LLMServiceStatus
from tidegate_operator.facts import ClassTraffic, Observed, PoolTraffic
from tidegate_operator.reasons import REASONS
from tidegate_operator.status import transitions


@dataclass(frozen=True)
class Case:
    """A situation, and what Ready says of it."""

    sentence: str
    facts: Observed
    reason: str
    phase: str
    says: str = ""

    def __str__(self) -> str:
        return self.sentence


def said(reason: str, message: str) -> Object:
    """Return a container that the worker's own last word ended."""
    return crash_loop(78, "INFO loading\n" + json.dumps({"reason": reason, "message": message}))


def unscheduled(words: str) -> Object:
    unfit = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}
    return pod(phase="Pending", conditions=[unfit], containerStatuses=[])


def replica_failure(words: str) -> Object:
    return deployment(
        None, {"type": "ReplicaFailure", "status": "True", "message": words}, updated=0, total=0
    )


def sandbox(since: str) -> Object:
    made = {"type": "PodReadyToStartContainers", "status": "False", "lastTransitionTime": since}
    return pod(phase="Pending", conditions=[made], main=waiting("ContainerCreating"))


def evicted(since: str) -> Object:
    ended = {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": since}
    return pod(
        "chat-shared-abc-0",
        phase="Failed",
        conditions=[ended],
        reason="Evicted",
        message="The node was low on resource: memory.",
    )


def going(worker: Object) -> Object:
    return {**worker, "metadata": {**worker["metadata"], "deletionTimestamp": EARLIER}}


FORBIDDEN = 'violates PodSecurity "restricted:latest": hostPath volumes'
STALLED_ROLLOUT = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
PULL = 'rpc error: pulling "x": not found'
TRACEBACK = "Traceback (most recent call last):\n" + "x\n" * 50 + "\x1b[31mRuntimeError: no kernel\x1b[0m\n"
LATELY, LONG_AGO = "2026-11-21T11:59:00Z", "2026-11-21T10:00:00Z"
A_MINUTE_AGO, MINUTES_AGO = "2026-11-21T11:59:00Z", "2026-11-21T11:57:00Z"

CASES = [
    Case(
        "a worker answers",
        observed(pods=[pod(ready=True)], children=[deployment()]),
        "Serving",
        "Ready",
        "1 of 1 workers answer at http://tidegate-gateway.tidegate-system.svc/v1.",
    ),
    Case(
        "nothing is there yet",
        observed(),
        "WorkersStarting",
        "Loading",
        "0 of 1 workers answer; 0 are starting.",
    ),
    Case(
        "the worker is loading the model",
        observed(pods=[pod()]),
        "ModelLoading",
        "Loading",
        "'chat-shared-abc-1' is loading",
    ),
    Case(
        "the container is being made",
        observed(pods=[pod(main=waiting("ContainerCreating"))]),
        "WorkersStarting",
        "Loading",
    ),
    Case("nobody wants a worker", observed(service(suspend=True)), "Suspended", "Suspended", "spec.suspend"),
    Case("none are asked for", observed(service(replicas=0)), "ScaledToZero", "Suspended", "spec.replicas"),
    Case(
        "suspended, and the last worker still there",
        observed(service(suspend=True), pods=[pod(ready=True)]),
        "Suspended",
        "Suspended",
    ),
    Case(
        "suspended without a claim",
        observed(service(suspend=True), lost_claim=True),
        "Suspended",
        "Suspended",
    ),
    Case(
        "the claim is not there",
        observed(lost_claim=True, pods=[unscheduled('persistentvolumeclaim "weights" not found')]),
        "VolumeClaimNotFound",
        "Pending",
        "PersistentVolumeClaim 'weights', named by spec.model.uri, is not in namespace 'team-a'",
    ),
    Case(
        "the claim has no volume",
        observed(has_claim=claim("Pending"), pods=[unscheduled("unbound immediate PersistentVolumeClaims")]),
        "VolumeClaimPending",
        "Pending",
        "kubectl describe pvc weights -n team-a",
    ),
    Case(
        "the claim waits for a worker that fits nowhere",
        observed(has_claim=claim("Pending"), pods=[unscheduled("0/1 nodes: 1 Insufficient cpu.")]),
        "Unschedulable",
        "Pending",
        "no node can take Pod 'chat-shared-abc-1': 0/1 nodes: 1 Insufficient cpu.",
    ),
    Case(
        "the claim's volume is gone", observed(has_claim=claim("Lost")), "VolumeClaimLost", "Failed", "gone"
    ),
    *(
        Case(
            f"the worker says {reason}",
            observed(pods=[pod(main=said(reason, f"/models/smollm2: {reason}, do this"))]),
            reason,
            "Failed",
            f"/models/smollm2: {reason}, do this (Pod 'chat-shared-abc-1')",
        )
        for reason in (
            "ModelNotFound",
            "CorruptWeights",
            "UnsafeFormat",
            "UnsupportedArchitecture",
            "InvalidModelConfig",
            "InsufficientMemory",
        )
    ),
    Case(
        "the worker says what nobody knows",
        observed(pods=[pod(main=said("Surprise", "x"))]),
        "EngineCrashed",
        "Failed",
        '"Surprise"',
    ),
    Case(
        "no node has room",
        observed(pods=[unscheduled("0/3 nodes are available: 3 Insufficient nvidia.com/gpu.")]),
        "Unschedulable",
        "Pending",
        "3 Insufficient nvidia.com/gpu",
    ),
    Case(
        "the image is not there",
        observed(pods=[pod(phase="Pending", main=waiting("ErrImagePull", PULL))]),
        "ImagePullFailed",
        "Failed",
        "image 'tidegate/worker-cpu:0.1.0' of container 'main'",
    ),
    Case(
        "a Secret of the template is missing",
        observed(pods=[pod(main=waiting("CreateContainerConfigError", 'secret "x" not found'))]),
        "ContainerNotCreated",
        "Failed",
        'CreateContainerConfigError): secret "x" not found',
    ),
    Case(
        "the command is not in the image",
        observed(pods=[pod(main=crash_loop(128, "exec: python3: not found", "StartError"))]),
        "ContainerNotCreated",
        "Failed",
        "exec: python3: not found",
    ),
    Case(
        "the kernel killed it for memory",
        observed(pods=[pod(main=crash_loop(137, "", "OOMKilled"))]),
        "OutOfMemory",
        "Failed",
        "more memory than its limit (6Gi)",
    ),
    Case(
        "something killed it",
        observed(pods=[pod(main=crash_loop(137))]),
        "OutOfMemory",
        "Failed",
        "was killed (exit code 137)",
    ),
    Case(
        "the engine ended by itself",
        observed(pods=[pod(main=crash_loop(1, TRACEBACK))]),
        "EngineCrashed",
        "Failed",
        "ended with exit code 1 and is being started again; the last it said: x\n",
    ),
    Case(
        "the engine ended without a word",
        observed(pods=[pod(main=crash_loop(2))]),
        "EngineCrashed",
        "Failed",
        "exit code 2 and is being started again, without a word",
    ),
    Case(
        "the engine ended and loads again",
        observed(pods=[pod(main={**crash_loop(1, "boom"), "state": {"running": {}}})]),
        "EngineCrashed",
        "Failed",
        "boom",
    ),
    Case(
        "an init container of the user's failed",
        observed(
            pods=[pod(initContainerStatuses=[{"name": "fetch", "ready": False, **crash_loop(1, "no route")}])]
        ),
        "EngineCrashed",
        "Failed",
        "container 'fetch'",
    ),
    Case(
        "the API server refuses Pods",
        observed(children=[replica_failure(f'pods "chat-shared-abc-x" is forbidden: {FORBIDDEN}')]),
        "PodsForbidden",
        "Failed",
        f"refuses the workers' Pods: {FORBIDDEN}",
    ),
    Case(
        "the node does not come to the Pod's containers",
        observed(pods=[sandbox(MINUTES_AGO)]),
        "PodNotStarted",
        "Pending",
        "kubectl describe pod chat-shared-abc-1 -n team-a",
    ),
    Case(
        "the node has had a minute for the Pod",
        observed(pods=[sandbox(A_MINUTE_AGO)]),
        "WorkersStarting",
        "Loading",
    ),
    Case(
        "the node evicted the worker lately",
        observed(pods=[evicted(LATELY), pod(main=waiting("ContainerCreating"))]),
        "WorkerEvicted",
        "Pending",
        "(Evicted): The node was low on resource: memory.",
    ),
    Case(
        "an eviction is long ago",
        observed(pods=[evicted(LONG_AGO), pod(main=waiting("ContainerCreating"))]),
        "WorkersStarting",
        "Loading",
    ),
    Case(
        "an hour has passed and nothing is known",
        observed(pods=[pod()], children=[deployment(None, STALLED_ROLLOUT)]),
        "RolloutStalled",
        "Failed",
        "for an hour",
    ),
    Case(
        "no gateway is up",
        observed(pods=[pod(ready=True)], children=[deployment()], gateways=0),
        "GatewayNotReady",
        "Pending",
        "Service 'tidegate-gateway' in namespace 'tidegate-system'",
    ),
    Case(
        "the spec is wrong before anything ran",
        observed(service(engine={"args": ["--hots"]})),
        "UnknownFlag",
        "Failed",
        "--hots",
    ),
    Case(
        "the spec became wrong while workers answer",
        observed(service(engine={"args": ["--hots"]}), pods=[pod(ready=True)]),
        "UnknownFlag",
        "Failed",
        "1 workers of the last valid spec still answer.",
    ),
    Case(
        "the cause of an older template's failure is corrected",
        observed(
            pods=[
                pod("chat-shared-old-1", main=crash_loop(1, "old"), template="old"),
                pod("chat-shared-new-1", template="new", created="2026-11-21T11:30:00Z"),
            ]
        ),
        "ModelLoading",
        "Loading",
        "chat-shared-new-1",
    ),
    Case(
        "one loads while the other has crashed",
        observed(service(replicas=2), pods=[pod(), pod("chat-shared-abc-2", main=crash_loop(1, "boom"))]),
        "EngineCrashed",
        "Failed",
        "chat-shared-abc-2",
    ),
    Case(
        "a worker that is going does not count",
        observed(pods=[going(pod(ready=True))]),
        "WorkersStarting",
        "Loading",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_ready_says_why(case: Case) -> None:
    found = status(case.facts)
    ready = condition(found, "Ready")
    assert (ready["reason"], found["phase"]) == (case.reason, case.phase)
    assert case.says in ready["message"]
    assert ready["status"] == ("True" if case.reason == "Serving" else "False")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_status_fits_the_schema_and_each_reason_is_documented(case: Case) -> None:
    found = status(case.facts)
    LLMServiceStatus.model_validate(found)
    for one in found["conditions"]:
        assert one["reason"] in REASONS
        assert one["message"]
        assert one["observedGeneration"] == 3
    assert [one["type"] for one in found["conditions"]] == [
        "Ready",
        "ConfigValid",
        "ModelReady",
        "WorkloadsReady",
        "RouteReady",
        "Progressing",
        "Degraded",
    ]


@pytest.mark.parametrize("hours", [0, 1, 1000])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_same_facts_later_give_the_same_bytes(case: Case, hours: int) -> None:
    first = status(case.facts)
    again = {**case.facts.service, "status": first}
    # What ages (a node that does not come to a Pod, an eviction) is another fact, with a test of its own.
    later = case.facts.now + timedelta(hours=hours if "node" not in case.sentence else 0)
    facts = observed(
        again,
        pods=case.facts.pods,
        children=case.facts.children,
        has_claim=case.facts.claim,
        lost_claim=case.facts.claim is None,
        gateways=case.facts.gateway_endpoints_ready,
        now=later,
    )
    assert json.dumps(status(facts)) == json.dumps(first)


STATES = st.sampled_from(
    [
        {"state": {"running": {}}},
        {},
        waiting("ContainerCreating"),
        waiting("ImagePullBackOff", "x"),
        waiting("CreateContainerError"),
        crash_loop(0, "", "Completed"),
        crash_loop(1, "boom"),
        crash_loop(137, "", "OOMKilled"),
        said("ModelNotFound", "x"),
    ]
)
PODS = st.builds(
    pod,
    name=st.sampled_from(["a", "b", "c"]),
    ready=st.booleans(),
    main=STATES,
    template=st.sampled_from(["old", "new"]),
    phase=st.sampled_from(["Pending", "Running", "Failed", "Succeeded", "Unknown"]),
)


@settings(deadline=None, max_examples=50)
@given(
    pods=st.lists(PODS, max_size=4),
    replicas=st.integers(-1, 3),
    suspend=st.booleans(),
    phase=st.sampled_from(["Bound", "Pending", "Lost"]),
    lost_claim=st.booleans(),
    gateways=st.integers(0, 1),
)
def test_whatever_is_there_the_status_fits_says_why_and_stays(
    *, pods: list[Object], replicas: int, suspend: bool, phase: str, lost_claim: bool, gateways: int
) -> None:
    def at(of: Object, minutes: int) -> Object:
        now = NOW + timedelta(minutes=minutes)
        facts = observed(
            of, pods=pods, has_claim=claim(phase), lost_claim=lost_claim, gateways=gateways, now=now
        )
        return status(facts)

    wanted = service(replicas=replicas, suspend=suspend)
    first = at(wanted, 0)
    LLMServiceStatus.model_validate(first)
    assert at({**wanted, "status": first}, 1) == first
    is_ready = condition(first, "Ready")["status"] == "True"
    assert is_ready == (first["phase"] in ("Ready", "Degraded"))
    assert not is_ready or first["readyReplicas"] > 0
    assert transitions(first, first) == []


def test_the_time_of_a_condition_is_that_of_its_status_not_of_its_words() -> None:
    loading = status(observed(pods=[pod()]))
    again = {**service(), "status": loading}
    later = NOW + timedelta(minutes=5)
    crashed = status(observed(again, pods=[pod(main=crash_loop(1))], now=later))
    assert condition(crashed, "Ready")["reason"] != condition(loading, "Ready")["reason"]
    assert condition(crashed, "Ready")["lastTransitionTime"] == "2026-11-21T12:00:00Z"
    serving = status(observed(again, pods=[pod(ready=True)], now=later))
    assert condition(serving, "Ready")["lastTransitionTime"] == "2026-11-21T12:05:00Z"


def test_a_refused_pods_random_name_is_not_repeated() -> None:
    texts = {
        condition(
            status(observed(children=[replica_failure(f'pods "chat-shared-{name}" is forbidden: quota')])),
            "Ready",
        )["message"]
        for name in ("abc", "def")
    }
    assert len(texts) == 1


def test_the_cause_of_a_failed_pull_reads_the_same_while_the_kubelet_waits() -> None:
    held = (("ErrImagePull", PULL), ("ImagePullBackOff", f'Back-off pulling image "x": ErrImagePull: {PULL}'))
    messages = [
        condition(status(observed(pods=[pod(main=waiting(*words))])), "Ready")["message"] for words in held
    ]
    assert messages[0] == messages[1]
    assert messages[0].endswith(PULL)


def test_a_crash_reads_the_same_all_through_its_loop() -> None:
    end = {"terminated": {"exitCode": 1, "reason": "Error", "message": "boom"}}
    states: list[Object] = [
        {"state": end},
        crash_loop(1, "boom"),
        {"state": {"running": {}}, "lastState": end},
    ]
    found = {condition(status(observed(pods=[pod(main=state)])), "Ready")["message"] for state in states}
    assert len(found) == 1


def test_a_log_is_cut_to_its_last_lines_without_colours() -> None:
    message = condition(status(observed(pods=[pod(main=crash_loop(1, TRACEBACK))])), "Ready")["message"]
    assert message.endswith("RuntimeError: no kernel")
    assert "Traceback" not in message
    assert "\x1b" not in message


@pytest.mark.parametrize(
    "log", ["{", "[1]", '"x"', "null", '{"reason": 1}', '{"reason": ["x"]}', "\0", "é" * 5000, "[" * 4000]
)
def test_no_log_breaks_the_status(log: str) -> None:
    found = status(observed(pods=[pod(main=crash_loop(1, log))]))
    LLMServiceStatus.model_validate(found)
    assert condition(found, "Ready")["reason"] == "EngineCrashed"


def test_numbers() -> None:
    pods = [pod(ready=True), pod("chat-shared-abc-2"), pod("chat-shared-abc-3", phase="Failed")]
    found = status(observed(service(replicas=3, model={"uri": "pvc://w", "name": "org/m"}), pods=pods))
    assert found["ready"] == "1/3"
    assert (found["replicas"], found["readyReplicas"], found["desiredReplicas"]) == (2, 1, 3)
    assert found["pools"] == [{"name": "shared", "desired": 3, "ready": 1}]
    assert found["modelName"] == "org/m"
    assert found["selector"] == (
        "serving.tidegate.dev/service=chat,serving.tidegate.dev/pool=shared,!serving.tidegate.dev/track"
    )
    assert found["url"].endswith("/v1")
    assert found["image"] == "tidegate/worker-cpu:0.1.0"


TWO_POOLS = classes(dedicated("high"), replicas=2)
HIGH_UNFIT = {**unscheduled("0/1 nodes are available"), "metadata": pod("h", pool="high")["metadata"]}


def test_pools_are_counted_apart_and_together() -> None:
    workers = [pod("h", pool="high", ready=True), pod("a", ready=True), pod("b")]
    found = status(observed(TWO_POOLS, pods=workers))
    assert found["pools"] == [
        {"name": "high", "desired": 1, "ready": 1},
        {"name": "shared", "desired": 2, "ready": 1},
    ]
    assert found["ready"] == "2/3"
    # Those of /scale are of the pool that spec.replicas sizes.
    assert (found["replicas"], found["readyReplicas"], found["desiredReplicas"]) == (2, 2, 3)
    assert condition(found, "Ready")["message"].startswith(
        "2 of 3 workers (high 1 of 1, shared 1 of 2) answer"
    )


@pytest.mark.parametrize(
    ("facts", "ready", "reason", "says"),
    [
        pytest.param(
            observed(TWO_POOLS, pods=[HIGH_UNFIT, pod("a", ready=True), pod("b", ready=True)]),
            "True",
            "Unschedulable",
            "pool 'high': no node can take Pod 'h'",
            id="the pool of high has no node, the shared one answers",
        ),
        pytest.param(
            observed(TWO_POOLS, pods=[HIGH_UNFIT, pod("a", main=crash_loop(1))]),
            "False",
            "Unschedulable",
            "pool 'high': ",
            id="nothing works: that of the highest class is told",
        ),
        pytest.param(
            observed(
                TWO_POOLS,
                pods=[pod("h", pool="high", ready=True)],
                children=[
                    deployment(TWO_POOLS, {"type": "ReplicaFailure", "status": "True", "message": "quota"})
                ],
            ),
            "True",
            "PodsForbidden",
            "pool 'shared': the API server refuses the workers' Pods: quota",
            id="the Pods of the shared pool are forbidden",
        ),
        pytest.param(
            observed(
                TWO_POOLS,
                pods=[pod(name, ready=True) for name in ("a", "b", "c")],
            ),
            "True",
            "WorkersStarting",
            "3 of 3 workers (high 0 of 1, shared 3 of 2) answer",
            id="a worker too many in one pool makes not up for one too few in another",
        ),
        pytest.param(
            observed(pods=[pod(ready=True), pod("h", pool="high", main=crash_loop(1))]),
            "True",
            "Serving",
            "1 of 1 workers (shared 1 of 1, high 0 of 0) answer",
            id="what ails a pool that is going is nobody's business any more",
        ),
        pytest.param(
            observed(TWO_POOLS, pods=[pod("h", pool="high", ready=True)], lost_claim=True),
            "True",
            "VolumeClaimNotFound",
            "PersistentVolumeClaim 'weights'",
            id="the model is the same for all pools",
        ),
    ],
)
def test_what_is_amiss_names_the_pool(facts: Observed, ready: str, reason: str, says: str) -> None:
    found = status(facts)
    assert condition(found, "Ready")["status"] == ready
    degraded = condition(found, "Degraded")
    assert degraded["reason"] == reason
    assert degraded["message"].startswith(says)


HELD = {"classes": {"high": ClassTraffic(3, 2, 80), "low": ClassTraffic(1, 0, None)}}
TRAFFIC = {"shared": PoolTraffic(credits_used=120, credits_limit=4096, **HELD)}
SHOWN = {
    "queued": 4,
    "running": 2,
    "creditsUsed": 120,
    "creditsLimit": 4096,
    "classes": [
        {"name": "high", "queued": 3, "running": 2, "sharePercent": 80},
        {"name": "low", "queued": 1, "running": 0},
    ],
}


def with_status(of: Object, before: Object) -> Object:
    return {**of, "status": before}


def test_what_the_gateways_hold_is_shown_by_pool() -> None:
    found = status(replace(observed(TWO_POOLS), traffic=TRAFFIC))
    LLMServiceStatus.model_validate(found)
    assert found["pools"] == [
        {"name": "high", "desired": 1, "ready": 0},
        {"name": "shared", "desired": 2, "ready": 0, **SHOWN},
    ]


def test_what_the_gateways_hold_stays_as_it_was_while_it_is_not_known() -> None:
    before = status(replace(observed(TWO_POOLS), traffic=TRAFFIC))
    after = status(observed(with_status(TWO_POOLS, before), pods=[pod(ready=True)]))
    assert after["pools"][1] == {"name": "shared", "desired": 2, "ready": 1, **SHOWN}
    gone = status(replace(observed(with_status(TWO_POOLS, before)), traffic={}))
    assert gone["pools"][1] == {"name": "shared", "desired": 2, "ready": 0}


def test_no_worker_in_any_pool_is_asked_for() -> None:
    found = status(observed(classes(dedicated("high", 0), replicas=0)))
    ready = condition(found, "Ready")
    assert (ready["reason"], found["phase"]) == ("ScaledToZero", "Suspended")
    assert "qos.classes.replicas" in ready["message"]


def test_a_rollout_is_over_when_it_is_over_in_each_pool() -> None:
    workers = [pod("h", pool="high", ready=True), pod("a", ready=True), pod("b", ready=True)]
    done = [deployment(TWO_POOLS, pool="high"), deployment(TWO_POOLS, updated=2, total=2)]
    assert (
        condition(status(observed(TWO_POOLS, pods=workers, children=done)), "Progressing")["status"]
        == "False"
    )
    still = [deployment(TWO_POOLS, pool="high", total=2), done[1]]
    rolling = condition(status(observed(TWO_POOLS, pods=workers, children=still)), "Progressing")
    assert (rolling["reason"], rolling["message"]) == (
        "RollingOut",
        "3 of 3 workers are of the current spec.",
    )


def test_the_pools_of_the_last_valid_spec_are_shown_while_the_present_one_is_refused() -> None:
    of = classes(*(dedicated(name) for name in ("high", "medium", "low")), engine={"args": ["--nonsense"]})
    found = status(observed(of, pods=[pod(ready=True)]))
    assert found["pools"][-1] == {"name": "shared", "desired": 0, "ready": 1}
    assert "1 workers of the last valid spec still answer" in condition(found, "Ready")["message"]


@pytest.mark.parametrize(
    ("facts", "value", "reason", "phase"),
    [
        pytest.param(
            observed(service(replicas=2), pods=[pod(ready=True), pod("b", main=crash_loop(1))]),
            "True",
            "EngineCrashed",
            "Degraded",
            id="one answers, one has crashed",
        ),
        pytest.param(
            observed(service(replicas=2), pods=[pod(ready=True), pod("b")]),
            "True",
            "ModelLoading",
            "Degraded",
            id="one answers, one is loading",
        ),
        pytest.param(
            observed(service(replicas=2), pods=[pod(ready=True)]),
            "True",
            "WorkersStarting",
            "Degraded",
            id="one answers, one is not there",
        ),
        pytest.param(
            observed(
                pods=[
                    pod(ready=True, template="old"),
                    pod(
                        "new", template="new", created=LATELY, main=said("ModelNotFound", "no such directory")
                    ),
                ]
            ),
            "True",
            "ModelNotFound",
            "Degraded",
            id="all answer, but the new spec's worker cannot start",
        ),
        pytest.param(
            observed(pods=[pod(ready=True, template="old"), pod("new", template="new", created=LATELY)]),
            "False",
            "Serving",
            "Ready",
            id="all answer while the new spec's worker loads",
        ),
    ],
)
def test_a_model_that_answers_is_ready_and_what_is_amiss_is_in_degraded(
    facts: Observed, value: str, reason: str, phase: str
) -> None:
    found = status(facts)
    assert condition(found, "Ready")["status"] == "True"
    degraded = condition(found, "Degraded")
    assert (degraded["status"], degraded["reason"], found["phase"]) == (value, reason, phase)


@pytest.mark.parametrize(
    ("facts", "value", "reason"),
    [
        pytest.param(observed(), "True", "WorkersStarting", id="nothing is there yet"),
        pytest.param(
            observed(pods=[pod(ready=True)], children=[deployment()]),
            "False",
            "WorkersReady",
            id="all is done",
        ),
        pytest.param(
            observed(pods=[pod(ready=True)], children=[deployment(service(engine={"maxModelLen": 9}))]),
            "True",
            "RollingOut",
            id="another spec is applied than is wanted",
        ),
        pytest.param(
            observed(pods=[pod(ready=True)], children=[deployment(updated=1, total=2)]),
            "True",
            "RollingOut",
            id="a worker of the old spec is still there",
        ),
        pytest.param(
            observed(
                service(replicas=2),
                pods=[pod(ready=True)],
                children=[deployment(service(replicas=2), updated=2, total=2)],
            ),
            "True",
            "WorkersStarting",
            id="a worker is on its way",
        ),
        pytest.param(
            observed(
                pods=[pod(ready=True)], children=[deployment(None, STALLED_ROLLOUT, updated=1, total=2)]
            ),
            "False",
            "RolloutStalled",
            id="nothing moves any more",
        ),
        pytest.param(observed(service(suspend=True)), "False", "Suspended", id="nobody wants a worker"),
        pytest.param(observed(service(replicas=-1)), "False", "InvalidValue", id="the spec is wrong"),
    ],
)
def test_progressing(facts: Observed, value: str, reason: str) -> None:
    found = condition(status(facts), "Progressing")
    assert (found["status"], found["reason"]) == (value, reason)


def test_another_ones_deployment_says_nothing_about_us() -> None:
    foreign = replica_failure("quota")
    foreign = {**foreign, "metadata": {**foreign["metadata"], "ownerReferences": []}}
    found = status(observed(children=[foreign]))
    assert condition(found, "Ready")["reason"] == "NameConflict"
    assert condition(found, "WorkloadsReady")["reason"] == "NotChecked"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(None, observed(), [], id="the first status, of what has just begun"),
        pytest.param(observed(), observed(), [], id="nothing has changed"),
        pytest.param(observed(), observed(pods=[pod()]), [], id="a step on the way"),
        pytest.param(
            observed(), observed(pods=[pod(main=crash_loop(1))]), [("Warning", "EngineCrashed")], id="a crash"
        ),
        pytest.param(observed(), observed(service(suspend=True)), [("Normal", "Suspended")], id="suspended"),
        pytest.param(observed(), observed(pods=[pod(ready=True)]), [("Normal", "Serving")], id="it answers"),
        pytest.param(
            observed(service(replicas=2), pods=[pod(ready=True), pod("b", ready=True)]),
            observed(service(replicas=2), pods=[pod(ready=True), pod("b", main=crash_loop(1))]),
            [("Warning", "EngineCrashed")],
            id="one of two crashes",
        ),
        pytest.param(
            observed(service(replicas=2), pods=[pod(ready=True), pod("b", main=crash_loop(1))]),
            observed(service(replicas=2), pods=[pod(ready=True), pod("b", ready=True)]),
            [("Normal", "Serving")],
            id="the second one recovers",
        ),
        pytest.param(
            observed(service(replicas=2), pods=[pod(ready=True), pod("b")]),
            observed(service(replicas=2), pods=[pod(ready=True), pod("b", ready=True)]),
            [],
            id="the second one has started too",
        ),
        pytest.param(
            observed(pods=[pod(main=crash_loop(1, "one"))]),
            observed(pods=[pod(main=crash_loop(1, "two"))]),
            [],
            id="other words for the same reason",
        ),
    ],
)
def test_events_are_for_changes(old: Observed | None, new: Observed, expected: list[tuple[str, str]]) -> None:
    before: dict[str, Any] | None = status(old) if old is not None else None
    assert [(one.type, one.reason) for one in transitions(before, status(new))] == expected
