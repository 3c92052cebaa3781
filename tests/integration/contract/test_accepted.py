"""Good input, accepted by a real API server: with defaults filled in, as far as they reach."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from integration.api import Api, Object
from integration.contract.rig import Kubectl, service, tenant

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*/*.yaml"))
DEFAULTS = {
    "model": {"uri": "pvc://models/tiny"},
    "engine": {"type": "vLLM", "command": [], "args": [], "env": []},
    "resourceProfile": "cpu:1",
    "resources": {"requests": {}, "limits": {}},
    "coldStart": {"mode": "Hold", "timeoutSeconds": 300, "maxQueue": 100},
    "qos": {"classes": []},
    "routing": {"strategy": "Auto", "prefixCache": "PerTenant"},
    "rollout": {"maxSurge": 1, "maxUnavailable": 0},
    "podTemplate": {},
    "suspend": False,
}


def test_the_least_that_can_be_said_gets_every_default(kubectl: Kubectl) -> None:
    assert kubectl.submit(service())["spec"] == DEFAULTS


@pytest.mark.parametrize(
    "given",
    [{"engine": {}}, {"resources": {}}, {"engine": {"args": None}}, {"qos": {}}, {"routing": {}}],
    ids=str,
)
def test_an_object_given_in_part_gets_the_defaults_of_the_rest(
    kubectl: Kubectl, given: dict[str, Any]
) -> None:
    assert kubectl.submit(service(**given))["spec"] == DEFAULTS


def test_a_tenant_is_of_medium_class_and_has_neither_keys_nor_limits(kubectl: Kubectl) -> None:
    assert kubectl.submit(tenant())["spec"] == {
        "qosClass": "medium",
        "batchQosClass": "low",
        "limits": {},
        "services": [],
        "keys": [],
    }


def test_a_class_is_shared_and_may_queue_unless_it_says_otherwise(kubectl: Kubectl) -> None:
    classes = [{"name": "high"}, {"name": "low", "pool": "Dedicated"}]
    assert kubectl.submit(service(qos={"classes": classes}))["spec"]["qos"]["classes"] == [
        {"name": "high", "pool": "Shared", "maxQueue": 100, "slo": {}},
        {"name": "low", "pool": "Dedicated", "maxQueue": 100, "slo": {}},
    ]


def test_scaling_acts_by_itself_above_one_worker_unless_it_says_otherwise(kubectl: Kubectl) -> None:
    assert kubectl.submit(service(scaling={"maxReplicas": 4}))["spec"]["scaling"] == {
        "mode": "Auto",
        "minReplicas": 1,
        "maxReplicas": 4,
        "metrics": [],
        "behavior": {
            "scaleUp": {"policies": [], "selectPolicy": "Max"},
            "scaleDown": {"policies": [], "selectPolicy": "Max"},
        },
        "schedules": [],
        "idleSeconds": 1800,
    }


def test_a_floor_is_of_every_day_in_utc_unless_it_says_otherwise(kubectl: Kubectl) -> None:
    hours = {"name": "night", "startTime": "22:00", "endTime": "06:00", "minReplicas": 1}
    stored = kubectl.submit(service(scaling={"maxReplicas": 4, "schedules": [hours]}))["spec"]["scaling"]
    every = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert stored["schedules"] == [{**hours, "timezone": "UTC", "daysOfWeek": every}]


def test_a_budget_is_of_a_month_unless_it_says_otherwise(kubectl: Kubectl) -> None:
    stored = kubectl.submit(tenant(budget={"tokens": 1_000_000_000}))["spec"]["budget"]
    assert stored == {"tokens": 1_000_000_000, "window": "Month"}


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"qosClass": "high", "batchQosClass": "high"}, id="batches as high as the rest"),
        pytest.param({"qosClass": "low"}, id="a low one, whose batches are low as well"),
        pytest.param({"limits": {"requestsPerMinute": 0}}, id="a limit that lets nothing through"),
        pytest.param({"limits": {"concurrency": None}}, id="a limit that is null"),
        pytest.param({"budget": None}, id="a budget that is null"),
        pytest.param({"budget": {"tokens": 0, "window": "Hour"}}, id="a budget of nothing"),
        pytest.param({"services": ["chat", "embed-2"]}, id="two services"),
        pytest.param(
            {
                "limits": {
                    "requestsPerMinute": 10**9,
                    "tokensPerMinute": 10**12,
                    "concurrency": 10**6,
                },
                "budget": {"tokens": 10**15, "window": "Week"},
            },
            id="the greatest numbers",
        ),
    ],
)
def test_a_tenant_is_accepted_as_it_stands(kubectl: Kubectl, spec: dict[str, Any]) -> None:
    stored = kubectl.submit(tenant(**spec))["spec"]
    for name, value in spec.items():
        assert within(value, stored.get(name))


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"model": {"uri": "pvc://models"}}, id="a model at the root of its volume"),
        pytest.param(
            {"model": {"uri": "pvc://my.claim-1/a/b c"}}, id="a claim with a dot, a path with a blank"
        ),
        pytest.param({"model": {"uri": "file:///srv/models/a"}}, id="a directory of the node"),
        pytest.param(
            {"model": {"uri": "pvc://m", "name": "org/Model-1.5:q4"}}, id="a model name as hubs have them"
        ),
        pytest.param({"model": {"uri": "pvc://m", "name": None}}, id="an optional field that is null"),
        pytest.param({"replicas": 0}, id="no workers"),
        pytest.param(
            {"scaling": {"minReplicas": 0, "maxReplicas": 8, "mode": "Off", "fallback": {"replicas": 8}}},
            id="workers that follow the load, with a fallback of all",
        ),
        pytest.param(
            {
                "scaling": {"maxReplicas": 4, "costPerReplicaHour": "4.10", "maxHourlyCost": "12.50"},
                "qos": {
                    "classes": [{"name": "high", "pool": "Dedicated", "minReplicas": 2, "maxReplicas": 2}]
                },
            },
            id="a price, and a class with bounds of its own",
        ),
        pytest.param(
            {"qos": {"classes": [{"name": "high", "slo": {"ttftMilliseconds": 500}}]}},
            id="a promise to a class that shares",
        ),
        pytest.param({"suspend": True, "replicas": 3}, id="three workers, suspended"),
        pytest.param(
            {"resources": {"requests": {"cpu": 4, "memory": "8Gi"}}}, id="a quantity without quotes"
        ),
        pytest.param({"resources": {"limits": {"nvidia.com/gpu": "2"}}}, id="a resource of a device plugin"),
        pytest.param({"resourceProfile": "nvidia-a100-80gb:8"}, id="eight units of a profile"),
        pytest.param(
            {"engine": {"env": [{"name": "VLLM_CPU_KVCACHE_SPACE", "value": "2"}]}}, id="a variable"
        ),
        pytest.param(
            {"engine": {"env": [{"name": "TOKENIZERS_PARALLELISM"}]}}, id="a variable that only sounds secret"
        ),
        pytest.param({"engine": {"quantization": "fp8", "kvCacheDtype": "fp8_e4m3"}}, id="formats"),
        pytest.param(
            {"qos": {"classes": [{"name": "high", "minSharePercent": None, "replicas": None}]}},
            id="a share and a size that are null",
        ),
        pytest.param(
            {
                "qos": {
                    "classes": [
                        {
                            "name": "high",
                            "pool": "Dedicated",
                            "replicas": 2,
                            "priorityClassName": "team-a.first",
                            "minSharePercent": 50,
                            "maxQueue": 0,
                            "queueTimeoutSeconds": 3600,
                        },
                        {"name": "medium", "minSharePercent": 50},
                    ]
                },
                "replicas": 7,
            },
            id="a pool of its own beside a shared one, shares of 100 in sum",
        ),
        pytest.param(
            {
                "qos": {
                    "classes": [{"name": name, "pool": "Dedicated"} for name in ("high", "medium", "low")]
                },
                "replicas": 1,
            },
            id="a pool of its own for each class",
        ),
        pytest.param({"routing": {"strategy": "PrefixHash", "prefixCache": "Shared"}}, id="a way to route"),
        pytest.param({"podTemplate": {"spec": {"anything": [1, {"a": None}]}}}, id="any Pod template"),
    ],
)
def test_it_is_accepted_as_it_stands(kubectl: Kubectl, spec: dict[str, Any]) -> None:
    stored = kubectl.submit(service(**spec))["spec"]
    for name, value in spec.items():
        assert within(value, stored[name])


def within(given: Any, stored: Any) -> bool:
    """Tell whether all that was given is stored; defaults may have come beside it."""
    if isinstance(given, dict):
        return all(within(value, stored.get(name)) for name, value in given.items())
    if isinstance(given, list):
        return len(given) == len(stored) and all(map(within, given, stored))
    return bool(given == stored)


def test_a_key_with_an_end_is_accepted(kubectl: Kubectl) -> None:
    key = {"name": "ci", "sha256": "0" * 64, "notAfter": "2027-01-31T00:00:00Z"}
    assert kubectl.submit(tenant(qosClass="high", keys=[key]))["spec"]["keys"] == [key]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: "/".join(path.parts[-2:]))
def test_every_example_is_accepted(kubectl: Kubectl, path: Path) -> None:
    manifests = [one for one in yaml.safe_load_all(path.read_text()) if one]
    assert manifests
    for manifest in manifests:
        manifest["metadata"]["namespace"] = "default"
        assert kubectl.submit(manifest)["kind"] == manifest["kind"]


def test_who_scales_from_outside_in_the_examples_means_a_deployment_that_there_is(kubectl: Kubectl) -> None:
    folder = Path(__file__).parents[3] / "examples" / "06-autoscaling"
    service = yaml.safe_load((folder / "external.yaml").read_text())
    assert service["spec"]["scaling"]["mode"] == "External"
    hpa, keda = (yaml.safe_load((folder / "external" / f"{one}.yaml").read_text()) for one in ("hpa", "keda"))
    kubectl.submit({**hpa, "metadata": {**hpa["metadata"], "namespace": "default"}})
    for one in (hpa, keda):
        assert one["spec"]["scaleTargetRef"]["name"] == f"{service['metadata']['name']}-shared"
    [trigger] = keda["spec"]["triggers"]
    [metric] = hpa["spec"]["metrics"]
    assert metric["external"]["metric"]["name"] in trigger["metadata"]["query"]
    assert trigger["metadata"]["ignoreNullValues"] == "false"


def test_there_are_examples() -> None:
    assert any("01-quickstart" in path.parts for path in EXAMPLES)


def test_a_service_is_scaled_as_a_deployment_is(api: Api, namespace: str) -> None:
    api.create({**service(), "metadata": {"name": "chat", "namespace": namespace}}, namespace)
    api.patch_status(
        "LLMService", namespace, "chat", {"replicas": 2, "selector": "serving.tidegate.dev/service=chat"}
    )
    api.kubectl("scale", "llmsvc", "chat", "-n", namespace, "--replicas=3")
    scale = api.kubectl("get", "--raw", f"{path_of(namespace)}/scale")
    read: Object = yaml.safe_load(scale)
    assert read["spec"] == {"replicas": 3}
    assert read["status"] == {"replicas": 2, "selector": "serving.tidegate.dev/service=chat"}


def test_the_columns_tell_how_it_is(api: Api, namespace: str) -> None:
    api.create({**service(), "metadata": {"name": "chat", "namespace": namespace}}, namespace)
    ready = {
        "type": "Ready",
        "status": "False",
        "reason": "ModelNotFound",
        "message": "there is no model",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    status = {
        "phase": "Failed",
        "ready": "0/1",
        "modelName": "chat",
        "desiredReplicas": 1,
        "conditions": [ready],
    }
    api.patch_status("LLMService", namespace, "chat", status)
    head, line = api.kubectl("get", "llm", "-n", namespace).strip().splitlines()
    assert head.split() == ["NAME", "MODEL", "READY", "REASON", "PHASE", "DESIRED", "AGE"]
    assert line.split()[1:6] == ["chat", "0/1", "ModelNotFound", "Failed", "1"]


def test_the_columns_of_a_tenant_tell_what_it_may_and_what_it_has_used(api: Api, namespace: str) -> None:
    spec = {"qosClass": "high", "limits": {"requestsPerMinute": 60, "tokensPerMinute": 90000}}
    made = tenant("web", **spec, budget={"tokens": 5_000_000_000})
    api.create({**made, "metadata": {"name": "web", "namespace": namespace}}, namespace)
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "Accepted",
        "message": "it may call",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    usage = {
        "requests": 12,
        "promptTokens": 3_000_000_000,
        "completionTokens": 4,
        "totalTokens": 3_000_000_004,
    }
    status = {
        "activeKeys": 2,
        "usage": {**usage, "since": "2026-01-01T00:00:00Z"},
        "budget": {"windowStart": "2026-01-01T00:00:00Z", "tokens": 3_000_000_004},
        "conditions": [ready],
    }
    api.patch_status("LLMTenant", namespace, "web", status)
    head, line = api.kubectl("get", "llmtenant", "-n", namespace, "-o", "wide").strip().splitlines()
    columns = "NAME CLASS REASON KEYS RPM TPM REQUESTS TOKENS BUDGET USED AGE"
    assert head.split() == columns.split()
    told = "high Accepted 2 60 90000 12 3000000004 5000000000 3000000004"
    assert line.split()[1:-1] == told.split()


def test_kubectl_explains_every_field(api: Api) -> None:
    told = api.kubectl("explain", "llmservice.spec", "--recursive")
    for name in (
        "uri",
        "maxModelLen",
        "kvCacheDtype",
        "resourceProfile",
        "podTemplate",
        "suspend",
        "minSharePercent",
    ):
        assert name in told
    assert "never stored" in api.kubectl("explain", "llmtenant.spec.keys.sha256") + api.kubectl(
        "explain", "llmtenant.spec.keys"
    )


def path_of(namespace: str) -> str:
    return f"/apis/serving.tidegate.dev/v1alpha1/namespaces/{namespace}/llmservices/chat"
