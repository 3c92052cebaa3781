"""What is made for an LLMService: kinds, names, labels, owner, security, probes."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objects import SETTINGS, UID, dedicated, manifest, observed, planned, service
from tidegate_api.names import APPLIED_HASH_ANNOTATION, POOL_LABEL
from tidegate_api.settings import Settings
from tidegate_operator.build import build

CLOSED = Settings.model_validate({"networkPolicy": {"enabled": True, "prometheusNamespace": "monitoring"}})


def made(settings: Settings = SETTINGS, **spec: Any) -> list[dict[str, Any]]:
    return build(planned(observed(service(**spec)), settings))


def pod_spec(**spec: Any) -> dict[str, Any]:
    found: dict[str, Any] = manifest("Deployment", service(**spec))["spec"]["template"]["spec"]
    return found


def main(**spec: Any) -> dict[str, Any]:
    found: dict[str, Any] = pod_spec(**spec)["containers"][0]
    return found


@pytest.mark.parametrize(
    ("settings", "spec", "kinds"),
    [
        pytest.param(
            SETTINGS, {}, "ServiceAccount Service Job ControllerRevision Deployment", id="one worker"
        ),
        pytest.param(
            SETTINGS,
            {"replicas": 2},
            "ServiceAccount Service Job ControllerRevision PodDisruptionBudget Deployment",
            id="two workers",
        ),
        pytest.param(
            SETTINGS,
            {"suspend": True},
            "ServiceAccount Service ControllerRevision Deployment",
            id="suspended",
        ),
        pytest.param(
            CLOSED,
            {},
            "ServiceAccount NetworkPolicy Service NetworkPolicy Job ControllerRevision Deployment",
            id="a closed network",
        ),
    ],
)
def test_kinds_in_apply_order(settings: Settings, spec: dict[str, Any], kinds: str) -> None:
    assert [one["kind"] for one in made(settings, **spec)] == kinds.split()


def test_every_child_is_in_the_namespace_labelled_owned_and_hashed() -> None:
    for child in made(CLOSED, replicas=2):
        metadata = child["metadata"]
        assert metadata["namespace"] == "team-a"
        assert metadata["labels"]["serving.tidegate.dev/service"] == "chat"
        assert metadata["labels"]["app.kubernetes.io/managed-by"] == "tidegate"
        (owner,) = metadata["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["uid"], owner["controller"]) == (
            "LLMService",
            "chat",
            UID,
            True,
        )
        assert len(metadata["annotations"][APPLIED_HASH_ANNOTATION]) == 64


def test_what_is_made_has_these_names_which_others_may_rely_on() -> None:
    everything = made(CLOSED, replicas=2, qos={"classes": [dedicated("high", 2)]})
    # Their names follow from their content.
    fixed = [one for one in everything if one["kind"] not in ("Job", "ControllerRevision")]
    assert {(one["kind"], one["metadata"]["name"]) for one in fixed} == {
        ("ServiceAccount", "chat"),
        ("Service", "chat"),
        ("NetworkPolicy", "chat"),
        ("NetworkPolicy", "chat-inspect"),
        ("Deployment", "chat-high"),
        ("PodDisruptionBudget", "chat-high"),
        ("Deployment", "chat-shared"),
        ("PodDisruptionBudget", "chat-shared"),
    }


def test_the_selector_is_part_of_the_pods_labels() -> None:
    spec = manifest("Deployment")["spec"]
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()


def test_each_pool_has_a_deployment_and_a_budget_of_its_own_that_select_its_pods_only() -> None:
    spec = {"replicas": 2, "qos": {"classes": [dedicated("low", 3), dedicated("high", 2)]}}
    found = made(SETTINGS, **spec)
    for kind in ("PodDisruptionBudget", "Deployment"):
        mine = [one for one in found if one["kind"] == kind]
        assert [one["metadata"]["name"] for one in mine] == ["chat-high", "chat-low", "chat-shared"]
        assert [one["spec"]["selector"]["matchLabels"][POOL_LABEL] for one in mine] == [
            "high",
            "low",
            "shared",
        ]
    deployments = [one["spec"] for one in found if one["kind"] == "Deployment"]
    assert [one["replicas"] for one in deployments] == [2, 3, 2]
    for one in deployments:
        labels = one["template"]["metadata"]["labels"]
        assert one["selector"]["matchLabels"].items() <= labels.items()
    pods = [one["template"]["spec"] for one in deployments]
    assert [one.get("priorityClassName") for one in pods] == ["tidegate-high", "tidegate-low", None]
    assert pods[0]["containers"] == pods[1]["containers"] == pods[2]["containers"]


def test_the_service_and_its_network_policy_are_of_all_pools() -> None:
    found = made(CLOSED, qos={"classes": [dedicated("high")]})
    shared = {
        one["kind"]: one["spec"] for one in found if one["metadata"]["name"] == "chat" and "spec" in one
    }
    wanted = {"serving.tidegate.dev/service": "chat"}
    assert shared["Service"]["selector"] == wanted
    assert shared["NetworkPolicy"]["podSelector"]["matchLabels"] == wanted


def test_pods_are_restricted() -> None:
    spec, container = pod_spec(), main()
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert manifest("ServiceAccount")["automountServiceAccountToken"] is False


def test_the_worker_is_an_argument_list_with_the_engines_words_after_two_dashes() -> None:
    container = main()
    assert container["command"] == ["python3", "-m", "tidegate_worker", "serve"]
    ours, dashes, engine = container["args"][:2], container["args"][2], container["args"][3:]
    assert ours == ["--model-path=/models/smollm2", "--drain-seconds=300"]
    assert dashes == "--"
    assert engine[:2] == ["--model", "/models/smollm2"]


def test_the_grace_period_is_longer_than_all_that_a_stopping_worker_does() -> None:
    slow = Settings.model_validate({"drainSeconds": 600})
    spec = manifest("Deployment", None, slow)["spec"]["template"]["spec"]
    sleep = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert spec["terminationGracePeriodSeconds"] > sleep + 600


def test_a_slow_load_is_no_failure() -> None:
    container, deadline = main(), manifest("Deployment")["spec"]["progressDeadlineSeconds"]
    startup = container["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 1800
    assert deadline > startup["periodSeconds"] * startup["failureThreshold"]
    assert container["readinessProbe"]["httpGet"] == {"path": "/v1/models", "port": "http"}


def test_what_is_written_to_is_never_the_image() -> None:
    container, volumes = main(), {volume["name"]: volume for volume in pod_spec()["volumes"]}
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/models", "/tmp", "/dev/shm"}
    assert volumes["model"]["persistentVolumeClaim"] == {"claimName": "weights", "readOnly": True}
    assert volumes["shm"]["emptyDir"]["medium"] == "Memory"
    assert all(
        variable["value"].startswith("/tmp") for variable in container["env"] if variable["name"] == "HOME"
    )


def test_a_worker_is_replaced_before_it_goes() -> None:
    assert manifest("Deployment")["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_a_closed_worker_is_reached_by_our_parts_and_prometheus_and_reaches_dns() -> None:
    policy = manifest("NetworkPolicy", None, CLOSED)["spec"]
    ours, prometheus = policy["ingress"][0]["from"]
    assert ours["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "tidegate"}
    parts = {"key": "app.kubernetes.io/component", "operator": "In", "values": ["gateway", "operator"]}
    assert ours["podSelector"]["matchExpressions"] == [parts]
    assert ours["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "tidegate-system"}
    assert prometheus == {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    assert policy["ingress"][0]["ports"] == [{"port": 8000, "protocol": "TCP"}]
    assert {(rule["port"], rule["protocol"]) for rule in policy["egress"][0]["ports"]} == {
        (53, "UDP"),
        (53, "TCP"),
    }


def test_the_users_template_is_merged_last() -> None:
    template = {"spec": {"containers": [{"name": "main", "resources": {"limits": {"memory": "9Gi"}}}]}}
    assert main(podTemplate=template)["resources"]["limits"]["memory"] == "9Gi"


def test_only_what_is_asked_for_changes_the_deployments_hash() -> None:
    def hashed(**spec: Any) -> str:
        found: str = manifest("Deployment", service(**spec))["metadata"]["annotations"][
            APPLIED_HASH_ANNOTATION
        ]
        return found

    assert hashed() == hashed(replicas=1)
    assert hashed() != hashed(replicas=2)


@settings(deadline=None, max_examples=50)
@given(
    replicas=st.integers(0, 1000),
    suspend=st.booleans(),
    length=st.none() | st.integers(1, 2**24),
    count=st.integers(1, 8),
    labels=st.dictionaries(st.text("abc/", min_size=1), st.text(max_size=5), max_size=3),
)
def test_the_same_facts_build_the_same_bytes(
    replicas: int, suspend: bool, length: int | None, count: int, labels: dict[str, str]
) -> None:
    spec = {
        "replicas": replicas,
        "suspend": suspend,
        "engine": {"maxModelLen": length} if length else {},
        "resourceProfile": f"nvidia:{count}",
        "podTemplate": {"metadata": {"labels": labels}},
    }
    assert json.dumps(made(CLOSED, **spec)) == json.dumps(made(CLOSED, **spec))
