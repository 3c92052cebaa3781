"""Another engine than vLLM: what its container is given, what is said of it, and how its workers are counted."""

from datetime import timedelta
from typing import Any

import pytest

from objects import NOW, Object, condition, crash_loop, manifest, observed, planned, pod, service, status
from tidegate_api.settings import Settings
from tidegate_operator.errors import Stalled
from tidegate_operator.resolve import resolve
from tidegate_operator.scaling.replay import load
from unit.operator.fakes import KEY
from unit.operator.scaled import World, scaled

IMAGE = {"type": "Custom", "image": "example.com/engine:1"}
CLOSED = Settings.model_validate({"networkPolicy": {"enabled": True}})
LONG_AGO = (NOW - timedelta(minutes=3)).isoformat()
JUST_NOW = (NOW - timedelta(minutes=1)).isoformat()


def custom(**fields: Any) -> Object:
    """Return an LLMService of another engine whose model is one file."""
    return service(model={"uri": "pvc://weights/tiny.gguf", "name": "tiny"}, engine={**IMAGE, **fields})


def template(of: Object) -> dict[str, Any]:
    found: dict[str, Any] = manifest("Deployment", of)["spec"]["template"]
    return found


def main(of: Object) -> dict[str, Any]:
    found: dict[str, Any] = template(of)["spec"]["containers"][0]
    return found


def test_a_container_without_words_is_its_image_s_own() -> None:
    assert "command" not in main(custom())
    assert "args" not in main(custom())


def test_a_container_is_started_with_the_words_of_its_user_and_no_other() -> None:
    made = main(custom(command=["serve"], args=["--model", "$(MODEL_PATH)", "--anything"]))
    assert made["command"] == ["serve"]
    assert made["args"] == ["--model", "$(MODEL_PATH)", "--anything"]


def test_what_to_serve_is_in_variables_before_those_that_may_name_them() -> None:
    env = main(custom(port=9000, maxNumSeqs=4, env=[{"name": "ALIAS", "value": "$(MODEL_NAME)"}]))["env"]
    assert env[:4] == [
        {"name": "MODEL_PATH", "value": "/models/tiny.gguf"},
        {"name": "MODEL_NAME", "value": "tiny"},
        {"name": "PORT", "value": "9000"},
        {"name": "MAX_NUM_SEQS", "value": "4"},
    ]
    assert env[-1] == {"name": "ALIAS", "value": "$(MODEL_NAME)"}
    assert not [one["name"] for one in env if one["name"].startswith("VLLM")]


@pytest.mark.parametrize("name", ["MODEL_PATH", "MODEL_NAME", "PORT", "MAX_NUM_SEQS"])
def test_a_variable_that_is_tidegates_is_refused(name: str) -> None:
    with pytest.raises(Stalled, match=rf"env\[0\]: {name} may not be set") as refused:
        resolve(observed(custom(env=[{"name": name, "value": "x"}])), Settings())
    assert refused.value.reason == "ForbiddenVariable"


