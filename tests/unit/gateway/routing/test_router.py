"""Which worker gets a request."""

import random
from collections import Counter
from typing import Any

import pytest

from tidegate_gateway.qos.ticket import Ticket
from tidegate_gateway.routing import choice, outliers
from tidegate_gateway.routing.choice import HOLDERS, MANY, OTHERS
from tidegate_gateway.routing.cost import FRESH_SECONDS, RUNNING_TOKENS
from tidegate_gateway.routing.endpoint import UNKNOWN_PREFILL_RATE, Endpoint
from tidegate_gateway.routing.prefix import blocks_of
from tidegate_gateway.routing.router import Router
from unit.gateway.routing.things import NOW, end, report, run, send, service, ticket

LONG = blocks_of(b"long " * 2000, 1)
LONG_TOKENS = 2500


def chosen(
    router: Router, endpoints: list[Endpoint], made: Ticket | None = None, now: float = NOW
) -> set[int]:
    """Return the numbers of the endpoints that a request may get: ties are broken at random."""
    made = made or ticket()
    return {router.choose(made, endpoints, now).slot for _ in range(60)}


def long_ticket() -> Ticket:
    return ticket(LONG_TOKENS, LONG)


def test_one_candidate_is_chosen_whatever_it_costs() -> None:
    router, endpoints = service(2)
    send(router, long_ticket(), endpoints[1])
    assert router.choose(ticket(), endpoints[1:], NOW) is endpoints[1]


def test_idle_workers_are_chosen_at_random() -> None:
    router, endpoints = service(4)
    counts = Counter(router.choose(ticket(), endpoints, NOW).slot for _ in range(800))
    assert len(counts) == 4
    assert min(counts.values()) > 140


def test_the_worker_with_fewer_requests_is_chosen() -> None:
    router, endpoints = service(3)
    for endpoint in endpoints[:2]:
        run(router, ticket(), endpoint)
    assert chosen(router, endpoints) == {2}


def test_a_request_that_ended_weighs_nothing_any_more() -> None:
    router, endpoints = service(2)
    sent = [run(router, ticket(), endpoint) for endpoint in endpoints]
    assert chosen(router, endpoints) == {0, 1}
    end(sent[0])
    assert chosen(router, endpoints) == {0}


def test_a_prompt_goes_where_its_beginning_is() -> None:
    router, endpoints = service(4)
    run(router, long_ticket(), endpoints[2])
    assert chosen(router, endpoints, long_ticket()) == {2}
    assert chosen(router, endpoints, ticket(LONG_TOKENS, blocks_of(b"other" * 2000, 1))) == {0, 1, 3}


def test_a_little_that_is_cached_does_not_outweigh_much_that_is_to_be_done() -> None:
    router, endpoints = service(2)
    begin = LONG[:1]
    run(router, ticket(80, begin), endpoints[0])
    send(router, ticket(4000), endpoints[0])
    assert chosen(router, endpoints, long_ticket()) == {1}


def test_much_that_is_cached_outweighs_some_running_requests() -> None:
    router, endpoints = service(2)
    run(router, long_ticket(), endpoints[0])
    few = LONG_TOKENS // RUNNING_TOKENS // 2
    for _ in range(few):
        run(router, ticket(10), endpoints[0])
    assert chosen(router, endpoints, long_ticket()) == {0}
    for _ in range(few * 2):
        run(router, ticket(10), endpoints[0])
    assert chosen(router, endpoints, long_ticket()) == {1}


def test_of_equals_the_one_with_more_of_the_prompt_is_chosen() -> None:
    router, endpoints = service(3)
    router.rate.tokens_per_second = 1e9
    run(router, ticket(80, LONG[:1]), endpoints[0])
    run(router, ticket(800, LONG[:10]), endpoints[1])
    for endpoint in endpoints:
        endpoint.requests = 0
    assert chosen(router, endpoints, long_ticket()) == {1}


def test_new_prompts_go_rather_to_where_less_would_be_forgotten_for_them() -> None:
    router, endpoints = service(2)
    end(run(router, long_ticket(), endpoints[0]))
    assert chosen(router, endpoints) == {1}


def test_of_nearly_equal_costs_the_fewer_requests_decide() -> None:
    router, endpoints = service(2)
    run(router, ticket(), endpoints[0])
    assert chosen(router, endpoints, ticket(100 * RUNNING_TOKENS)) == {1}


# What is computed now


