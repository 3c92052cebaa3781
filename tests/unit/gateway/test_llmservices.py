"""What an LLMService says of classes, and of requests that find no worker."""

from typing import Any

import pytest

from tidegate_gateway.directory import Canary, ClassPolicy, ColdStart, Model
from tidegate_gateway.llmservices import read_service

DEDICATED = {"name": "high", "pool": "Dedicated"}
ASLEEP = {"scaling": {"minReplicas": 0, "maxReplicas": 2}}


def model(spec: dict[str, Any], status: dict[str, Any] | None = None) -> Model:
    item = {"metadata": {"namespace": "ns", "name": "chat"}, "spec": spec, "status": status or {}}
    found = read_service(item)
    assert found is not None
    return found


def test_a_service_says_how_it_treats_each_class() -> None:
    classes = [
        {
            "name": "high",
            "pool": "Dedicated",
            "minSharePercent": 0,
            "maxQueue": 5,
            "queueTimeoutSeconds": 9,
            "slo": {"ttftMilliseconds": 1500},
        },
        {"name": "low", "minSharePercent": 10},
        {"name": "platinum"},
    ]
    found = model({"qos": {"classes": classes}})
    assert found.classes == {
        "high": ClassPolicy("high", 0.0, 5, 9, 1.5),
        "medium": ClassPolicy("shared", 0.25, 100, 30),
        "low": ClassPolicy("shared", 0.10, 100, 300),
    }
    assert (found.strategy, found.shared_prefixes, found.stopped) == ("Auto", False, "")


def test_a_service_says_how_its_requests_are_routed() -> None:
    found = model({"routing": {"strategy": "PrefixHash", "prefixCache": "Shared"}})
    assert (found.strategy, found.shared_prefixes) == ("PrefixHash", True)


@pytest.mark.parametrize(
    ("rollout", "canary"),
    [
        ({}, None),
        ({"phase": "Stable", "revision": "r1"}, None),
        ({"phase": "Stable", "revision": "r1", "weight": 30}, None),
        ({"revision": "r1", "canaryRevision": "r2", "weight": 5}, Canary("r2", 5.0)),
        ({"revision": "r1", "canaryRevision": "r2"}, Canary("r2", 0.0)),
        ({"revision": "r1", "canaryRevision": "r2", "weight": 250}, Canary("r2", 100.0)),
        (
            {"phase": "Promoting", "revision": "r1", "canaryRevision": "r2", "weight": 50},
            Canary("r2", 50.0, is_passed=True),
        ),
    ],
)
def test_a_service_says_which_version_is_tried(rollout: dict[str, Any], canary: Canary | None) -> None:
    assert model({}, {"rollout": rollout}).canary == canary


@pytest.mark.parametrize(
    ("spec", "is_vllm", "slots", "has_adapters"),
    [
        ({}, True, 0, False),
        ({"engine": {"maxNumSeqs": 4}}, True, 0, False),
        ({"engine": {"type": "vLLM"}, "model": {"lora": {}}}, True, 0, True),
        ({"engine": {"type": "Custom"}}, False, 0, False),
        ({"engine": {"type": "Custom", "maxNumSeqs": 4}}, False, 4, False),
    ],
)
def test_a_service_says_what_its_engine_is(
    spec: dict[str, Any], is_vllm: bool, slots: int, has_adapters: bool
) -> None:
    found = model(spec)
    assert (found.is_vllm, found.slots, found.has_adapters) == (is_vllm, slots, has_adapters)


def test_the_adapters_that_are_to_be_loaded_are_known_before_they_are() -> None:
    listed = [{"name": "sql", "uri": "hf://acme/sql"}, {"name": "chat", "uri": "pvc://a/b"}]
    assert model({"model": {"lora": {"adapters": listed}}}).adapters == {"sql", "chat"}
    assert model({"model": {"lora": {}}}).adapters == model({}).adapters == set()


@pytest.mark.parametrize(
    ("spec", "wanted", "stopped"),
    [
        ({}, {"high", "medium", "low"}, ""),
        ({"replicas": 2}, {"high", "medium", "low"}, ""),
        ({"replicas": 0}, set(), "no replicas"),
        ({"replicas": 2, "suspend": True}, set(), "suspended"),
        (ASLEEP, {"high", "medium", "low"}, ""),
        (ASLEEP | {"suspend": True}, set(), "suspended"),
        ({"replicas": 0, "qos": {"classes": [DEDICATED]}}, {"high"}, ""),
        ({"qos": {"classes": [DEDICATED | {"replicas": 0}]}}, {"medium", "low"}, ""),
        (ASLEEP | {"qos": {"classes": [DEDICATED]}}, {"high", "medium", "low"}, ""),
    ],
    ids=[
        "who says nothing wants one worker",
        "a number of workers",
        "a number of none",
        "suspended",
        "what scales may sleep",
        "what scales and is suspended does not wake",
        "a pool of its own counts for its class",
        "a pool of its own without workers",
        "a pool of its own that scales",
    ],
)
def test_whose_workers_would_be_started(spec: dict[str, Any], wanted: set[str], stopped: str) -> None:
    found = model(spec)
    assert {name for name, policy in found.classes.items() if policy.is_wanted} == wanted
    assert found.stopped == stopped


@pytest.mark.parametrize(
    ("spec", "scaling", "cold_start"),
    [
        ({}, [], ColdStart(True, 300, 100, 60)),
        ({"coldStart": {"mode": "Reject"}}, [], ColdStart(False, 300, 100, 60)),
        ({"coldStart": {"timeoutSeconds": 9, "maxQueue": 0}}, [], ColdStart(True, 9, 0, 60)),
        ({}, [{"pool": "shared", "coldStartSeconds": {"p50": 31, "p90": 40}}], ColdStart(True, 300, 100, 31)),
        ({}, [{"pool": "high", "coldStartSeconds": {"p50": 31}}, {"pool": "shared"}], ColdStart()),
        (
            {"scaling": {"maxReplicas": 2, "coldStartSeconds": 12}},
            [{"pool": "shared", "coldStartSeconds": {"p50": 31}}],
            ColdStart(True, 300, 100, 12),
        ),
    ],
    ids=[
        "the defaults",
        "rejecting",
        "its own bounds",
        "as long as starts were measured to take",
        "what was measured of another pool",
        "what the user says, not what was measured",
    ],
)
def test_what_becomes_of_requests_without_a_worker(
    spec: dict[str, Any], scaling: list[dict[str, Any]], cold_start: ColdStart
) -> None:
    assert model(spec, {"scaling": scaling}).classes["low"].cold_start == cold_start
