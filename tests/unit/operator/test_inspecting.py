"""The Job that looks into a model: when it is there, what it may do, and who waits for it."""

import json
from datetime import timedelta
from typing import Any

import pytest

from objects import NOW, Object, claim, observed, planned, service, status
from tidegate_api.fit.shape import to_json
from tidegate_api.names import INSPECTED_FOR_LABEL, SERVICE_LABEL
from tidegate_api.settings import Settings
from tidegate_operator.build import build, look_into_model
from tidegate_operator.facts import Observed
from tidegate_operator.inspections import inspections
from unit.fit.families import LLAMA_3_8B, shape_of

SPREAD: Object = {"resourceProfile": "nvidia:3"}
SHAPE = {"shape": to_json(shape_of(LLAMA_3_8B, 16_060_522_496))}


def job(of: Observed, *conditions: str, minutes_old: float = 0) -> Object | None:
    """Return the Job as the cluster has it."""
    made = next((one for one in build(planned(of, Settings())) if one["kind"] == "Job"), None)
    if made is None:
        return None
    since = (NOW - timedelta(minutes=minutes_old)).isoformat().replace("+00:00", "Z")
    return {
        **made,
        "metadata": {**made["metadata"], "creationTimestamp": since},
        "status": {"conditions": [{"type": one, "status": "True"} for one in conditions]},
    }


def pod(job_name: str, message: str, exit_code: int = 0) -> Object:
    """Return a Pod of a Job that has ended with these words."""
    end = {"exitCode": exit_code, "message": message}
    return {
        "metadata": {"name": f"{job_name}-x", "ownerReferences": [{"kind": "Job", "name": job_name}]},
        "status": {"containerStatuses": [{"state": {"terminated": end}}]},
    }


@pytest.mark.parametrize(
    ("facts", "is_made"),
    [
        pytest.param(observed(), True, id="a claim with a volume"),
        pytest.param(
            observed(has_claim=claim("Pending")), False, id="a claim that waits for its first consumer"
        ),
        pytest.param(observed(lost_claim=True), False, id="a claim that is not there"),
        pytest.param(observed(service(model={"uri": "oci://models/tiny:1"})), True, id="an image"),
        pytest.param(observed(service(model={"uri": "s3://bucket/tiny"})), False, id="an object store"),
        pytest.param(observed(service(model={"uri": "hf://Org/Name"})), False, id="a hub: its loader looks"),
        pytest.param(observed(service(suspend=True)), False, id="nobody wants a worker"),
    ],
)
def test_somebody_looks_into_a_model_that_no_loader_has_seen(facts: Observed, is_made: bool) -> None:
    assert (job(facts) is not None) is is_made