def test_prompts_being_computed_weigh_until_their_first_byte() -> None:
    router, endpoints = service(2)
    made = send(router, ticket(600), endpoints[0])
    assert (endpoints[0].prefill_tokens, endpoints[0].prefilling) == (600, 1)
    send(router, ticket(0), endpoints[1])
    assert chosen(router, endpoints) == {1}
    router.first_byte(made, NOW)
    assert (endpoints[0].prefill_tokens, endpoints[0].prefilling) == (0, 0)
    assert chosen(router, endpoints) == {0, 1}


def test_only_what_is_not_cached_is_to_be_computed() -> None:
    router, endpoints = service(1)
    run(router, long_ticket(), endpoints[0])
    again = send(router, long_ticket(), endpoints[0])
    assert 0 < again.miss_tokens < LONG_TOKENS / 10
    assert endpoints[0].prefill_tokens == again.miss_tokens


def test_one_that_ends_before_its_first_byte_is_counted_out() -> None:
    router, endpoints = service(1)
    made = send(router, long_ticket(), endpoints[0])
    assert endpoints[0].probe is made
    router.gone(made, NOW)
    assert (endpoints[0].prefill_tokens, endpoints[0].prefilling) == (0, 0)
    assert endpoints[0].probe is None


def test_a_prompt_whose_answer_does_not_stream_weighs_only_as_long_as_it_is_computed() -> None:
    router, endpoints = service(2)
    send(router, ticket(int(UNKNOWN_PREFILL_RATE)), endpoints[0])
    send(router, ticket(0), endpoints[1])
    assert chosen(router, endpoints, now=NOW + 0.9) == {1}
    assert chosen(router, endpoints, now=NOW + 1.1) == {0, 1}


def test_a_prompt_computed_sooner_than_expected_leaves_no_backlog_to_the_next() -> None:
    router, endpoints = service(2)
    run(router, ticket(int(UNKNOWN_PREFILL_RATE)), endpoints[0], NOW)
    send(router, ticket(int(UNKNOWN_PREFILL_RATE / 2)), endpoints[0])
    for _ in range(2):
        run(router, ticket(0), endpoints[1])
    assert chosen(router, endpoints, now=NOW + 0.4) == {1}
    assert chosen(router, endpoints, now=NOW + 0.6) == {0, 1}


# What workers report


def test_requests_of_others_are_seen_in_reports() -> None:
    router, endpoints = service(2)
    router.reported(endpoints[0], report(running=6))
    router.reported(endpoints[1], report(running=2))
    assert chosen(router, endpoints) == {1}


def test_our_own_requests_in_a_report_are_not_counted_twice() -> None:
    router, endpoints = service(2)
    for endpoint in endpoints:
        for _ in range(3):
            run(router, ticket(), endpoint)
    router.reported(endpoints[0], report(running=3))
    router.reported(endpoints[1], report(running=0))
    assert chosen(router, endpoints) == {0, 1}


@pytest.mark.parametrize(
    "said", [{"running": 30}, {"waiting": 5}, {"kv_used": 0.9}], ids=["running", "waiting", "cache"]
)
def test_a_stale_report_says_nothing(said: dict[str, Any]) -> None:
    router, endpoints = service(2)
    router.reported(endpoints[0], report(**said))
    assert chosen(router, endpoints, now=NOW + FRESH_SECONDS - 0.1) == {1}
    assert chosen(router, endpoints, now=NOW + FRESH_SECONDS + 1.1) == {0, 1}


def test_requests_of_others_that_wait_weigh_more_than_running_ones() -> None:
    router, endpoints = service(2)
    router.reported(endpoints[0], report(waiting=2))
    router.reported(endpoints[1], report(running=8))
    assert chosen(router, endpoints) == {1}


def test_requests_of_ours_that_waited_for_a_moment_are_no_queue() -> None:
    router, endpoints = service(2)
    for endpoint in endpoints:
        made = [send(router, ticket(), endpoint) for _ in range(4)]
        router.reported(endpoint, report(waiting=4 if endpoint.slot == 0 else 0))
        for each in made:
            router.first_byte(each, NOW)
            end(each)
    assert chosen(router, endpoints) == {0, 1}


def test_a_cache_half_in_use_costs_nothing_and_a_full_one_much() -> None:
    router, endpoints = service(2)
    router.reported(endpoints[0], report(kv_used=0.5))
    assert chosen(router, endpoints) == {0, 1}
    router.reported(endpoints[0], report(kv_used=0.8))
    assert chosen(router, endpoints) == {1}
    router.reported(endpoints[1], report(kv_used=1.0))
    assert chosen(router, endpoints) == {0}


