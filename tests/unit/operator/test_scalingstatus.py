"""What `status.scaling` says, and when it is written anew: a steady load writes nothing."""

from dataclasses import replace
from typing import Any

import pytest

from objects import EARLIER, NOW, Object, classes, condition, dedicated, manifest, observed, service, status
from tidegate_api.scaling import HISTORY_LENGTH
from tidegate_api.v1alpha1 import LLMServiceStatus
from tidegate_operator.facts import Target
from tidegate_operator.scaling.facts import Clamp, ColdStart, Decision, Term
from tidegate_operator.status import own, transitions

AT = NOW.timestamp()
BUSY = Term("Concurrency", 71.5, 32.0, 2.234375)
KV = Term("KVCacheUtilization", 1.2, 0.75, 1.6)


def decision(wanted: int = 3, binding: str = "Concurrency", *clamps: str, at: float = AT) -> Decision:
    return Decision(
        at=at,
        current=2,
        wanted=wanted,
        terms=(BUSY, KV),
        binding=binding,
        clamps=tuple(Clamp(one, f"because of {one}", 4, wanted) for one in clamps),
        message=f"{wanted} instead of 2.",
    )


def scaled(mode: str = "Auto", **more: Any) -> Object:
    return service(scaling={"maxReplicas": 8, "mode": mode}, **more)


def said(
    decided: Decision | None,
    before: Object | None = None,
    of: Object | None = None,
    rivals: dict[str, str] | None = None,
) -> Object:
    """Return the status after a decision about the shared pool, given the status before."""
    found = of or scaled()
    facts = observed({**found, **({} if before is None else {"status": before})})
    targets = (
        {} if decided is None else {"shared": Target(decided.wanted, decided, ColdStart(61.2, 80, 99.9))}
    )
    return status(replace(facts, targets=targets, rivals=rivals or {}))


def entry(of: Object) -> Object:
    found: Object = of["scaling"][0]
    return found


def test_an_entry_has_all_that_was_decided() -> None:
    found = entry(said(decision(3, "Concurrency", "RateLimited")))
    assert found == {
        "pool": "shared",
        "mode": "Auto",
        "wanted": 3,
        "binding": "Concurrency",
        "message": "3 instead of 2.",
        "decidedAt": "2026-11-21T12:00:00Z",
        "terms": [
            {"name": "Concurrency", "value": "71.5", "target": "32", "replicas": "2.234"},
            {"name": "KVCacheUtilization", "value": "1.2", "target": "0.75", "replicas": "1.6"},
        ],
        "clamps": [{"reason": "RateLimited", "message": "because of RateLimited"}],
        "coldStartSeconds": {"p50": 62, "p90": 80, "p99": 100},
    }


def test_an_entry_is_as_the_schema_has_it() -> None:
    first = said(decision(3, "Concurrency", "RateLimited"))
    LLMServiceStatus.model_validate(said(decision(5, at=AT + 10), first))


def test_before_anything_is_decided_there_is_no_entry_and_no_opinion() -> None:
    found = said(None)
    assert "scaling" not in found
    active = condition(found, "ScalingActive")
    assert (active["status"], active["reason"]) == ("Unknown", "NotDecidedYet")


def test_a_fixed_service_says_nothing_of_scaling() -> None:
    found = said(None, of=service(replicas=2))
    assert "scaling" not in found
    assert "ScalingActive" not in [one["type"] for one in found["conditions"]]


SAME: list[Any] = [
    pytest.param(decision(at=AT + 3600), id="the same an hour later"),
    pytest.param(
        replace(decision(at=AT + 10), terms=(replace(BUSY, value=80.0),), message="other words"),
        id="other numbers for the same end",
    ),
    pytest.param(decision(binding="KVCacheUtilization", at=AT + 30), id="another term ahead, for a moment"),
    pytest.param(
        decision(3, "Concurrency", "HeldBack", at=AT + 30), id="something that slows it down, for a moment"
    ),
    pytest.param(None, id="nothing, since the operator has just started"),
]


@pytest.mark.parametrize("decided", SAME)
def test_what_is_no_news_leaves_the_status_as_it_is_to_the_byte(decided: Decision | None) -> None:
    before = said(decision())
    assert said(decided, before) == before


NEWS: list[Any] = [
    pytest.param(decision(4, at=AT + 10), id="another number"),
    pytest.param(decision(3, "Concurrency", "HeldBack", at=AT + 60), id="something that slows it down"),
    pytest.param(decision(3, "Concurrency", "CappedByBudget", at=AT + 10), id="something that bounds it"),
    pytest.param(decision(3, "Concurrency", "HeldMissingMetrics", at=AT + 10), id="something not measured"),
    pytest.param(decision(3, "KVCacheUtilization", at=AT + 90), id="another term ahead, for longer"),
    pytest.param(decision(3, "NoData", at=AT + 10), id="nothing measured any more"),
]


