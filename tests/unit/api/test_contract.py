"""Small promises of the contract: priorities, names, keys, and a folder that must stay no package."""

import re
from pathlib import Path
from typing import get_args

import pytest

from tidegate_api import names
from tidegate_api.keys import digest, new_key
from tidegate_api.qos import ClassPolicy, Qos
from tidegate_api.scaling import Scaling
from tidegate_api.schema import Model
from tidegate_api.tenant import LLMTenantSpec, TenantKey
from tidegate_api.v1alpha1 import LLMService, LLMServiceSpec

ROOT = Path(__file__).parents[3]


def test_the_folder_of_the_operator_is_no_package_which_would_hide_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_higher_wins_for_users_and_lower_wins_for_the_engine() -> None:
    ours = [names.PRIORITY_BY_CLASS[name] for name in ("high", "medium", "low")]
    engines = [names.engine_priority(priority) for priority in ours]
    assert ours == sorted(ours, reverse=True)
    assert engines == sorted(engines)


def test_every_class_has_a_priority() -> None:
    assert set(names.PRIORITY_BY_CLASS) == set(get_args(names.QosClass))


def test_every_class_has_defaults_that_an_llmservice_could_have_written() -> None:
    assert set(names.CLASS_DEFAULTS) == set(names.QOS_CLASSES) == set(get_args(names.QosClass))
    written = [
        ClassPolicy(
            name=name,
            min_share_percent=defaults.min_share_percent,
            max_queue=defaults.max_queue,
            queue_timeout_seconds=defaults.queue_timeout_seconds,
        )
        for name, defaults in names.CLASS_DEFAULTS.items()
    ]
    assert Qos(classes=written).dedicated == ()


def test_the_default_of_a_queue_is_the_same_for_all_classes_and_so_in_the_schema() -> None:
    assert {one.max_queue for one in names.CLASS_DEFAULTS.values()} == {ClassPolicy(name="high").max_queue}


def own(**fields: object) -> dict[str, object]:
    return {"classes": [{"name": "high", "pool": "Dedicated", **fields}]}


FLOOR = {"name": "office", "startTime": "08:00", "endTime": "18:00", "minReplicas": 1}
SCALED_WRONG: list[tuple[str, dict[str, object], str]] = [
    ("a number and bounds at once", {"replicas": 1, "scaling": {"maxReplicas": 4}}, "exclude each other"),
    (
        "a number for a class, and bounds for all",
        {"qos": own(replicas=1), "scaling": {"maxReplicas": 4}},
        "qos.classes.replicas and scaling",
    ),
    ("bounds of a class that nothing scales", {"qos": own(minReplicas=1)}, "need spec.scaling"),
    (
        "a class's least above the most of all",
        {"qos": own(minReplicas=5), "scaling": {"maxReplicas": 4}},
        "qos.classes.minReplicas must not be above",
    ),
    (
        "bounds of a pool that is shared",
        {"qos": {"classes": [{"name": "high", "maxReplicas": 2}]}, "scaling": {"maxReplicas": 4}},
        "bound a pool of one's own",
    ),
]
WRONG_SCALING: list[tuple[str, dict[str, object], str]] = [
    ("the least above the most", {"minReplicas": 5}, "minReplicas must not be above"),
    ("a fallback above the most", {"fallback": {"replicas": 5}}, "fallback.replicas must not be above"),
    ("a floor above the most", {"schedules": [{**FLOOR, "minReplicas": 5}]}, "schedules.minReplicas"),
    ("a floor that takes no time", {"schedules": [{**FLOOR, "endTime": "08:00"}]}, "must differ"),
    ("a time zone of nowhere", {"schedules": [{**FLOOR, "timezone": "Mars/Olympus"}]}, "no time zone 'Mars"),
    ("a ceiling without a price", {"maxHourlyCost": "10"}, "needs costPerReplicaHour"),
    (
        "more than all of the cache",
        {"metrics": [{"type": "KVCacheUtilization", "target": 101}]},
        "at most 100",
    ),
]


@pytest.mark.parametrize(
    ("model", "given", "says"),
    [
        pytest.param(
            ClassPolicy, {"name": "low", "replicas": 2}, "replicas", id="a size for a pool that is shared"
        ),
        pytest.param(
            ClassPolicy,
            {"name": "low", "priorityClassName": "x"},
            "priorityClassName",
            id="a PriorityClass for a pool that is shared",
        ),
        pytest.param(
            Qos,
            {
                "classes": [
                    {"name": "high", "minSharePercent": 60},
                    {"name": "low", "minSharePercent": 41},
                ]
            },
            "must not exceed 100",
            id="shares of more than there is",
        ),
        pytest.param(
            LLMServiceSpec,
            {
                "model": {"uri": "pvc://a"},
                "replicas": 2,
                "qos": {"classes": [{"name": name, "pool": "Dedicated"} for name in names.QOS_CLASSES]},
            },
            "set replicas to 1",
            id="a size for a shared pool that is not there",
        ),
        *(
            pytest.param(LLMServiceSpec, {"model": {"uri": "pvc://a"}, **given}, says, id=case)
            for case, given, says in SCALED_WRONG
        ),
        *(
            pytest.param(Scaling, {"maxReplicas": 4, **given}, says, id=case)
            for case, given, says in WRONG_SCALING
        ),
        pytest.param(
            LLMTenantSpec,
            {"qosClass": "low", "batchQosClass": "medium"},
            "not be above qosClass",
            id="batches above the rest",
        ),
    ],
)
def test_a_file_is_refused_where_the_api_server_would_refuse_it(
    model: type[Model], given: dict[str, object], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        model.model_validate(given)


def test_dedicated_classes_come_in_the_order_in_which_they_are_served() -> None:
    given = [{"name": name, "pool": "Dedicated"} for name in ("low", "high")]
    found = Qos.model_validate({"classes": [*given, {"name": "medium"}]}).dedicated
    assert [one.name for one in found] == ["high", "low"]


def test_a_key_is_recognised_by_its_prefix_and_never_made_twice() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(re.fullmatch(r"sk-[A-Za-z0-9_-]{43}", key) for key in keys)


def test_a_digest_is_what_a_tenant_takes() -> None:
    assert TenantKey(name="ci", sha256=digest(new_key())).not_after is None


def test_a_key_itself_is_no_digest() -> None:
    with pytest.raises(ValueError, match="sha256"):
        TenantKey(name="ci", sha256=new_key())


def test_pool_names_fit_where_a_name_of_the_greatest_length_is_used() -> None:
    """A ReplicaSet adds a dash and 10 characters, a Pod a dash and 5 more; labels end at 63."""
    for pool in (names.SHARED_POOL, *names.QOS_CLASSES):
        assert len(names.pool_name("x" * 50, pool)) <= 63


def test_reading_a_service_refuses_what_is_no_field() -> None:
    with pytest.raises(ValueError, match="token"):
        LLMService.model_validate({"spec": {"model": {"uri": "pvc://a", "token": "x"}}})
