"""What the choices come to, over thousands of requests."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from tidegate_gateway.qos.ticket import Ticket
from tidegate_gateway.routing.endpoint import Endpoint
from tidegate_gateway.routing.router import Router
from unit.gateway.routing.simulation import Outcome, disjoint, hot, shared, simulate, talks


def spread(prompts: Iterator[bytes], **how: Any) -> Outcome:
    """Return what choosing at random comes to."""
    rng = random.Random(9)

    def choose(_: Router, __: Ticket, endpoints: list[Endpoint], ___: float) -> Endpoint:
        return rng.choice(endpoints)

    return simulate(prompts, choose=choose, **how)


@pytest.mark.case(28)
@pytest.mark.parametrize("concurrency", [32, 96])
def test_prompts_with_common_beginnings_meet_their_caches_and_spread(concurrency: int) -> None:
    outcome = simulate(shared(1500, groups=40), concurrency=concurrency)
    assert outcome.hit_rate >= 0.9
    assert outcome.unevenness <= 1.25
    assert outcome.hit_rate > spread(shared(1500, groups=40), concurrency=concurrency).hit_rate + 0.05


def test_talks_stay_with_their_worker() -> None:
    outcome = simulate(talks(2000, users=200), concurrency=32)
    assert outcome.hit_rate >= 0.95
    assert outcome.unevenness <= 1.25
    assert spread(talks(2000, users=200), concurrency=32).hit_rate < 0.7


def test_talks_stay_with_their_worker_where_caches_are_tight() -> None:
    outcome = simulate(talks(3000, users=200), per_second=60, cache_tokens=30_000)
    assert outcome.hit_rate >= 0.9
    assert outcome.unevenness <= 1.25


@pytest.mark.parametrize("concurrency", [1, 2, 64])
def test_prompts_that_share_nothing_spread_evenly(concurrency: int) -> None:
    outcome = simulate(disjoint(600), concurrency=concurrency)
    assert outcome.unevenness <= 1.25
    assert outcome.could_be_cached == 0


@pytest.mark.parametrize("concurrency", [8, 64])
def test_a_beginning_that_nearly_all_share_does_not_overload_one_worker(concurrency: int) -> None:
    outcome = simulate(hot(1500), concurrency=concurrency)
    assert outcome.hit_rate >= 0.95
    assert outcome.unevenness <= 1.25


def test_a_first_token_comes_no_later_than_with_least_load_where_nothing_repeats() -> None:
    auto = simulate(disjoint(1000), per_second=60)
    least = simulate(disjoint(1000), per_second=60, strategy="LeastLoad")
    assert sum(auto.first_token_seconds) <= 1.02 * sum(least.first_token_seconds)


def test_prefix_hash_meets_caches_without_remembering_anything() -> None:
    outcome = simulate(shared(1500, groups=40), concurrency=32, strategy="PrefixHash")
    assert outcome.hit_rate >= 0.9
    assert outcome.unevenness <= 1.35
