"""What all gateways together hold and count; and that one which was not heard is not one that holds nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tidegate_operator.census import (
    Census,
    ClassReading,
    PoolReading,
    Reading,
    changed_services,
    changed_tenants,
    next_census,
)
from tidegate_operator.facts import ClassTraffic, Counters, Key, PoolTraffic
from tidegate_operator.gateways import read_state
from tidegate_operator.podanswer import Unreadable
from tidegate_operator.rollout.facts import Compared, Counts

SERVICE, WEB = Key("team-a", "chat"), Key("team-a", "web")
A, B = "aaaa", "bbbb"


def pod(uid: str, *, ready: bool = True) -> dict[str, Any]:
    return {
        "metadata": {"uid": uid, "name": uid},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def reading(
    uid: str, queued: int = 0, share: float | None = None, requests: int = 0, boot: str = "1"
) -> Reading:
    pool = PoolReading(100, 1000, {"high": ClassReading(queued, 2, share), "low": ClassReading(0, 0, None)})
    return Reading(f"{uid}-{boot}", {WEB: Counters(requests, 10, 5)}, {SERVICE: {"shared": pool}})


def held(census: Census) -> PoolTraffic:
    traffic = census.traffic(SERVICE)
    assert traffic is not None
    return traffic["shared"]


def test_what_gateways_hold_is_added_up_by_pool_and_class() -> None:
    census = next_census(None, [pod(A), pod(B)], {A: reading(A, 3, 80), B: reading(B, 4, 61)})
    assert held(census) == PoolTraffic(
        credits_used=200,
        credits_limit=2000,
        classes={"high": ClassTraffic(7, 4, 70), "low": ClassTraffic(0, 0, None)},
    )


def test_a_share_is_the_mean_of_the_gateways_that_admitted_anything() -> None:
    census = next_census(None, [pod(A), pod(B)], {A: reading(A, share=40), B: reading(B, share=None)})
    assert held(census).classes["high"].share_percent == 40


def test_a_share_is_never_more_than_all() -> None:
    census = next_census(None, [pod(A)], {A: reading(A, share=100.6)})
    assert held(census).classes["high"].share_percent == 100


def test_a_service_that_no_gateway_mentions_holds_nothing() -> None:
    census = next_census(None, [pod(A)], {A: reading(A)})
    assert census.traffic(Key("team-a", "other")) == {}


def test_without_a_gateway_nothing_is_held() -> None:
    assert next_census(None, [], {}).traffic(SERVICE) == {}


@pytest.mark.parametrize(
    ("before", "pods", "heard", "queued"),
    [
        pytest.param({}, [pod(A), pod(B)], {A: reading(A, 3)}, None, id="one of two was never heard"),
        pytest.param(
            {B: reading(B, 4)}, [pod(A), pod(B)], {A: reading(A, 3)}, 7, id="one of two was heard before"
        ),
        pytest.param({B: reading(B, 4)}, [pod(A)], {A: reading(A, 3)}, 3, id="the other one is gone"),
        pytest.param(
            {}, [pod(A), pod(B, ready=False)], {A: reading(A, 3)}, 3, id="the other one has not begun yet"
        ),
        pytest.param(
            {B: reading(B, 4)},
            [pod(A), pod(B, ready=False)],
            {A: reading(A, 3)},
            3,
            id="the other one takes no requests any more and is not heard",
        ),
        pytest.param(
            {},
            [pod(A), pod(B, ready=False)],
            {A: reading(A, 3), B: reading(B, 4)},
            7,
            id="the other one is finishing what it has begun",
        ),
        pytest.param(
            {B: reading(B, 4)},
            [pod(A), pod(B)],
            {A: reading(A, 3), B: reading("cccc", 9)},
            7,
            id="another Pod answers at the address of one",
        ),
    ],
)
def test_who_is_in_the_sum(
    before: dict[str, Reading], pods: list[Any], heard: dict[str, Reading], queued: int | None
) -> None:
    known = next_census(None, [pod(uid) for uid in before], before)
    traffic = next_census(known, pods, heard).traffic(SERVICE)
    assert (traffic["shared"].classes["high"].queued if traffic is not None else None) == queued


def test_what_was_counted_is_told_by_process() -> None:
    census = next_census(None, [pod(A), pod(B)], {A: reading(A, requests=3), B: reading(B, requests=4)})
    assert census.counters(WEB) == {f"{A}-1": Counters(3, 10, 5), f"{B}-1": Counters(4, 10, 5)}
    assert census.counters(Key("team-a", "nobody")) == {}


@pytest.mark.parametrize(
    ("instance", "ended"),
    [
        pytest.param(f"{A}-1", False, id="the process that was heard"),
        pytest.param(f"{A}-0", True, id="the one before it in the same Pod"),
        pytest.param(f"{B}-1", False, id="one in a Pod that was not heard"),
        pytest.param("cccc-1", True, id="one in a Pod that is gone"),
    ],
)
def test_a_process_has_ended_when_it_can_never_be_heard_again(instance: str, ended: bool) -> None:
    census = next_census(None, [pod(A), pod(B)], {A: reading(A)})
    assert census.has_ended(instance) is ended


def test_only_what_has_changed_is_news() -> None:
    before = next_census(None, [pod(A)], {A: reading(A, 3, requests=1)})
    assert changed_services(before, before) == changed_tenants(before, before) == set()
    more = next_census(before, [pod(A)], {A: reading(A, 4, requests=1)})
    assert (changed_services(before, more), changed_tenants(before, more)) == ({SERVICE}, set())
    used = next_census(before, [pod(A)], {A: reading(A, 3, requests=2)})
    assert (changed_services(before, used), changed_tenants(before, used)) == (set(), {WEB})


def test_a_gateway_that_starts_anew_or_goes_is_news_of_whoever_it_counted() -> None:
    before = next_census(None, [pod(A)], {A: reading(A, 3, requests=1)})
    anew = next_census(before, [pod(A)], {A: Reading(f"{A}-2")})
    assert (changed_services(before, anew), changed_tenants(before, anew)) == ({SERVICE}, {WEB})
    gone = next_census(before, [], {})
    assert (changed_services(before, gone), changed_tenants(before, gone)) == ({SERVICE}, {WEB})


STATE = {
    "instance": f"{A}-1",
    "tenants": [
        {"namespace": "team-a", "name": "web", "requests": 3, "promptTokens": 2**40, "completionTokens": 5}
    ],
    "pools": [
        {
            "namespace": "team-a",
            "service": "chat",
            "pool": "high",
            "creditsUsed": 12.6,
            "creditsLimit": 4096,
            "classes": [
                {"name": "high", "queued": 1, "running": 2, "sharePercent": 66.7},
                {"name": "low", "queued": 0, "running": 0, "sharePercent": None},
            ],
        }
    ],
}


def test_a_state_is_read() -> None:
    found = read_state(json.dumps({**STATE, "newer": [1]}).encode())
    classes = {"high": ClassReading(1, 2, 66.7), "low": ClassReading(0, 0, None)}
    assert found == Reading(
        f"{A}-1", {WEB: Counters(3, 2**40, 5)}, {SERVICE: {"high": PoolReading(13, 4096, classes)}}
    )


def test_the_least_state_is_an_instance() -> None:
    assert read_state(b'{"instance": "x-1"}') == Reading("x-1")


def broken(path: str, value: object) -> bytes:
    """Return the state with another value at a path."""
    state = json.loads(json.dumps(STATE))
    node, steps = state, [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in steps[:-1]:
        node = node[step]
    node[steps[-1]] = value
    return json.dumps(state).encode()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(b"", "the whole", id="nothing"),
        pytest.param(b"<html>", "the whole", id="a page"),
        pytest.param(b"[]", "the whole", id="a list"),
        pytest.param(b"{}", "instance", id="no instance"),
        pytest.param(broken("instance", ""), "instance", id="an instance without a name"),
        pytest.param(broken("instance", "x" * 129), "instance", id="an instance with too long a name"),
        pytest.param(broken("tenants.0.requests", -1), "tenants.0.requests", id="a count below nothing"),
        pytest.param(broken("tenants.0.requests", None), "tenants.0.requests", id="a count that is null"),
        pytest.param(broken("tenants.0.promptTokens", 1.5), "promptTokens", id="half a token"),
        pytest.param(broken("pools.0.creditsUsed", "NaN"), "creditsUsed", id="no number of credits"),
        pytest.param(broken("pools.0.classes.0.name", "urgent"), "classes.0.name", id="no such class"),
        pytest.param(broken("pools.0.classes.0.sharePercent", -1), "sharePercent", id="less than nothing"),
        pytest.param(broken("pools", {}), "pools", id="pools that are no list"),
    ],
)
def test_what_is_no_state_is_refused_with_the_place(body: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        read_state(body)


def test_versions_are_summed_over_the_gateways_that_were_heard() -> None:
    """One that was not is left out: what the others have seen is evidence without it."""
    key = Key("team-a", "chat")
    version = {"requests": 10, "errors": 1, "ttft": {"40": 9, "41": 1}}
    said = {
        "namespace": "team-a",
        "service": "chat",
        "canary": {"revision": "new", "stable": version, "canary": version},
    }

    def heard(uid: str, **more: object) -> Reading:
        state = {"instance": f"{uid}-1", "services": [{**said, **more}]}
        return read_state(json.dumps(state).encode())

    other = {"canary": {"revision": "older", "stable": version, "canary": version}}
    census = Census(
        frozenset("abc"), {"a": heard("a"), "b": heard("b"), "c": heard("c", **other)}, is_complete=False
    )
    assert census.tallies(key)["new"] == Compared(
        Counts(20, 2, {40: 18, 41: 2}), Counts(20, 2, {40: 18, 41: 2})
    )
    assert census.tallies(key)["older"].canary.requests == 10
    assert census.tallies(Key("team-b", "chat")) == {}


@pytest.mark.parametrize(
    "version",
    [
        {"requests": -1, "errors": 0},
        {"requests": 1, "errors": 0, "ttft": {"x": 1}},
        {"requests": 1, "errors": 0, "ttft": {"999": 1}},
    ],
)
def test_counts_that_make_no_sense_are_none(version: dict[str, object]) -> None:
    canary = {"revision": "new", "stable": version, "canary": version}
    state = {"instance": "a-1", "services": [{"namespace": "n", "service": "s", "canary": canary}]}
    with pytest.raises(Unreadable):
        read_state(json.dumps(state).encode())
