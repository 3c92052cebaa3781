"""Whose turn it is among the tenants of one class."""

import random
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_gateway.qos.drr import QUANTUM_TOKENS, RoundRobin
from tidegate_gateway.qos.ticket import Ticket
from unit.gateway.qos.rig import made


def served(turns: RoundRobin, count: int) -> list[Ticket]:
    taken = []
    for _ in range(count):
        head = turns.head()
        turns.take(head)
        taken.append(head)
    return taken


def filled(*tickets: Ticket) -> RoundRobin:
    turns = RoundRobin()
    for ticket in tickets:
        turns.push(ticket)
    return turns


def test_tenants_with_equal_requests_take_turns() -> None:
    tickets = [made("high", QUANTUM_TOKENS, tenant) for tenant in ("a", "b", "c") for _ in range(4)]
    order = [ticket.tenant for ticket in served(filled(*tickets), 12)]
    assert order == ["a", "b", "c"] * 4


def test_a_newcomer_waits_for_one_turn_of_a_tenant_that_floods() -> None:
    turns = filled(*(made("high", 100, "flood") for _ in range(1000)))
    served(turns, 3)
    turns.push(made("high", 100, "other"))
    order = [ticket.tenant for ticket in served(turns, 6)]
    assert order.index("other") <= QUANTUM_TOKENS // 100


def test_large_requests_count_by_their_tokens() -> None:
    large = [made("high", 4000, "large") for _ in range(20)]
    small = [made("high", 200, "small") for _ in range(200)]
    tokens: Counter[str] = Counter()
    for ticket in served(filled(*large, *small), 105):
        tokens[ticket.tenant] += ticket.prompt_tokens + ticket.output_tokens
    assert tokens == {"large": 20_000, "small": 20_000}


def test_a_request_of_a_million_tokens_is_reached_without_walking_every_round() -> None:
    turns = filled(made("high", 2**30, "a"), made("high", 2**31, "b"))
    assert [ticket.tenant for ticket in served(turns, 2)] == ["a", "b"]


def test_the_head_stays_until_it_is_taken_and_another_comes_if_it_leaves() -> None:
    first, second, third = (made("high", 100, tenant) for tenant in ("a", "a", "b"))
    turns = filled(first, second)
    assert turns.head() is first
    turns.push(third)
    assert turns.head() is first
    turns.remove(first)
    assert turns.head() in (second, third)


def test_who_comes_back_after_everything_was_served_has_saved_nothing() -> None:
    turns = filled(made("high", 10, "a"))
    served(turns, 1)
    turns.push(made("high", 10 * QUANTUM_TOKENS, "a"))
    turns.push(made("high", QUANTUM_TOKENS, "b"))
    assert turns.head().tenant == "b"


@pytest.mark.parametrize(
    ("waiting", "newcomer", "leaves"),
    [
        ({"a": 3}, "b", "a"),
        ({"a": 2, "b": 1}, "c", "a"),
        # To put one out for one who has as many, or one fewer, would make nothing more equal.
        ({"a": 1, "b": 1}, "c", None),
        ({"a": 2, "b": 1}, "b", None),
        ({"a": 3, "b": 1}, "b", "a"),
        ({"a": 3}, "a", None),
        ({}, "a", None),
    ],
)
def test_the_newest_of_the_tenant_with_most_makes_room(
    waiting: dict[str, int], newcomer: str, leaves: str | None
) -> None:
    tickets = [made("high", 1, tenant) for tenant, count in waiting.items() for _ in range(count)]
    last = filled(*tickets).newest_of_longest(newcomer)
    expected = [ticket for ticket in tickets if ticket.tenant == leaves]
    assert last is (expected[-1] if expected else None)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(2, 6), st.sampled_from([50, 700, 9000]))
def test_tenants_that_always_wait_differ_by_a_quantum_and_twice_the_largest_request(
    seed: int, tenants: int, largest: int
) -> None:
    rng = random.Random(seed)
    turns = RoundRobin()
    waiting: dict[str, list[Ticket]] = defaultdict(list)

    def fill() -> None:
        for i in range(tenants):
            while len(waiting[f"t{i}"]) < 3:
                # The tenants' sizes differ: turns by requests would be unfair.
                waiting[f"t{i}"].append(made("high", rng.randint(1, max(1, largest // (i + 1))), f"t{i}"))
                turns.push(waiting[f"t{i}"][-1])

    tokens: Counter[str] = Counter({f"t{i}": 0 for i in range(tenants)})
    for _ in range(300):
        fill()
        head = turns.head()
        assert head is waiting[head.tenant].pop(0), "within a tenant by arrival"
        turns.take(head)
        tokens[head.tenant] += head.prompt_tokens + head.output_tokens
        assert max(tokens.values()) - min(tokens.values()) <= QUANTUM_TOKENS + 2 * largest