@pytest.mark.parametrize("decided", NEWS)
def test_news_is_written(decided: Decision) -> None:
    found = entry(said(decided, said(decision())))
    assert found["binding"] == decided.binding
    assert found["decidedAt"] != "2026-11-21T12:00:00Z"


def test_the_end_of_what_held_it_back_is_news() -> None:
    before = said(decision(3, "Concurrency", "ScaleUpStuck"))
    assert "clamps" not in entry(said(decision(at=AT + 10), before))


def test_another_mode_is_news() -> None:
    before = said(decision())
    assert entry(said(decision(at=AT + 10), before, scaled("Advise")))["mode"] == "Advise"
    assert entry(said(None, before, scaled("Advise")))["mode"] == "Advise"


def test_the_history_has_the_last_changes_the_newest_first() -> None:
    found = said(decision(0))
    for number in range(1, HISTORY_LENGTH + 3):
        found = said(decision(number, at=AT + 10 * number), found)
    past = entry(found)["history"]
    assert len(past) == HISTORY_LENGTH
    assert (past[0]["from"], past[0]["to"], past[0]["at"]) == (11, 12, "2026-11-21T12:02:00Z")
    assert past[-1]["to"] == 3


def test_two_changes_within_a_second_are_one() -> None:
    first = said(decision(4, at=AT + 10), said(decision(3)))
    past = entry(said(decision(6, at=AT + 10.4), first))["history"]
    assert [(one["from"], one["to"]) for one in past] == [(3, 6)]


def test_what_holds_it_back_twice_is_told_once() -> None:
    found = entry(said(decision(3, "Concurrency", "HeldBack", "RateLimited", "HeldBack")))
    assert [one["reason"] for one in found["clamps"]] == ["HeldBack", "RateLimited"]


def test_a_spec_that_cannot_be_read_forgets_nothing() -> None:
    before = said(decision())
    broken = scaled(engine={"args": ["--no-such-flag"]})
    found = said(decision(7, at=AT + 10), before, broken)
    assert found["scaling"] == before["scaling"]
    assert condition(found, "ScalingActive")["reason"] == "UnknownFlag"


def test_the_mark_of_a_gateway_is_not_the_operators() -> None:
    mark = [{"pool": "shared", "requestedAt": EARLIER}]
    assert own({"phase": "Ready", "demand": mark}) == {"phase": "Ready"}
    assert own(None) is None
    assert "demand" not in said(decision(), {"demand": mark})


ACTIVE: list[Any] = [
    pytest.param(scaled(), decision(), ("True", "FollowingDemand"), "3 in pool 'shared'", id="all is well"),
    pytest.param(scaled("Advise"), decision(), ("False", "AdviseOnly"), "3 in pool", id="advice only"),
    pytest.param(scaled("External"), decision(), ("False", "ScaledExternally"), "by others.", id="others do"),
    pytest.param(scaled("Off"), decision(), ("False", "ScalingOff"), "stay as many", id="nobody does"),
    pytest.param(scaled(suspend=True), decision(), ("False", "Suspended"), "spec.suspend", id="suspended"),
    pytest.param(
        scaled(),
        decision(3, "NoData", "HeldMissingMetrics"),
        ("False", "MetricsUnavailable"),
        "3 instead of 2",
        id="nothing measured",
    ),
    pytest.param(
        scaled(),
        decision(3, "NoData", "Fallback"),
        ("False", "MetricsUnavailable"),
        "pool 'shared'",
        id="nothing measured for long",
    ),
    pytest.param(
        scaled(),
        decision(3, "Concurrency", "HeldMissingMetrics"),
        ("True", "MetricsIncomplete"),
        "pool 'shared'",
        id="something not measured",
    ),
    pytest.param(
        scaled(),
        decision(3, "Concurrency", "CappedByBudget"),
        ("True", "ResourceConstrained"),
        "because of CappedByBudget",
        id="no accelerators left",
    ),
    pytest.param(
        scaled(),
        decision(3, "Concurrency", "ScaleUpStuck"),
        ("True", "ResourceConstrained"),
        "because of ScaleUpStuck",
        id="new workers cannot start",
    ),
    pytest.param(
        scaled(),
        decision(3, "Concurrency", "CappedByMax"),
        ("True", "FollowingDemand"),
        "3 in pool",
        id="as many as the user allows",
    ),
]


