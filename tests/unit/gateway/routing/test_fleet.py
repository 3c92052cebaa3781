"""Which endpoint stands for which worker."""

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_gateway.directory import Canary, Worker
from tidegate_gateway.routing.fleet import Fleet
from tidegate_gateway.routing.router import Router
from unit.gateway.routing.things import send, ticket, worker

BLOCKS = (1, 2, 3)


def fleet() -> tuple[Router, Fleet]:
    router = Router(random.Random(1))
    return router, Fleet(router, 5000)


def test_workers_come_by_pool() -> None:
    _, made = fleet()
    pools = made.update([worker(0), worker(1, pool="high"), worker(2)])
    assert {pool: [e.worker.name for e in endpoints] for pool, endpoints in pools.items()} == {
        "shared": ["p0", "p2"],
        "high": ["p1"],
    }
    assert pools["high"][0].limit_tokens == 5000
    assert made.update([]) == {}


def test_a_worker_that_stays_keeps_its_endpoint() -> None:
    _, made = fleet()
    (first,) = made.update([worker(0)])["shared"]
    again = made.update([worker(1), worker(0)])["shared"]
    assert again[1] is first
    assert again[0].slot != first.slot


def test_a_worker_that_left_is_forgotten_and_its_slot_used_again() -> None:
    router, made = fleet()
    (first,) = made.update([worker(0)])["shared"]
    router.index.insert(BLOCKS, first.slot)
    made.update([])
    (second,) = made.update([worker(1)])["shared"]
    assert second.slot == first.slot
    assert router.index.match(BLOCKS) == {}


def test_one_that_was_restarted_comes_back_with_nothing() -> None:
    router, made = fleet()
    (first,) = made.update([worker(0)])["shared"]
    router.index.insert(BLOCKS, first.slot)
    made.update([])
    (second,) = made.update([worker(0)])["shared"]
    assert second is not first
    assert router.index.match(BLOCKS) == {}


def test_another_pod_at_the_same_address_is_another_worker() -> None:
    router, made = fleet()
    (first,) = made.update([worker(0)])["shared"]
    router.index.insert(BLOCKS, first.slot)
    (second,) = made.update([worker(0, uid="new")])["shared"]
    assert second is not first
    assert router.index.match(BLOCKS) == {}


def test_a_pod_at_another_address_is_another_worker() -> None:
    router, made = fleet()
    (first,) = made.update([worker(0)])["shared"]
    send(router, ticket(blocks=BLOCKS), first)
    (second,) = made.update([worker(0, host="10.9.9.9")])["shared"]
    assert second is not first
    assert router.index.match(BLOCKS) == {}


def test_one_that_was_not_ready_for_a_moment_keeps_what_it_is_doing() -> None:
    router, made = fleet()
    (first,) = made.update([worker(0)])["shared"]
    send(router, ticket(blocks=BLOCKS), first)
    made.update([])
    (other,) = made.update([worker(1)])["shared"]
    assert other.slot != first.slot
    assert made.update([worker(0), worker(1)])["shared"] == (first, other)
    assert router.index.match(BLOCKS) == {first.slot: 3}


def test_one_whose_requests_ended_while_it_was_away_comes_back_with_nothing() -> None:
    router, made = fleet()
    (first,) = made.update([worker(0)])["shared"]
    send(router, ticket(blocks=BLOCKS), first)
    made.update([])
    first.requests = 0
    (second,) = made.update([worker(0)])["shared"]
    assert second is not first
    assert router.index.match(BLOCKS) == {}


def draining(number: int) -> Worker:
    return replace(worker(number), is_draining=True)


def test_one_that_drains_is_in_no_pool_and_keeps_all_that_is_known_of_it() -> None:
    router, made = fleet()
    first, second = made.update([worker(0), worker(1)])["shared"]
    router.index.insert(BLOCKS, first.slot)
    assert made.update([draining(0), worker(1)]) == {"shared": (second,)}
    assert list(made.in_use()) == [first, second]
    assert made.update([draining(0), draining(1)]) == {}
    assert made.update([worker(0), worker(1)]) == {"shared": (first, second)}
    assert router.index.match(BLOCKS) == {first.slot: 3}


def tried(number: int) -> Worker:
    return replace(worker(number), revision="r2", track="canary")


def test_one_on_trial_is_in_its_pool_while_its_version_has_a_share() -> None:
    _, made = fleet()
    workers = [worker(0), tried(1)]
    assert [e.worker.uid for e in made.update(workers)["shared"]] == ["u0"]
    assert [e.worker.uid for e in made.update(workers, Canary("r2", 0))["shared"]] == ["u0"]
    stable, canary = made.update(workers, Canary("r2", 5))["shared"]
    assert (stable.is_canary, canary.is_canary) == (False, True)
    assert made.update(workers) == {"shared": (stable,)}
    assert list(made.in_use()) == [stable, canary]


def test_in_a_plain_rolling_update_all_workers_are_alike() -> None:
    _, made = fleet()
    workers = [replace(worker(0), revision="r1"), replace(worker(1), revision="r2")]
    assert [e.is_canary for e in made.update(workers, Canary("r2", 0, is_passed=True))["shared"]] == [
        False
    ] * 2


def test_one_that_left_counts_for_the_version_that_it_ran() -> None:
    router, made = fleet()
    (endpoint,) = made.update([tried(0)], Canary("r2", 5))["shared"]
    send(router, ticket(), endpoint)
    made.update([], Canary("r2", 5))
    assert endpoint.is_canary
    made.update([], Canary("r3", 5))
    assert not endpoint.is_canary


def test_one_that_drained_and_left_is_forgotten() -> None:
    router, made = fleet()
    (first,) = made.update([worker(0)])["shared"]
    router.index.insert(BLOCKS, first.slot)
    made.update([draining(0)])
    made.update([])
    assert (list(made.in_use()), router.index.match(BLOCKS)) == ([], {})
    assert not first.is_draining


def test_one_that_left_is_in_use_until_its_last_request_has_ended() -> None:
    router, made = fleet()
    made.update([worker(0), worker(1)])
    busy, idle = made.by_uid.values()
    send(router, ticket(), busy)
    made.update([worker(1)])
    assert list(made.in_use()) == [idle, busy]
    busy.requests = 0
    assert list(made.in_use()) == [idle]


@settings(deadline=None, max_examples=200)
@given(
    steps=st.lists(
        st.tuples(st.sets(st.integers(0, 6)), st.sets(st.integers(0, 6)), st.sets(st.integers(0, 6)))
    )
)
def test_no_two_endpoints_share_a_slot_and_no_slot_is_lost(
    steps: list[tuple[set[int], set[int], set[int]]],
) -> None:
    router, made = fleet()
    for present, begin, finish in steps:
        for endpoint in [*made.by_uid.values(), *made._leaving.values()]:
            number = int(endpoint.worker.name[1:])
            if number in finish:
                endpoint.requests = 0
        made.update([worker(number) for number in present])
        for endpoint in made.by_uid.values():
            router.index.insert((int(endpoint.worker.name[1:]),), endpoint.slot)
            if int(endpoint.worker.name[1:]) in begin:
                endpoint.requests = 1
        living = [*made.by_uid.values(), *made._leaving.values()]
        slots = [endpoint.slot for endpoint in living]
        assert sorted(slots + made._free) == list(range(made._slots))
        assert router.index._slots.keys() <= set(slots)
        assert {e.worker.uid for e in living} >= {f"u{number}" for number in present}
