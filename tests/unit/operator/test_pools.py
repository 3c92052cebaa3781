"""Which pools an LLMService has, how big they are, and how much their Pods matter to Kubernetes."""

from typing import Any

import pytest

from objects import classes, dedicated, observed, planned, service
from tidegate_api.settings import Settings
from tidegate_operator.pools import sizes

ALL = ("high", "medium", "low")
BY_CLASS = {"high": "first", "medium": "", "low": "last"}
SETTINGS = Settings.model_validate({"priorityClassName": "usual", "priorityClassNames": BY_CLASS})

CASES: list[Any] = [
    pytest.param(service(), {"shared": (1, "usual")}, id="all classes share"),
    pytest.param(
        classes({"name": "high"}, replicas=2), {"shared": (2, "usual")}, id="a class that says it shares"
    ),
    pytest.param(
        classes(dedicated("high"), replicas=2),
        {"high": (1, "first"), "shared": (2, "usual")},
        id="a class with a worker of its own",
    ),
    pytest.param(
        classes(dedicated("low", 0), dedicated("high", 3)),
        {"high": (3, "first"), "low": (0, "last"), "shared": (1, "usual")},
        id="two classes, that of the higher one first",
    ),
    pytest.param(
        classes(*(dedicated(name, 2) for name in ALL)),
        {"high": (2, "first"), "medium": (2, "usual"), "low": (2, "last")},
        id="nobody is left to share",
    ),
    pytest.param(
        classes(dedicated("high", priorityClassName="mine")),
        {"high": (1, "mine"), "shared": (1, "usual")},
        id="a PriorityClass of its own",
    ),
    pytest.param(
        classes(dedicated("medium")),
        {"medium": (1, "usual"), "shared": (1, "usual")},
        id="a class for which the settings name none",
    ),
]


@pytest.mark.parametrize(("of", "expected"), CASES)
def test_pools(of: dict[str, Any], expected: dict[str, tuple[int, str]]) -> None:
    found = planned(observed(of), SETTINGS).pools
    assert {pool.name: (pool.replicas, pool.priority_class_name) for pool in found} == expected
    assert [pool.name for pool in found] == list(expected)


@pytest.mark.parametrize(("of", "expected"), CASES)
def test_their_sizes_are_read_from_the_raw_spec_too(of: dict[str, Any], expected: dict[str, Any]) -> None:
    assert sizes(of) == {name: replicas for name, (replicas, _) in expected.items()}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, {"shared": 1}, id="nothing"),
        pytest.param({"replicas": "two"}, {"shared": 0}, id="a number in words"),
        pytest.param({"replicas": -1}, {"shared": 0}, id="less than nothing"),
        pytest.param({"qos": {"classes": "high"}}, {"shared": 1}, id="classes that are no list"),
        pytest.param(
            {"qos": {"classes": [{"name": "urgent"}]}}, {"shared": 1}, id="a class that is not there"
        ),
    ],
)
def test_a_spec_that_makes_no_sense_has_a_shared_pool(spec: dict[str, Any], expected: dict[str, int]) -> None:
    assert sizes({"spec": spec}) == expected


def test_a_profile_says_how_much_workers_of_no_class_matter() -> None:
    profile = {"accelerator": "cpu", "priorityClassName": "profile"}
    settings = Settings.model_validate({"resourceProfiles": {"cpu": profile}, "priorityClassName": "usual"})
    found = planned(observed(classes(dedicated("high"))), settings).pools
    assert [pool.priority_class_name for pool in found] == ["tidegate-high", "profile"]
