"""Who else scales a pool."""

from typing import Any

import pytest

from tidegate_operator.cache import Cache, Change
from tidegate_operator.facts import Key
from tidegate_operator.interest import keys_of
from tidegate_operator.kinds import POD_AUTOSCALER
from tidegate_operator.rivals import rivals
from unit.operator.fakes import KEY, FakeCluster, service


def autoscaler(
    name: str, target: str = "chat-shared", kind: str = "Deployment", version: str = "apps/v1", **labels: str
) -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {
            "namespace": KEY.namespace,
            "name": name,
            "resourceVersion": "9",
            "labels": {key.replace("__", "/").replace("_", "."): value for key, value in labels.items()},
        },
        "spec": {"scaleTargetRef": {"apiVersion": version, "kind": kind, "name": target}},
    }


KEDAS = autoscaler("keda-hpa-x", scaledobject_keda_sh__name="x")

CASES: list[Any] = [
    pytest.param([], {}, id="nobody"),
    pytest.param([autoscaler("mine")], {"shared": "HorizontalPodAutoscaler 'mine'"}, id="one of the user's"),
    pytest.param(
        [KEDAS],
        {"shared": "KEDA's ScaledObject 'x' (by its HorizontalPodAutoscaler 'keda-hpa-x')"},
        id="one that KEDA has made",
    ),
    pytest.param([autoscaler("theirs", "other-shared")], {}, id="one of another service"),
    pytest.param([autoscaler("set", kind="StatefulSet")], {}, id="one of another kind of that name"),
    pytest.param([autoscaler("odd", version="example.com/v1")], {}, id="one of another group's Deployment"),
    pytest.param(
        [autoscaler("b"), autoscaler("a")],
        {"shared": "HorizontalPodAutoscaler 'a' and HorizontalPodAutoscaler 'b'"},
        id="two of them",
    ),
    pytest.param(
        [autoscaler("one", "chat-high")], {"high": "HorizontalPodAutoscaler 'one'"}, id="one of another pool"
    ),
    pytest.param([{**autoscaler("none"), "spec": {}}], {}, id="one that says nothing"),
]


@pytest.mark.parametrize(("found", "expected"), CASES)
def test_rivals(found: list[dict[str, Any]], expected: dict[str, str]) -> None:
    assert rivals("chat", ["high", "shared"], found) == expected


@pytest.mark.parametrize(
    ("target", "keys"), [("chat-high", {KEY}), ("chat-shared", {KEY}), ("chat", set()), ("other", set())]
)
def test_a_service_is_looked_at_when_someone_begins_to_scale_it(target: str, keys: set[Key]) -> None:
    cache, cluster = Cache(), FakeCluster()
    cache.put(cluster.seed(service()))
    assert keys_of(Change(POD_AUTOSCALER, None, autoscaler("mine", target)), cache) == keys
