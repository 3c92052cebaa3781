"""Mode External with the real KEDA and the real HPA controller: they set the replicas that Tidegate asks for."""

import json
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from e2e.cluster import eventually, holds, kubectl
from e2e.scaled import DEPLOYMENT, NAME, Scaled
from e2e_keda.keda import autoscaler, has_metric, scaled_object

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PROMETHEUS = "http://prometheus.monitoring.svc:9090"


@pytest.fixture(scope="module")
def external(scaled: Scaled) -> Iterator[Scaled]:
    """The service in mode External, with a ScaledObject whose autoscaler can ask."""
    scaled.scale(mode="External")
    where = scaled.namespace
    labels = f'namespace="{where.name}", service="{NAME}", pool="shared"'
    query = f"max(tidegate_operator_desired_replicas{{{labels}}})"
    # One to one, and no window: how long to wait is Tidegate's to know.
    asked = scaled_object(NAME, DEPLOYMENT, PROMETHEUS, query, per_replica=1, most=2, down_seconds=0)
    where.apply(asked)
    try:
        eventually(lambda: holds(where.get("scaledobject", NAME), "Ready"), "KEDA took it")
        eventually(lambda: has_metric(where, NAME), "the HPA controller has the number", 120)
        yield scaled
    finally:
        kubectl("delete", "scaledobject", NAME, "-n", where.name)


def test_the_adapter_serves_what_the_operator_asks_for(external: Scaled) -> None:
    [metric] = autoscaler(external.namespace, NAME)["spec"]["metrics"]
    name = metric["external"]["metric"]["name"]
    labels = urlencode({"labelSelector": f"scaledobject.keda.sh/name={NAME}"})
    path = f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{external.namespace.name}/{name}?{labels}"

    def served() -> float:
        [item] = json.loads(kubectl("get", "--raw", path))["items"]
        return float(item["value"])

    eventually(lambda: served() == external.decision()["wanted"], "the adapter has what status says", 60)


def test_the_autoscaler_follows_up_and_down_and_nobody_takes_it_back(external: Scaled) -> None:
    follow(external, 1, maxReplicas=1)
    up = follow(external, 2, minReplicas=2)
    # Longer than a round of the operator, and than a reconcile that follows it.
    time.sleep(25)
    assert external.replicas() == 2
    assert external.decision()["mode"] == "External"
    down = follow(external, 1, maxReplicas=1)
    print(f"\nthe autoscaler followed up after {up:.0f} s, down after {down:.0f} s")


def follow(service: Scaled, wanted: int, **changes: int) -> float:
    """Let Tidegate want another number; return how many seconds it takes until the Deployment asks for it."""
    began = time.monotonic()
    service.scale(mode="External", **changes)
    service.wait_for_wanted(wanted)
    eventually(lambda: service.replicas() == wanted, f"the autoscaler asks for {wanted}", 90)
    return time.monotonic() - began


def test_who_scales_beside_tidegate_is_named_and_left_alone(external: Scaled) -> None:
    external.scale(maxReplicas=1)
    try:
        found = external.namespace.wait_for_reason(NAME, "ScalingActive", "ScalingConflict")
        assert NAME in found["message"]
        assert "KEDA" in found["message"]
        assert external.replicas() == 1
    finally:
        external.scale(mode="External")
