"""A trace in simulated time: what is counted is right, and our router is as good as it must be."""

import random

import pytest

from tidegate_bench.routing.policies import LeastRequests, Ours, RoundRobin
from tidegate_bench.routing.traces import TRACES, Ask, words
from tidegate_bench.routing.virtual import Played, Policy, play
from tidegate_bench.sim.outcome import first_token_seconds, makespan_tokens_per_second, quantile_ms
from tidegate_bench.sim.profile import Profile

STEADY = Profile(
    step_seconds=1.0,
    prefill_token_seconds=0.0,
    decode_seq_seconds=0.0,
    context_token_seconds=0.0,
    request_seconds=0.5,
)
FAST = Profile(max_num_seqs=128).faster(2)


def ask(at: float, text: str, after: int = -1) -> Ask:
    return Ask(at, (("user", text),), 2, after)


def test_times_hits_and_places_are_counted() -> None:
    text = words(random.Random(1), 64)
    played = play([ask(0, text), ask(10, text), ask(20, text)], STEADY, 2, RoundRobin())
    assert first_token_seconds(played.outcomes) == pytest.approx([1.5, 1.5, 1.5])
    assert played.requests == [2, 1]
    assert (played.cached, played.optimum, played.hit_ratio) == (64, [0, 64, 64], 0.5)
    assert played.unevenness == pytest.approx(4 / 3)
    assert [outcome.tokens for outcome in played.outcomes] == [2, 2, 2]
    assert makespan_tokens_per_second(played.outcomes) == pytest.approx(6 / 22.5)


def test_a_follower_waits_for_its_answer_and_is_timed_from_then() -> None:
    asks = [ask(0, "a"), ask(1, "b", after=0), ask(30, "c", after=1)]
    played = play(asks, STEADY, 1, RoundRobin())
    assert first_token_seconds(played.outcomes) == pytest.approx([1.5, 1.5, 1.5])
    assert [outcome.due for outcome in played.outcomes] == pytest.approx([0, 2.5, 30])


def test_the_least_busy_engine_gets_the_next() -> None:
    played = play([ask(0, "a"), ask(0.1, "b"), ask(0.2, "c")], STEADY, 3, LeastRequests())
    assert played.requests == [1, 1, 1]


def test_our_gateway_hears_every_second_how_the_engines_are() -> None:
    ours = Ours(random.Random(1))
    play([ask(0.2 * number, "a" * 400) for number in range(30)], STEADY, 2, ours)
    endpoints = list(ours._fleet.by_uid.values())
    assert all(endpoint.report is not None and endpoint.report.at > 5 for endpoint in endpoints)
    assert all(ours._dispatcher._supply.accounts[e].preemptions == 0 for e in endpoints)


def run(name: str, per_second: float, policy: Policy, seed: int = 5) -> Played:
    return play(TRACES[name](random.Random(seed), per_second, 8), FAST, 8, policy)


def p90(played: Played) -> float:
    return quantile_ms(played.outcomes, 0.9)


def test_shared_prefixes_are_found_and_the_load_stays_even() -> None:
    ours, other = (run("prefix-heavy", 130, policy) for policy in (Ours(random.Random(1)), RoundRobin()))
    assert ours.hit_ratio >= 0.9 > other.hit_ratio
    assert ours.unevenness <= 1.3
    assert p90(ours) < p90(other)


def test_where_nothing_repeats_nobody_waits_longer_than_in_turn() -> None:
    ours, other = (run("no-reuse", 150, policy) for policy in (Ours(random.Random(1)), RoundRobin()))
    assert p90(ours) <= 1.1 * p90(other)
    assert ours.unevenness <= 1.25


def test_a_hot_prefix_does_not_make_a_hot_worker() -> None:
    assert run("hot-prefix", 400, Ours(random.Random(1))).unevenness <= 1.25


def test_a_conversation_finds_its_own_cache() -> None:
    assert run("chats", 200, Ours(random.Random(1))).hit_ratio >= 0.9
