"""`tidegate scaling explain`: what a user reads of a decision, and that nothing missing breaks it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tidegate_cli.explanation import lines

NOW = datetime(2026, 11, 21, 18, 0, 20, tzinfo=UTC)
DECISION: dict[str, Any] = {
    "pool": "shared",
    "mode": "Auto",
    "wanted": 3,
    "binding": "QueueDepth",
    "message": "12 requests wait",
    "decidedAt": "2026-11-21T18:00:00Z",
    "terms": [
        {"name": "QueueDepth", "value": "12", "target": "5", "replicas": "2.40"},
        {"name": "KVCacheUtilization", "value": "0.412345", "target": "0.75", "replicas": "1.1"},
    ],
    "clamps": [{"reason": "CappedByMax", "message": "maxReplicas is 3"}],
    "coldStartSeconds": {"p50": 61, "p90": 74},
    "history": [
        {"at": "2026-11-21T17:59:00Z", "from": 1, "to": 3, "binding": "QueueDepth", "message": "12 wait"}
    ],
}
POOL = {"name": "shared", "desired": 3, "ready": 1}


def service(*decisions: dict[str, Any], **status: Any) -> dict[str, Any]:
    return {"spec": {"scaling": {}}, "status": {"scaling": list(decisions), "pools": [POOL], **status}}


def explained(found: dict[str, Any]) -> list[str]:
    return lines(found, NOW)


def test_a_decision_is_told_with_its_numbers_reasons_and_past() -> None:
    assert explained(service(DECISION)) == [
        "POOL shared: 3 wanted, 3 asked for, 1 ready",
        "  mode        Auto: the operator sets the replicas",
        "  because     QueueDepth: 12 requests wait",
        "  decided     2026-11-21T18:00:00Z, 20 s ago",
        "  clamped     CappedByMax: maxReplicas is 3",
        "  cold start  61 s usually, 74 s at the 90th percentile",
        "",
        "  TERM                        MEASURED      TARGET    REPLICAS",
        "  QueueDepth                        12           5         2.4  <- binding",
        "  KVCacheUtilization            0.4123        0.75         1.1",
        "",
        "  CHANGED AT              REPLICAS    BECAUSE",
        "  2026-11-21T17:59:00Z    1 -> 3      QueueDepth: 12 wait",
    ]


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        pytest.param("Advise", "nothing is changed", id="an advice changes nothing"),
        pytest.param("External", "KEDA or an HPA", id="somebody else acts"),
        pytest.param("Off", "stay as they are", id="nobody acts"),
        pytest.param("Future", "mode        Future", id="a mode of a newer operator is shown as it is"),
    ],
)
def test_who_acts_on_a_decision_is_said(mode: str, words: str) -> None:
    assert words in "\n".join(explained(service({**DECISION, "mode": mode})))


def test_every_pool_is_told_and_kept_apart() -> None:
    told = explained(service(DECISION, {"pool": "high", "wanted": 1}))
    assert [line for line in told if line.startswith("POOL")] == [
        "POOL shared: 3 wanted, 3 asked for, 1 ready",
        "POOL high: 1 wanted",
    ]
    assert told[told.index("POOL high: 1 wanted") - 1] == ""


def test_a_decision_without_measurements_has_no_tables() -> None:
    bare = {"pool": "shared", "mode": "Auto", "wanted": 2, "binding": "HeldMissingMetrics"}
    assert explained(service(bare)) == [
        "POOL shared: 2 wanted, 3 asked for, 1 ready",
        "  mode        Auto: the operator sets the replicas",
        "  because     HeldMissingMetrics",
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param(None, "-", id="one that was not told"),
        pytest.param("0", "0", id="zero is a number"),
        pytest.param("12345.678", "1.235e+04", id="one of many digits"),
        pytest.param("many", "many", id="a word"),
    ],
)
def test_a_term_shows_its_measurement(value: object, shown: str) -> None:
    term = {"name": "Concurrency", "value": value, "target": "32", "replicas": "1"}
    row = next(line for line in explained(service({**DECISION, "terms": [term]})) if "Concurrency" in line)
    assert row.split()[1] == shown


def test_what_keeps_scaling_from_acting_comes_first() -> None:
    condition = {
        "type": "ScalingActive",
        "status": "False",
        "reason": "MetricsUnavailable",
        "message": "Prometheus did not answer",
    }
    told = explained(service(DECISION, conditions=[{"type": "Ready"}, condition]))
    assert told[0] == "ScalingActive is False: MetricsUnavailable: Prometheus did not answer"
    assert told[1:3] == ["", "POOL shared: 3 wanted, 3 asked for, 1 ready"]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        pytest.param({"spec": {"replicas": 4}}, "Replicas are fixed at 4", id="a fixed number"),
        pytest.param({"spec": {}}, "Replicas are fixed at 1", id="the default number"),
        pytest.param({"spec": {"scaling": {}}, "status": {}}, "Nothing has been decided yet", id="a new one"),
    ],
)
def test_a_service_without_a_decision_says_so(found: dict[str, Any], said: str) -> None:
    [line] = explained(found)
    assert line.startswith(said)


@pytest.mark.parametrize("at", ["not a time", "2026-11-21T19:00:00Z", "2026-11-21T10:00:00Z"])
def test_a_time_that_is_not_recent_is_shown_without_its_age(at: str) -> None:
    assert f"  decided     {at}" in explained(service({**DECISION, "decidedAt": at}))
