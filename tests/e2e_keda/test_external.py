"""Mode External with the real KEDA and the real HPA controller: they set the replicas that Tidegate asks for."""

import json
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import openai
import pytest

from e2e.cluster import Json, eventually, holds, kubectl
from e2e.scaled import DEPLOYMENT, NAME, Scaled, load

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PROMETHEUS = "http://prometheus.monitoring.svc:9090"
# As KEDA calls the autoscaler that it makes for a ScaledObject.
AUTOSCALER = f"keda-hpa-{NAME}"


def scaled_object(namespace: str) -> Json:
    """Return the ScaledObject that hands on what the operator asks for, one to one; windows are Tidegate's."""
    query = (
        f'max(tidegate_operator_desired_replicas{{namespace="{namespace}", service="{NAME}", pool="shared"}})'
    )
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": NAME},
        "spec": {
            "scaleTargetRef": {"name": DEPLOYMENT},
            "pollingInterval": 5,
            "minReplicaCount": 1,
            "maxReplicaCount": 2,
            "advanced": {
                "horizontalPodAutoscalerConfig": {
                    "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
                }
            },
            "triggers": [
                {
                    "type": "prometheus",
                    "metricType": "AverageValue",
                    "metadata": {
                        "serverAddress": PROMETHEUS,
                        "query": query,
                        "threshold": "1",
                        # Without this a query that finds nothing would read as zero.
                        "ignoreNullValues": "false",
                    },
                }
            ],
        },
    }


@pytest.fixture(scope="module")
def external(scaled: Scaled) -> Iterator[Scaled]:
    """The service in mode External, with a ScaledObject whose autoscaler can ask."""
    scaled.scale(mode="External")
    scaled.namespace.apply(scaled_object(scaled.namespace.name))
    try:
        eventually(lambda: holds(scaled.namespace.get("scaledobject", NAME), "Ready"), "KEDA took it")
        eventually(lambda: autoscaler_metric(scaled) is not None, "the HPA controller has the metric", 120)
        yield scaled
    finally:
        kubectl("delete", "scaledobject", NAME, "-n", scaled.namespace.name)


def autoscaler_metric(service: Scaled) -> str | None:
    """Return what the HPA controller last read, per worker; None before it has."""
    status = service.namespace.get("horizontalpodautoscaler", AUTOSCALER).get("status", {})
    found = [
        one["external"]["current"] for one in status.get("currentMetrics", []) if one["type"] == "External"
    ]
    return found[0].get("averageValue") if found else None


def test_the_adapter_serves_what_the_operator_asks_for(external: Scaled) -> None:
    [metric] = external.namespace.get("horizontalpodautoscaler", AUTOSCALER)["spec"]["metrics"]
    name = metric["external"]["metric"]["name"]
    labels = urlencode({"labelSelector": f"scaledobject.keda.sh/name={NAME}"})
    path = f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{external.namespace.name}/{name}?{labels}"
    [item] = json.loads(kubectl("get", "--raw", path))["items"]
    assert float(item["value"]) == external.wait_for_wanted(1)["wanted"]


def test_the_autoscaler_follows_up_and_down_and_nobody_takes_it_back(
    external: Scaled, patient: openai.OpenAI
) -> None:
    with load(patient, 16) as seen:
        external.wait_for_wanted(2)
        decided = time.monotonic()
        eventually(lambda: external.replicas() == 2, "the autoscaler asks for two", 90)
        followed = time.monotonic() - decided
        external.wait_for_workers(2)
        assert external.decision()["mode"] == "External"
    external.wait_for_wanted(1)
    external.wait_for_workers(1)
    print(f"\nthe autoscaler followed after {followed:.0f} s; {seen.answered} answers")
    assert not seen.failures


def test_who_scales_beside_tidegate_is_named_and_left_alone(external: Scaled) -> None:
    external.scale(mode="Auto")
    try:
        found = external.namespace.wait_for_reason(NAME, "ScalingActive", "ScalingConflict")
        assert NAME in found["message"]
        assert "KEDA" in found["message"]
        assert external.replicas() == 1
    finally:
        external.scale(mode="External")