def test_its_pod_can_only_read_and_is_no_worker() -> None:
    made = job(observed())
    assert made is not None
    template = made["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert container["args"] == ["--path=/models/smollm2"]
    assert [one["readOnly"] for one in container["volumeMounts"]] == [True]
    assert template["spec"]["automountServiceAccountToken"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert SERVICE_LABEL not in template["metadata"]["labels"]
    assert template["metadata"]["labels"][INSPECTED_FOR_LABEL] == "chat"
    assert len(made["metadata"]["name"]) <= 63


def test_it_runs_where_the_workers_do() -> None:
    own = {
        "spec": {"nodeSelector": {"models": "here"}, "hostname": "x", "tolerations": [{"operator": "Exists"}]}
    }
    made = job(observed(service(podTemplate=own)))
    assert made is not None
    spec = made["spec"]["template"]["spec"]
    assert spec["nodeSelector"] == {"models": "here"}
    assert spec["tolerations"] == [{"operator": "Exists"}]
    assert "hostname" not in spec
    assert spec["affinity"]["podAffinity"]


def test_another_model_is_another_job_and_another_size_is_not() -> None:
    def name(**spec: Any) -> str:
        made = job(observed(service(**spec)))
        assert made is not None
        return str(made["metadata"]["name"])

    assert name() == name(replicas=3) == name(engine={"maxModelLen": 5})
    assert name() != name(model={"uri": "oci://models/tiny:1"})
    longest = "a" * 50
    made = job(observed({**service(), "metadata": {**service()["metadata"], "name": longest}}))
    assert made is not None
    assert len(made["metadata"]["name"]) == 63


def test_what_it_found_is_told() -> None:
    facts = observed()
    made = job(facts)
    assert made is not None
    found = observed(inspections={made["metadata"]["name"]: SHAPE})
    assert status(found, Settings())["estimate"]["kvBytesPerToken"] == 131072
    assert "estimate" not in status(observed(inspections={"another": SHAPE}), Settings())


def test_who_looks_into_a_model_talks_to_nobody_where_the_network_is_closed() -> None:
    closed = Settings.model_validate({"networkPolicy": {"enabled": True}})
    for spec in ({}, SPREAD):
        plan = planned(observed(service(**spec)), closed)
        made = look_into_model(plan)
        # Before the Pod that it is for.
        assert [one["kind"] for one in made] == ["ServiceAccount", "NetworkPolicy", "Job"]
        policy, job = made[1]["spec"], made[2]["spec"]
        assert policy["podSelector"]["matchLabels"].items() <= job["template"]["metadata"]["labels"].items()
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        assert not {"ingress", "egress"} & set(policy)


def test_a_model_for_one_process_is_started_without_waiting() -> None:
    assert planned(observed(), Settings()).withheld is None


def test_a_model_to_be_spread_waits_for_what_is_found() -> None:
    facts = observed(service(**SPREAD))
    plan = planned(facts, Settings())
    assert plan.withheld is not None
    assert (plan.withheld.reason, plan.withheld.after) == ("ModelInspecting", 10.0)
    # And somebody is sent to look.
    assert [one["kind"] for one in look_into_model(plan)] == ["ServiceAccount", "Job"]
    made = job(facts)
    assert made is not None
    found = observed(service(**SPREAD), inspections={made["metadata"]["name"]: SHAPE})
    refused = planned(found, Settings()).withheld
    assert refused is not None
    assert refused.reason == "InvalidParallelism"


def pending(seconds_old: float) -> Object:
    """Return a claim that has no volume yet."""
    since = (NOW - timedelta(seconds=seconds_old)).isoformat().replace("+00:00", "Z")
    found = claim("Pending")
    return {**found, "metadata": {**found["metadata"], "creationTimestamp": since}}


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        pytest.param(
            observed(service(**SPREAD), lost_claim=True),
            "VolumeClaimNotFound",
            id="a claim nobody has seen yet",
        ),
        pytest.param(
            observed(service(**SPREAD), has_claim=pending(1)),
            "ModelInspecting",
            id="a claim made a moment ago",
        ),
        pytest.param(
            observed(service(**SPREAD), has_claim=pending(16)),
            None,
            id="a claim that waits for its first consumer",
        ),
        pytest.param(observed(lost_claim=True), None, id="one process starts as soon as it can"),
    ],
)
def test_a_service_made_together_with_its_claim_does_not_start_before_the_model_was_looked_into(
    facts: Observed, reason: str | None
) -> None:
    withheld = planned(facts, Settings()).withheld
    assert (withheld.reason if withheld else None) == reason


@pytest.mark.parametrize(
    ("conditions", "minutes_old", "waits"),
    [
        pytest.param((), 4.9, True, id="it runs"),
        pytest.param(("Complete",), 1, True, id="it has ended, and its words are on their way"),
        pytest.param(("Failed",), 1, False, id="it has failed"),
        pytest.param((), 5.1, False, id="it takes too long"),
    ],
)
def test_nobody_waits_for_ever(conditions: tuple[str, ...], minutes_old: float, waits: bool) -> None:
    made = job(observed(service(**SPREAD)), *conditions, minutes_old=minutes_old)
    assert made is not None
    plan = planned(observed(service(**SPREAD), children=[made]), Settings())
    assert (plan.withheld is not None) is waits


def test_a_job_that_is_there_stays_though_nobody_wants_a_worker() -> None:
    made = job(observed())
    assert made is not None
    assert job(observed(service(suspend=True), children=[made])) is not None


def test_only_the_last_words_of_a_look_that_worked_are_read() -> None:
    pods = [
        pod("one", json.dumps(SHAPE)),
        pod("two", '{"reason": "ModelNotFound"}', exit_code=78),
        pod("three", "no JSON"),
        {"metadata": {"name": "lost"}, "status": {}},
        {"metadata": {"name": "x", "ownerReferences": [{"kind": "Job", "name": "four"}]}, "status": {}},
    ]
    assert inspections(pods) == {"one": SHAPE}