def test_our_own_tokens_fill_a_cache_before_a_report_says_so() -> None:
    router, endpoints = service(2)
    for endpoint in endpoints:
        router.reported(endpoint, report(kv_tokens=10_000))
        endpoint.requests = 1
    endpoints[0].tokens = 9000
    assert chosen(router, endpoints) == {1}


def test_a_worker_whose_process_began_anew_has_nothing_cached() -> None:
    router, endpoints = service(2)
    router.reported(endpoints[0], report(started=100.0))
    run(router, long_ticket(), endpoints[0])
    router.reported(endpoints[0], report(started=100.0))
    assert router.index.match(LONG) == {0: len(LONG)}
    router.reported(endpoints[0], report(started=160.0))
    assert router.index.match(LONG) == {}


def test_a_worker_whose_process_began_anew_has_no_adapter_until_it_says_so() -> None:
    router, endpoints = service(1)
    router.reported(endpoints[0], report(started=100.0))
    endpoints[0].adapters = frozenset({"sql"})
    send(router, ticket(adapter="sql"), endpoints[0])
    router.reported(endpoints[0], report(started=100.0))
    assert endpoints[0].adapters == {"sql"}
    router.reported(endpoints[0], report(started=160.0))
    assert (endpoints[0].adapters, endpoints[0].adapters_sent) == (frozenset(), {})


@pytest.mark.parametrize(("tokens", "least", "most"), [(500, 2000, 3600), (1000, 1000, 1900)])
def test_no_more_is_remembered_than_the_engine_can_hold(tokens: int, least: int, most: int) -> None:
    router, endpoints = service(1)
    for number in range(20):
        send(router, ticket(tokens, blocks_of(bytes([number]) * 2000, 1)), endpoints[0])
        router.reported(endpoints[0], report(kv_tokens=1000))
    send(router, ticket(tokens, blocks_of(b"last" * 500, 1)), endpoints[0])
    assert least <= router.index.size(0) <= most


# Adapters


def test_an_adapter_stays_where_it_is_loaded() -> None:
    router, endpoints = service(3)
    router.reported(endpoints[1], report(running_adapters=frozenset({"sql"}), max_adapters=2))
    assert chosen(router, endpoints, ticket(adapter="sql")) == {1}
    assert chosen(router, endpoints, ticket(adapter="chat")) == {0, 1, 2}


def test_an_adapter_stays_where_we_sent_it_last() -> None:
    router, endpoints = service(3)
    end(run(router, ticket(adapter="sql"), endpoints[2]))
    assert chosen(router, endpoints, ticket(adapter="sql"), NOW + 1) == {2}


def test_an_adapter_is_thought_gone_once_its_place_was_needed() -> None:
    router, endpoints = service(1)
    router.reported(endpoints[0], report(max_adapters=2))
    for adapter in ("a", "b", "a", "c"):
        send(router, ticket(adapter=adapter), endpoints[0])
    assert list(endpoints[0].adapters_sent) == ["a", "c"]


def test_a_worker_whose_places_are_all_in_use_is_avoided() -> None:
    router, endpoints = service(2)
    full = report(running_adapters=frozenset({"a", "b"}), max_adapters=2)
    router.reported(endpoints[0], full)
    router.reported(endpoints[1], report(running=2, running_adapters=frozenset({"a"}), max_adapters=2))
    assert chosen(router, endpoints, ticket(adapter="sql")) == {1}


def test_a_worker_that_does_not_serve_the_adapter_is_the_last() -> None:
    router, endpoints = service(2)
    endpoints[0].adapters = frozenset({"other"})
    endpoints[1].adapters = frozenset({"sql"})
    for _ in range(20):
        send(router, ticket(2000), endpoints[1])
    assert chosen(router, endpoints, ticket(adapter="sql")) == {1}
    assert chosen(router, endpoints[:1] * 2, ticket(adapter="sql")) == {0}


# Crowds


def crowd(holders: int, requests: int, others: int, workers: int = 8) -> set[int]:
    """Return who gets a prompt that some hold who have so many requests, while the others have so many."""
    router, endpoints = service(workers)
    router.rate.tokens_per_second = 100.0
    for endpoint in endpoints:
        endpoint.requests = requests if endpoint.slot < holders else others
        if endpoint.slot < holders:
            router.index.insert(LONG, endpoint.slot)
    return chosen(router, endpoints, long_ticket())