def test_its_port_is_the_containers_the_probes_and_the_networks() -> None:
    of = custom(port=9000, healthPath="/ping", readyPath="/up")
    made = main(of)
    assert made["ports"] == [{"name": "http", "containerPort": 9000, "protocol": "TCP"}]
    assert [made[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")] == [
        "/ping",
        "/up",
        "/ping",
    ]
    policy = manifest("NetworkPolicy", of, CLOSED)
    assert policy["spec"]["ingress"][0]["ports"] == [{"port": 9000, "protocol": "TCP"}]


def test_unless_told_otherwise_it_is_asked_where_vllm_is() -> None:
    theirs, ours = main(custom()), main(service())
    for field in ("ports", "startupProbe", "readinessProbe", "livenessProbe", "lifecycle", "securityContext"):
        assert theirs[field] == ours[field]


def test_its_pod_is_as_closed_and_drains_as_long_as_vllms() -> None:
    theirs, ours = template(custom())["spec"], template(service())["spec"]
    for field in ("securityContext", "terminationGracePeriodSeconds", "automountServiceAccountToken"):
        assert theirs[field] == ours[field]


def test_nobody_is_told_to_read_metrics_that_it_may_not_have() -> None:
    assert "annotations" not in template(custom())["metadata"]


def test_a_port_of_the_template_may_not_be_the_engines() -> None:
    of = custom(port=9000)
    container = {"name": "main", "ports": [{"containerPort": 9000, "name": "metrics"}]}
    of["spec"]["podTemplate"] = {"spec": {"containers": [container]}}
    with pytest.raises(Stalled, match="http is 9000"):
        resolve(observed(of), Settings())


def test_nobody_looks_into_its_model_and_nothing_is_reckoned_of_it() -> None:
    plan = planned(observed(custom()))
    assert not plan.is_inspected
    assert plan.service.fitting is not None
    assert "spec.engine.type is Custom" in status(observed(custom()))["estimate"]["message"]


def test_a_streamed_model_is_its_engines_to_read_and_no_less_unreckoned() -> None:
    of = custom()
    of["spec"]["model"] = {"uri": "s3://bucket/tiny"}
    assert main(of)["env"][0] == {"name": "MODEL_PATH", "value": "s3://bucket/tiny"}
    assert "spec.engine.type is Custom" in status(observed(of))["estimate"]["message"]


def test_gpus_bring_no_flags_of_vllm() -> None:
    of = custom()
    of["spec"]["resourceProfile"] = "nvidia:2"
    assert "args" not in main(of)


def running(since: str, *, started: bool) -> Object:
    return pod(main={"state": {"running": {"startedAt": since}}, "started": started})


@pytest.mark.parametrize(
    ("worker", "reason", "says"),
    [
        pytest.param(running(JUST_NOW, started=False), "ModelLoading", "is loading", id="a start"),
        pytest.param(
            running(LONG_AGO, started=False),
            "EngineNotAnswering",
            "GET /health on port 8000",
            id="long deaf: where it is asked for its health",
        ),
        pytest.param(
            running(LONG_AGO, started=True),
            "EngineNotAnswering",
            "spec.engine.readyPath",
            id="started and long not ready: where it is asked for its model",
        ),
        pytest.param(
            pod(main=crash_loop(1, "error: unknown argument: --modle")),
            "EngineCrashed",
            "unknown argument: --modle",
            id="a wrong argument: the engine's own words",
        ),
        pytest.param(
            pod(main=crash_loop(1, '{"reason": "CorruptWeights", "message": "x"}')),
            "EngineCrashed",
            "CorruptWeights",
            id="words that look like our worker's are still only words",
        ),
        pytest.param(
            pod(main=crash_loop(137, reason="OOMKilled")),
            "OutOfMemory",
            "by spec.engine.args",
            id="too much memory: no fields that it has not",
        ),
    ],
)
def test_what_a_container_did_wrong_is_named(worker: Object, reason: str, says: str) -> None:
    said = condition(status(observed(custom(), pods=[worker])), "Ready")
    assert said["reason"] == reason
    assert says in said["message"]


def test_vllm_may_take_long_to_load() -> None:
    worker = running(LONG_AGO, started=False)
    assert condition(status(observed(pods=[worker])), "Ready")["reason"] == "ModelLoading"


def world(**scaling: Any) -> World:
    """Return a service whose engines have no metrics; one of them takes four requests at a time."""
    return World({**scaled(**scaling), "engine": {**IMAGE, "maxNumSeqs": 4}})


async def test_workers_without_metrics_are_not_asked_for_any() -> None:
    here = world()
    here.engines.fails = True
    await here.look(9)
    assert here.engines.asked == []
    assert here.active() == ("True", "FollowingDemand")
    assert here.clamps() == []


async def test_what_gateways_count_makes_more_workers_and_fewer_again() -> None:
    here = world()
    await here.look(9)
    here.arrive(12, 600, queued=4, running=8)
    await here.look(2)
    assert here.replicas() == 3
    assert here.entry()["binding"] == "Concurrency"
    here.arrive(0, queued=0, running=1)
    await here.look(60)
    assert here.replicas() == 1


async def test_a_pool_without_metrics_sleeps_when_nobody_asks_and_wakes_when_somebody_does() -> None:
    here = world(minReplicas=0, idleSeconds=60)
    await here.look(9)
    here.arrive(1, queued=0, running=1)
    await here.look(1)
    here.arrive(0, queued=0, running=0)
    await here.look(40)
    assert here.replicas() == 0
    here.ask_for()
    await here.see()
    here.autoscaler.woken(KEY)
    await here.reconcile()
    assert here.replicas() == 1


async def test_gateways_that_are_silent_keep_all_workers() -> None:
    here = world()
    await here.look(9)
    here.arrive(12, 600, queued=4, running=8)
    await here.look(2)
    here.gateways.fails = True
    await here.look(60)
    assert here.replicas() == 3
    assert here.active() == ("False", "MetricsUnavailable")


async def test_a_record_tells_that_only_gateways_were_asked() -> None:
    here = world()
    await here.look(9)
    assert all(load(line).sample.is_counted_only for line in here.autoscaler.records(KEY))
