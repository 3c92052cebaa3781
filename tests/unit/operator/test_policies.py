"""What an LLMService asks of the scaling of each pool, in the words of the law."""

from typing import Any

import pytest

from tidegate_api.v1alpha1 import LLMServiceSpec
from tidegate_operator.policies import policies
from tidegate_operator.scaling.facts import Fallback, Policy, RatePolicy, Rules, Schedule


def asked(
    accelerators: int = 1, classes: list[dict[str, Any]] | None = None, **scaling: Any
) -> dict[str, Policy]:
    spec = {
        "model": {"uri": "pvc://a"},
        "qos": {"classes": classes or []},
        "scaling": {"maxReplicas": 4, **scaling},
    }
    return policies(LLMServiceSpec.model_validate(spec), accelerators)


def own(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "pool": "Dedicated", **fields}


def test_where_the_user_sets_the_number_there_is_no_policy() -> None:
    assert policies(LLMServiceSpec.model_validate({"model": {"uri": "pvc://a"}}), 1) == {}


def test_what_is_not_said_is_left_to_the_law_but_for_the_cache() -> None:
    assert asked() == {
        "shared": Policy(
            mode="Auto", min_replicas=1, max_replicas=4, qos_class="high", kv_utilization_target=0.75
        )
    }


CASES: list[Any] = [
    pytest.param({"mode": "Off", "minReplicas": 0}, {"mode": "Off", "min_replicas": 0}, id="mode and least"),
    pytest.param(
        {"metrics": [{"type": "QueueDepth", "target": 5}, {"type": "Concurrency", "target": 32}]},
        {"queue_depth_target": 5.0, "concurrency_target": 32.0},
        id="targets in requests",
    ),
    pytest.param(
        {"metrics": [{"type": "KVCacheUtilization", "target": 60}]},
        {"kv_utilization_target": 0.6},
        id="a target in percent",
    ),
    pytest.param({"idleSeconds": 600}, {"idle_seconds": 600.0}, id="how long it may be idle"),
    pytest.param({"coldStartSeconds": 45}, {"cold_start_seconds": 45.0}, id="how long a start takes"),
    pytest.param(
        {"costPerReplicaHour": "4.10", "maxHourlyCost": "20"}, {"cost_per_hour": 4.1}, id="what one costs"
    ),
    pytest.param({"fallback": {"replicas": 2}}, {"fallback": Fallback(3, 2)}, id="what to fall back on"),
    pytest.param(
        {
            "behavior": {
                "scaleUp": {"selectPolicy": "Disabled"},
                "scaleDown": {
                    "stabilizationWindowSeconds": 0,
                    "policies": [{"type": "Percent", "value": 10, "periodSeconds": 60}],
                },
            }
        },
        {"scale_up": Rules(select="Disabled"), "scale_down": Rules(0, (RatePolicy("Percent", 10, 60),))},
        id="how fast",
    ),
    pytest.param(
        {
            "schedules": [
                {
                    "name": "office",
                    "timezone": "Europe/Berlin",
                    "daysOfWeek": ["Mon", "Sun"],
                    "startTime": "08:30",
                    "endTime": "18:00",
                    "minReplicas": 2,
                }
            ]
        },
        {"schedules": (Schedule("office", "Europe/Berlin", frozenset({0, 6}), 510, 1080, 2),)},
        id="floors at certain hours",
    ),
]


@pytest.mark.parametrize(("scaling", "expected"), CASES)
def test_what_is_said_reaches_the_law(scaling: dict[str, Any], expected: dict[str, Any]) -> None:
    found = asked(**scaling)["shared"]
    assert {name: getattr(found, name) for name in expected} == expected


def test_a_worker_counts_as_many_accelerators_as_it_has() -> None:
    assert asked(accelerators=4)["shared"].accelerators == 4


def test_a_class_with_a_pool_of_its_own_may_have_bounds_of_its_own() -> None:
    found = asked(classes=[own("low", minReplicas=0, maxReplicas=2), own("high", minReplicas=3)])
    assert {name: (one.qos_class, one.min_replicas, one.max_replicas) for name, one in found.items()} == {
        "high": ("high", 3, 4),
        "low": ("low", 0, 2),
        "shared": ("medium", 1, 4),
    }


def test_the_strictest_promise_of_those_who_share_holds_for_all() -> None:
    slow, fast = {"ttftMilliseconds": 2000}, {"ttftMilliseconds": 500}
    shared = asked(classes=[{"name": "high", "slo": slow}, {"name": "low", "slo": fast}])["shared"]
    assert shared.ttft_slo_seconds == 0.5
    apart = asked(classes=[own("high", slo=fast), {"name": "low", "slo": slow}])
    assert (apart["high"].ttft_slo_seconds, apart["shared"].ttft_slo_seconds) == (0.5, 2.0)


def test_without_anybody_to_share_it_there_is_no_shared_pool() -> None:
    assert list(asked(classes=[own(name) for name in ("high", "medium", "low")])) == ["high", "medium", "low"]