@pytest.mark.parametrize(
    ("holders", "requests", "others", "crowded"),
    [
        (1, 4, 0, False),
        (1, 5, 0, True),
        (1, 15, 5, False),
        (1, 16, 5, True),
        (4, 10, 5, False),
        (4, 12, 5, True),
        (7, 12, 5, False),
        (8, 14, 14, False),
    ],
)
def test_a_prompt_whose_holders_are_crowded_gets_another_holder(
    holders: int, requests: int, others: int, crowded: bool
) -> None:
    expected = range(holders, 8) if crowded else range(holders)
    assert crowd(holders, requests, others) == set(expected)


def test_where_one_holder_has_room_nobody_else_is_asked() -> None:
    router, endpoints = service(4)
    router.rate.tokens_per_second = 100.0
    for endpoint, requests in zip(endpoints, (20, 4, 0, 0), strict=True):
        endpoint.requests = requests
    for endpoint in endpoints[:2]:
        router.index.insert(LONG, endpoint.slot)
    assert chosen(router, endpoints, long_ticket()) == {1}


# Failing workers, many workers


def test_an_ejected_worker_is_left_alone_until_its_time_is_over() -> None:
    router, endpoints = service(2)
    chosen(router, endpoints)
    for _ in range(outliers.FAILURES):
        outliers.failed(endpoints[0], NOW)
    assert chosen(router, endpoints) == {1}
    assert chosen(router, endpoints, now=NOW + outliers.FIRST_SECONDS + 1) == {0, 1}


def test_if_all_are_ejected_all_are_asked() -> None:
    router, endpoints = service(2)
    for endpoint in endpoints:
        for _ in range(outliers.FAILURES):
            outliers.failed(endpoint, NOW)
    assert chosen(router, endpoints) == {0, 1}


@pytest.mark.parametrize("holding", [1, 3 * HOLDERS])
def test_of_very_many_workers_those_with_the_prompt_and_some_others_are_weighed(holding: int) -> None:
    router, endpoints = service(3 * MANY)
    for endpoint in endpoints[:holding]:
        router.index.insert(LONG, endpoint.slot)
    some = choice.some(endpoints, router.index.match(LONG), random.Random(1))
    assert len({e.slot for e in some}) == len(some) <= HOLDERS + OTHERS
    assert sum(e.slot < holding for e in some) >= min(holding, HOLDERS)
    assert chosen(router, endpoints, long_ticket()) <= set(range(holding))


def test_of_very_many_equal_workers_all_come_to_their_turn() -> None:
    router, endpoints = service(3 * MANY)
    seen = {router.choose(ticket(), endpoints, NOW).slot for _ in range(4000)}
    assert len(seen) == 3 * MANY


# Strategies


def test_least_load_does_not_look_at_prompts() -> None:
    router, endpoints = service(2, "LeastLoad")
    assert not router.wants_blocks
    run(router, long_ticket(), endpoints[0])
    assert chosen(router, endpoints, long_ticket()) == {1}


def test_prefix_hash_sends_the_same_beginning_to_the_same_worker() -> None:
    router, endpoints = service(5, "PrefixHash")
    assert router.wants_blocks
    (first,) = chosen(router, endpoints, long_ticket())
    longer = ticket(LONG_TOKENS * 2, (*LONG, 1, 2, 3))
    assert chosen(router, endpoints, longer) == {first}


def test_prefix_hash_has_nothing_to_hash_in_a_short_prompt() -> None:
    router, endpoints = service(3, "PrefixHash")
    send(router, ticket(), endpoints[1])
    assert chosen(router, endpoints, ticket(10)) == {0, 2}


def test_prefix_hash_leaves_ejected_workers_alone() -> None:
    router, endpoints = service(3, "PrefixHash")
    (first,) = chosen(router, endpoints, long_ticket())
    endpoints[first].ejected_until = NOW + 1
    assert first not in chosen(router, endpoints, long_ticket())


def test_a_strategy_may_change_while_requests_run() -> None:
    router, endpoints = service(2)
    run(router, long_ticket(), endpoints[0])
    assert chosen(router, endpoints, long_ticket()) == {0}
    router.set_strategy("LeastLoad")
    assert chosen(router, endpoints, long_ticket()) == {1}
    router.set_strategy("Auto")
    assert chosen(router, endpoints, long_ticket()) == {0}
