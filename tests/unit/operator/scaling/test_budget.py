"""Who gets accelerators when there are not enough."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_api.names import QOS_CLASSES, QosClass
from tidegate_operator.scaling.budget import Claim, allocate


def claim(name: str, qos_class: QosClass = "medium", wanted: int = 4, **fields: object) -> Claim:
    return Claim(**{  # type: ignore[arg-type]
        "key": ("team", name), "pool": "shared", "qos_class": qos_class, "wanted": wanted,
        "min_replicas": 1, "current": 1,
    } | fields)  # fmt: skip


def given_to(claims: list[Claim], accelerators: int | None, **budgets: float) -> dict[str, int]:
    costs = {("team", name): money for name, money in budgets.items()}
    found = allocate(claims, accelerators=accelerators, cost_per_hour_by_service=costs)
    return {key[1]: replicas for (key, _), (replicas, _) in found.items()}


claims = st.lists(
    st.builds(
        Claim,
        key=st.just(("team", "x")),
        pool=st.uuids().map(str),
        qos_class=st.sampled_from(QOS_CLASSES),
        wanted=st.integers(0, 12),
        min_replicas=st.integers(0, 3),
        current=st.integers(0, 12),
        accelerators=st.integers(1, 8),
        draining=st.integers(0, 2),
    ),
    max_size=8,
    unique_by=lambda one: one.pool,
)


@given(claims, st.integers(0, 60))
def test_never_more_than_there_are_unless_the_least_of_all_is_more(claims: list[Claim], total: int) -> None:
    found = allocate(claims, accelerators=total)
    used = sum((found[one.place][0] + one.draining) * one.accelerators for one in claims)
    least = sum((min(one.wanted, one.min_replicas) + one.draining) * one.accelerators for one in claims)
    assert used <= max(total, least)
    for one in claims:
        replicas, clamp = found[one.place]
        assert min(one.wanted, one.min_replicas) <= replicas <= one.wanted
        assert (clamp is None) == (replicas == one.wanted)


@given(claims, st.integers(0, 60))
def test_what_is_left_would_not_have_been_enough_for_anybody(claims: list[Claim], total: int) -> None:
    found = allocate(claims, accelerators=total)
    left = total - sum((found[one.place][0] + one.draining) * one.accelerators for one in claims)
    for one in claims:
        if found[one.place][0] < one.wanted:
            assert one.accelerators > left


@given(claims)
def test_without_a_bound_everybody_gets_what_it_wants(claims: list[Claim]) -> None:
    assert all(clamp is None for _, clamp in allocate(claims, accelerators=None).values())


@given(st.integers(2, 12), st.integers(3, 36))
def test_of_equal_wants_a_higher_class_never_gets_fewer(wanted: int, total: int) -> None:
    found = given_to([claim(one, one, wanted, current=0) for one in QOS_CLASSES], total)
    assert found["high"] >= found["medium"] >= found["low"] >= 1


@given(st.permutations(range(5)), st.integers(0, 20))
def test_the_order_of_claims_does_not_matter(order: list[int], total: int) -> None:
    ordered = [claim(str(index), QOS_CLASSES[index % 3], 5) for index in range(5)]
    assert given_to([ordered[index] for index in order], total) == given_to(ordered, total)


@given(claims, st.integers(0, 60))
def test_who_has_got_what_it_was_given_is_given_the_same_again(claims: list[Claim], total: int) -> None:
    current = claims
    seen = []
    for _ in range(4):
        found = allocate(current, accelerators=total)
        current = [replace(one, current=found[one.place][0]) for one in current]
        seen.append({place: replicas for place, (replicas, _) in found.items()})
    assert seen[1] == seen[2] == seen[3]


def test_a_lower_class_shrinks_first() -> None:
    pools = [
        claim("h", "high", 6, current=2),
        claim("m", "medium", 4, current=4),
        claim("l", "low", 4, current=4),
    ]
    assert given_to(pools, 10) == {"h": 6, "m": 3, "l": 1}


def test_equal_pools_do_not_pass_a_replica_to_and_fro() -> None:
    pools = [claim("a", wanted=3, current=3), claim("b", wanted=4, current=2)]
    assert given_to(pools, 5) == {"a": 3, "b": 2}


def test_a_large_need_does_take_from_an_equal_pool() -> None:
    pools = [claim("a", wanted=5, current=5), claim("b", wanted=12, current=1)]
    assert given_to(pools, 6)["b"] > 1


def test_the_least_of_a_low_class_goes_before_the_wishes_of_a_high_one() -> None:
    assert given_to([claim("h", "high", 9), claim("l", "low", 2, min_replicas=2)], 5) == {"h": 3, "l": 2}


def test_the_least_is_given_even_beyond_the_bound() -> None:
    assert given_to([claim("a", wanted=3, min_replicas=3), claim("b", wanted=2, min_replicas=2)], 1) == {
        "a": 3,
        "b": 2,
    }


def test_replicas_that_leave_hold_their_accelerators_until_they_are_gone() -> None:
    assert given_to([claim("a", wanted=4, draining=2)], 5) == {"a": 3}


def test_who_needs_eight_at_once_does_not_keep_a_small_one_from_the_rest() -> None:
    pools = [claim("big", "high", 2, accelerators=8), claim("small", "low", 4)]
    assert given_to(pools, 12) == {"big": 1, "small": 4}


@pytest.mark.parametrize(("money", "replicas"), [(12.30, 3), (12.29, 2), (100, 4), (0, 1)])
def test_a_service_does_not_cost_more_an_hour_than_it_may(money: float, replicas: int) -> None:
    found = allocate(
        [claim("a", cost_per_hour=4.10)], accelerators=None, cost_per_hour_by_service={("team", "a"): money}
    )
    ((given, clamp),) = found.values()
    assert given == replicas
    assert (clamp.reason if clamp else None) == ("CappedByCost" if replicas < 4 else None)


def test_the_clamp_says_what_was_wanted_and_why_it_was_refused() -> None:
    ((replicas, clamp),) = allocate([claim("a", wanted=5)], accelerators=3).values()
    assert clamp is not None
    assert (replicas, clamp.reason, clamp.before, clamp.after) == (3, "CappedByBudget", 5, 3)
    assert "3 accelerators" in clamp.message
