"""Pools of workers on a real API server: one for each Dedicated class, made and removed with the spec."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.api import Api, Object, eventually
from integration.operator.rig import (
    NAME,
    Operator,
    StandInKubelet,
    condition,
    service,
    status_of,
    workers_of,
)

pytestmark = pytest.mark.usefixtures("model")

HIGH = {"name": "high", "pool": "Dedicated", "replicas": 2}
LOW = {"name": "low", "pool": "Dedicated"}


@pytest.fixture
def priority_classes(api: Api) -> Iterator[None]:
    """Those that the chart makes."""
    names = {"tidegate-high": 100_000, "tidegate-medium": 10_000, "tidegate-low": 1_000}
    for name, value in names.items():
        api.create(
            {
                "apiVersion": "scheduling.k8s.io/v1",
                "kind": "PriorityClass",
                "metadata": {"name": name},
                "value": value,
            }
        )
    yield
    for name in names:
        api.delete("PriorityClass", None, name)


def deployments(api: Api, namespace: str) -> dict[str, int]:
    return {one["metadata"]["name"]: one["spec"]["replicas"] for one in api.list("Deployment", namespace)}


def pools(api: Api, namespace: str) -> dict[str, tuple[int, int]]:
    """Return ready and desired workers by pool, as the status has them."""
    found = status_of(api, namespace).get("pools", [])
    return {one["name"]: (one["ready"], one["desired"]) for one in found}


def ask(api: Api, namespace: str, *classes: Object, **spec: object) -> None:
    api.patch("LLMService", namespace, NAME, {"spec": {"qos": {"classes": list(classes)}, **spec}})


def test_pools_come_and_go_with_the_classes_that_have_one(
    api: Api, namespace: str, everywhere: Operator, kubelet: StandInKubelet, priority_classes: None
) -> None:
    api.create(service(namespace, qos={"classes": [HIGH]}))
    eventually(lambda: pools(api, namespace) == {"high": (2, 2), "shared": (1, 1)}, why=everywhere.tail)
    assert deployments(api, namespace) == {f"{NAME}-high": 2, f"{NAME}-shared": 1}
    assert status_of(api, namespace)["ready"] == "3/3"
    assert api.get("PodDisruptionBudget", namespace, f"{NAME}-high")

    ask(api, namespace, HIGH, LOW)
    eventually(lambda: pools(api, namespace) == {"high": (2, 2), "low": (1, 1), "shared": (1, 1)})

    ask(api, namespace, {"name": "high", "pool": "Shared"})
    eventually(lambda: pools(api, namespace) == {"shared": (1, 1)})
    eventually(lambda: deployments(api, namespace) == {f"{NAME}-shared": 1})
    eventually(lambda: api.get("PodDisruptionBudget", namespace, f"{NAME}-high") is None)
    eventually(lambda: condition(api, namespace, "Ready") == ("True", "Serving"))


def test_without_anybody_to_share_it_there_is_no_shared_pool(
    api: Api, namespace: str, everywhere: Operator, kubelet: StandInKubelet, priority_classes: None
) -> None:
    own = [{"name": name, "pool": "Dedicated"} for name in ("high", "medium", "low")]
    api.create(service(namespace, qos={"classes": own}))
    eventually(lambda: pools(api, namespace) == {"high": (1, 1), "medium": (1, 1), "low": (1, 1)})
    assert f"{NAME}-shared" not in deployments(api, namespace)
    api.patch("LLMService", namespace, NAME, {"spec": {"suspend": True}})
    eventually(lambda: set(deployments(api, namespace).values()) == {0})
    eventually(lambda: condition(api, namespace, "Ready") == ("False", "Suspended"))


def test_kubectl_scale_is_for_the_shared_pool(
    api: Api, namespace: str, everywhere: Operator, kubelet: StandInKubelet, priority_classes: None
) -> None:
    api.create(service(namespace, qos={"classes": [HIGH]}))
    api.kubectl("scale", "llmsvc", NAME, "-n", namespace, "--replicas=3")
    eventually(lambda: pools(api, namespace) == {"high": (2, 2), "shared": (3, 3)})
    found = status_of(api, namespace)
    assert (found["replicas"], found["ready"]) == (3, "5/5")
    selected = api.list("Pod", namespace, found["selector"])
    assert len(selected) == 3


def test_pods_of_a_pool_have_the_priority_of_its_class(
    api: Api, namespace: str, everywhere: Operator, priority_classes: None
) -> None:
    api.create(service(namespace, qos={"classes": [HIGH, LOW]}))
    eventually(lambda: len(workers_of(api, namespace)) == 4)
    label = "serving.tidegate.dev/pool"
    found = {
        (pod["metadata"]["labels"][label], pod["spec"].get("priorityClassName"), pod["spec"]["priority"])
        for pod in workers_of(api, namespace)
    }
    assert found == {
        ("high", "tidegate-high", 100_000),
        ("low", "tidegate-low", 1_000),
        ("shared", None, 0),
    }


def test_a_priority_class_that_is_not_there_is_named_with_the_pool(
    api: Api, namespace: str, everywhere: Operator, kubelet: StandInKubelet
) -> None:
    lacking = {"name": "high", "pool": "Dedicated", "priorityClassName": "first-of-all"}
    api.create(service(namespace, qos={"classes": [lacking]}))
    eventually(
        lambda: condition(api, namespace, "Degraded") == ("True", "PodsForbidden"), why=everywhere.tail
    )
    degraded = next(one for one in status_of(api, namespace)["conditions"] if one["type"] == "Degraded")
    assert degraded["message"].startswith("pool 'high': ")
    assert "first-of-all" in degraded["message"]
    # The shared pool answers all the same.
    eventually(lambda: condition(api, namespace, "Ready") == ("True", "Serving"))
    assert status_of(api, namespace)["phase"] == "Degraded"
