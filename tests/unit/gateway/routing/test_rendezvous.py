"""One worker for each beginning of a prompt."""

from collections import Counter
from math import ceil

from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_gateway.routing.endpoint import Endpoint
from tidegate_gateway.routing.rendezvous import BOUND, choose, key_of
from unit.gateway.routing.things import service

KEYS = range(10_000, 13_000)


def placed(endpoints: list[Endpoint]) -> dict[int, str]:
    return {key: choose(key, endpoints).worker.name for key in KEYS}


def test_prompts_spread_evenly() -> None:
    counts = Counter(placed(service(10)[1]).values())
    assert max(counts.values()) < 1.2 * len(KEYS) / 10
    assert min(counts.values()) > 0.8 * len(KEYS) / 10


def test_a_worker_that_leaves_moves_its_own_prompts_only() -> None:
    endpoints = service(10)[1]
    before, after = placed(endpoints), placed(endpoints[:4] + endpoints[5:])
    moved = {name for key, name in before.items() if after[key] != name}
    assert moved == {"p4"}


def test_a_worker_that_comes_takes_its_share_and_nothing_else_moves() -> None:
    endpoints = service(11)[1]
    before, after = placed(endpoints[:10]), placed(endpoints)
    moved = [key for key in KEYS if before[key] != after[key]]
    assert {after[key] for key in moved} == {"p10"}
    assert 0.7 * len(KEYS) / 11 < len(moved) < 1.3 * len(KEYS) / 11


def test_the_order_of_workers_does_not_matter() -> None:
    endpoints = service(7)[1]
    assert placed(endpoints) == placed(endpoints[::-1])


@settings(deadline=None, max_examples=200)
@given(requests=st.lists(st.integers(0, 30), min_size=1, max_size=8), key=st.integers(0, 2**64 - 1))
def test_nobody_takes_more_than_the_bound(requests: list[int], key: int) -> None:
    endpoints = service(len(requests))[1]
    for endpoint, count in zip(endpoints, requests, strict=True):
        endpoint.requests = count
    chosen = choose(key, endpoints)
    assert chosen.requests + 1 <= ceil(BOUND * (sum(requests) + 1) / len(requests))


def test_what_one_cannot_take_goes_to_the_next_in_rank() -> None:
    endpoints = service(5)[1]
    first = choose(77, endpoints)
    second = choose(77, [e for e in endpoints if e is not first])
    for _ in range(2):
        first.requests += 1
    assert choose(77, endpoints) is second
    first.requests = 0
    assert choose(77, endpoints) is first


def test_the_first_kilobyte_tells_prompts_apart() -> None:
    assert key_of((1, 2, 3, 4, 5)) == key_of((1, 2, 3, 4, 6)) == 4
    assert key_of((1, 2)) == 2
