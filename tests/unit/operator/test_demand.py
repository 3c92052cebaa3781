"""What is asked of a pool: differences of counters, and that a part is never taken for all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tidegate_operator.census import Census, ClassReading, PoolCounters, PoolReading, Reading, next_census
from tidegate_operator.demand import Counted, hear
from tidegate_operator.facts import Key
from tidegate_operator.gateways import read_state
from tidegate_operator.podanswer import Unreadable

SERVICE = Key("team-a", "chat")
A, B = "aaaa", "bbbb"


def pod(uid: str, *, ready: bool = True, ending: bool = False) -> dict[str, Any]:
    metadata = {"uid": uid, "name": f"gateway-{uid}", **({"deletionTimestamp": "now"} if ending else {})}
    return {"metadata": metadata, "status": {"conditions": [{"type": "Ready", "status": str(ready)}]}}


def reading(uid: str, arrived: int = 0, *, boot: str = "1", counts: bool = True, **in_flight: int) -> Reading:
    counters = PoolCounters(arrived, arrived * 10, arrived, arrived * 5, arrived, 1) if counts else None
    held = {"high": ClassReading(2, 3, None), "low": ClassReading(1, 0, None)}
    pool = PoolReading(0, 0, held, 300, 100, counters)
    return Reading(f"{uid}-{boot}", {}, {SERVICE: {"shared": pool}}, in_flight)


def census(*readings: Reading, unheard: tuple[dict[str, Any], ...] = ()) -> Census:
    uids = {one.instance.split("-")[0]: one for one in readings}
    return next_census(None, [*(pod(uid) for uid in uids), *unheard], uids)


def test_what_waits_and_runs_is_the_sum_over_gateways_and_classes() -> None:
    found = hear(SERVICE, "shared", census(reading(A), reading(B)), None, 100.0)
    assert found.demand
    assert (found.demand.queued, found.demand.running) == (6, 6)
    assert (found.demand.queued_prompt_tokens, found.demand.queued_output_tokens) == (600, 200)


def test_the_first_time_nothing_is_known_of_what_came() -> None:
    found = hear(SERVICE, "shared", census(reading(A, 1_000_000)), None, 100.0)
    assert found.demand
    assert (found.demand.arrived_requests, found.seconds) == (0, 0.0)


def test_what_came_is_what_the_counters_have_grown_by() -> None:
    first = hear(SERVICE, "shared", census(reading(A, 100), reading(B, 50)), None, 100.0)
    found = hear(SERVICE, "shared", census(reading(A, 103), reading(B, 57)), first.counted, 110.0)
    assert found.demand
    assert (found.demand.arrived_requests, found.demand.arrived_prompt_tokens) == (10, 100)
    assert (found.demand.finished_requests, found.demand.finished_output_tokens) == (10, 50)
    assert (found.demand.first_tokens, found.demand.late_first_tokens) == (10, 0)
    assert found.seconds == 10.0


def test_a_process_that_is_new_to_us_adds_nothing_before_the_next_time() -> None:
    first = hear(SERVICE, "shared", census(reading(A, 100)), None, 100.0)
    second = hear(SERVICE, "shared", census(reading(A, 101), reading(B, 900)), first.counted, 110.0)
    assert second.demand
    assert second.demand.arrived_requests == 1
    third = hear(SERVICE, "shared", census(reading(A, 101), reading(B, 904)), second.counted, 120.0)
    assert third.demand
    assert third.demand.arrived_requests == 4


def test_a_process_that_starts_anew_takes_nothing_away() -> None:
    first = hear(SERVICE, "shared", census(reading(A, 100)), None, 100.0)
    found = hear(SERVICE, "shared", census(reading(A, 3, boot="2")), first.counted, 110.0)
    assert found.demand
    assert found.demand.arrived_requests == 0


def test_a_counter_that_falls_is_an_old_word() -> None:
    first = hear(SERVICE, "shared", census(reading(A, 100)), None, 100.0)
    found = hear(SERVICE, "shared", census(reading(A, 90)), first.counted, 110.0)
    assert found.demand
    assert found.demand.arrived_requests == 0


def test_after_a_gap_all_that_came_in_it_is_counted_over_the_whole_of_it() -> None:
    first = hear(SERVICE, "shared", census(reading(A, 100)), None, 100.0)
    gap = hear(SERVICE, "shared", census(reading(A, 105), unheard=(pod(B),)), first.counted, 110.0)
    assert gap.demand is None
    found = hear(SERVICE, "shared", census(reading(A, 130)), gap.counted, 120.0)
    assert found.demand
    assert (found.demand.arrived_requests, found.seconds) == (30, 20.0)


MISSING: list[Any] = [
    pytest.param(None, "no gateway was asked yet", id="no census"),
    pytest.param(census(), "there is no gateway that answers", id="no gateway"),
    pytest.param(
        census(reading(A), unheard=(pod(B),)), "gateway gateway-bbbb did not answer", id="one was not heard"
    ),
    pytest.param(census(Reading(f"{A}-1")), "does not know the pool yet", id="one that does not know it"),
    pytest.param(census(reading(A, counts=False)), "does not count", id="one of an older version"),
]


@pytest.mark.parametrize(("of", "says"), MISSING)
def test_a_part_is_not_less_than_all(of: Census | None, says: str) -> None:
    before = Counted(90.0)
    found = hear(SERVICE, "shared", of, before, 100.0)
    assert found.demand is None
    assert says in found.missing
    assert found.counted is before


def test_a_gateway_that_was_heard_before_and_is_not_now_is_not_heard() -> None:
    known = census(reading(A), reading(B))
    now = next_census(known, [pod(A), pod(B)], {A: reading(A)})
    assert now.traffic(SERVICE) is not None
    assert hear(SERVICE, "shared", now, None, 100.0).demand is None


IN_FLIGHT: list[Any] = [
    pytest.param(census(reading(A, w=2), reading(B, w=3)), 5, id="of all gateways"),
    pytest.param(census(reading(A), reading(B)), 0, id="of none"),
    pytest.param(census(reading(A, w=2), unheard=(pod(B),)), None, id="one was not heard"),
    pytest.param(
        census(reading(A, w=2), unheard=(pod(B, ready=False, ending=True),)),
        None,
        id="one that is ending may still have some",
    ),
    pytest.param(
        census(reading(A, w=2), unheard=(pod(B, ready=False),)), 2, id="one that has not begun has none"
    ),
    pytest.param(census(), None, id="there is no gateway"),
    pytest.param(census(Reading(f"{A}-1")), None, id="one that does not say"),
]


@pytest.mark.parametrize(("of", "expected"), IN_FLIGHT)
def test_requests_with_a_worker(of: Census, expected: int | None) -> None:
    assert of.in_flight("w") == expected


SAID = {
    "namespace": "team-a",
    "service": "chat",
    "pool": "shared",
    "creditsUsed": 1,
    "creditsLimit": 2,
    "arrivedRequests": 10,
    "arrivedPromptTokens": 1000,
    "finishedRequests": 8,
    "finishedOutputTokens": 800,
    "firstTokens": 9,
    "lateFirstTokens": 1,
    "queuedPromptTokens": 200,
    "queuedOutputTokens": 20,
}


def state(pool: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"instance": f"{A}-1", "pools": [pool], **more}).encode()


def test_what_a_gateway_counts_is_read() -> None:
    worker = {
        "namespace": "team-a",
        "service": "chat",
        "pool": "shared",
        "pod": "p",
        "uid": "w",
        "inFlight": 4,
    }
    found = read_state(state(SAID, workers=[worker]))
    pool = found.pools[SERVICE]["shared"]
    assert pool.counters == PoolCounters(10, 1000, 8, 800, 9, 1)
    assert (pool.queued_prompt_tokens, pool.queued_output_tokens) == (200, 20)
    assert found.in_flight == {"w": 4}


def test_a_gateway_of_an_older_version_is_read_without_what_it_does_not_count() -> None:
    old = {name: value for name, value in SAID.items() if not name.startswith(("arrived", "finished"))}
    found = read_state(state(old))
    assert found.pools[SERVICE]["shared"].counters is None
    assert found.in_flight is None


@pytest.mark.parametrize("value", [-1, 1.5, "many"], ids=str)
def test_a_count_that_cannot_be_makes_the_whole_unreadable(value: object) -> None:
    with pytest.raises(Unreadable, match="arrivedRequests"):
        read_state(state({**SAID, "arrivedRequests": value}))