@pytest.mark.parametrize(("of", "decided", "expected", "words"), ACTIVE)
def test_whether_replicas_follow_the_load(
    of: Object, decided: Decision, expected: tuple[str, str], words: str
) -> None:
    active = condition(said(decided, of=of), "ScalingActive")
    assert (active["status"], active["reason"]) == expected
    assert words in active["message"]


def test_someone_else_who_scales_the_pool_is_named_and_left_to_it() -> None:
    rival = {"shared": "HorizontalPodAutoscaler 'mine'"}
    found = said(decision(), of=scaled(), rivals=rival)
    active = condition(found, "ScalingActive")
    assert (active["status"], active["reason"]) == ("False", "ScalingConflict")
    assert "HorizontalPodAutoscaler 'mine' scales pool 'shared'" in active["message"]
    assert "ScalingConflict" in [one.reason for one in transitions(said(decision()), found)]
    assert transitions(found, said(decision(), found, rivals=rival)) == []


def test_in_external_mode_whoever_scales_is_welcome_and_named() -> None:
    found = said(decision(), of=scaled("External"), rivals={"shared": "HorizontalPodAutoscaler 'mine'"})
    assert "shared: HorizontalPodAutoscaler 'mine'" in condition(found, "ScalingActive")["message"]


EVENTS: list[Any] = [
    pytest.param(2, decision(3), ["ScaledUp"], id="more"),
    pytest.param(4, decision(3), ["ScaledDown"], id="fewer"),
    pytest.param(1, decision(0), ["ScaledToZero"], id="none"),
    pytest.param(0, decision(3), ["Woken"], id="some after none"),
    pytest.param(3, decision(3), [], id="as many"),
    pytest.param(3, decision(3, "Concurrency", "CappedByCost"), ["ResourceConstrained"], id="no money left"),
    pytest.param(3, decision(3, "NoData", "HeldMissingMetrics"), ["MetricsUnavailable"], id="blind"),
    pytest.param(
        2, decision(3, "NoData", "Fallback"), ["ScaledUp", "MetricsUnavailable"], id="more, being blind"
    ),
]


@pytest.mark.parametrize(("before", "decided", "expected"), EVENTS)
def test_events(before: int, decided: Decision, expected: list[str]) -> None:
    old = said(decision(before))
    new = said(replace(decided, at=AT + 10), old)
    assert [one.reason for one in transitions(old, new)] == expected
    again = said(replace(decided, at=AT + 20), new)
    assert transitions(new, again) == []


@pytest.mark.parametrize("mode", ["Advise", "External", "Off"])
def test_what_is_not_done_is_no_event(mode: str) -> None:
    old = said(decision(2), of=scaled(mode))
    assert transitions(old, said(decision(3, at=AT + 10), old, scaled(mode))) == []


def test_warnings_are_those_that_somebody_may_want_to_mend() -> None:
    old = said(decision(2))
    new = said(decision(3, "NoData", "ScaleUpStuck", at=AT + 10), old)
    kinds = {one.reason: one.type for one in transitions(old, new)}
    assert kinds == {"ScaledUp": "Normal", "ResourceConstrained": "Warning", "MetricsUnavailable": "Warning"}


def test_every_pool_has_an_entry_of_its_own() -> None:
    of = classes(dedicated("high"), scaling={"maxReplicas": 4})
    targets = {
        "high": Target(1, decision(1)),
        "shared": Target(3, decision(3)),
    }
    found = status(replace(observed(of), targets=targets))
    assert [(one["pool"], one["wanted"]) for one in found["scaling"]] == [("high", 1), ("shared", 3)]
    assert condition(found, "ScalingActive")["message"] == "Wanted are 1 in pool 'high', 3 in pool 'shared'."


def test_workers_that_start_because_of_the_load_are_no_want() -> None:
    """Fewer than are wanted is what a pool that grows looks like; fewer than its least is a want."""
    of = scaled()
    made = manifest("Deployment", of)
    there = {**made, "spec": {**made["spec"], "replicas": 4}}
    from objects import pod

    ready = pod(ready=True)
    found = status(observed(of, children=[there], pods=[ready]))
    assert (found["ready"], condition(found, "Degraded")["status"]) == ("1/4", "False")
    assert condition(found, "Progressing")["status"] == "True"
    assert condition(status(observed(of, children=[there])), "Degraded")["status"] == "True"


def test_a_pool_that_sleeps_is_no_failure() -> None:
    of = service(scaling={"minReplicas": 0, "maxReplicas": 4})
    made = manifest("Deployment", of)
    there = {**made, "spec": {**made["spec"], "replicas": 0}}
    found = status(observed(of, children=[there]))
    ready = condition(found, "Ready")
    assert (ready["status"], ready["reason"], found["phase"]) == ("False", "ScaledToZero", "Suspended")
    assert "the next request for the model wakes it" in ready["message"]
