"""How fast workers are thought to be."""

import random

import pytest

from tidegate_gateway.routing.endpoint import UNKNOWN_PREFILL_RATE, Endpoint
from tidegate_gateway.routing.prefix import blocks_of
from tidegate_gateway.routing.rate import ENOUGH, SAMPLE_TOKENS, SLOWEST
from tidegate_gateway.routing.router import Router
from unit.gateway.routing.things import NOW, end, report, send, service, ticket

numbers = iter(range(1 << 60))


def ask(router: Router, endpoint: Endpoint, seconds: float, tokens: int = 4000, now: float = NOW) -> None:
    """Send a prompt that nobody has seen, and let its first byte come after so long."""
    made = ticket(tokens, blocks_of(str(next(numbers)).encode() * 1000, 1))
    send(router, made, endpoint, now)
    router.first_byte(made, now + seconds)
    end(made)


def test_nothing_is_known_at_first() -> None:
    assert service(1)[0].rate.tokens_per_second == UNKNOWN_PREFILL_RATE


def test_the_first_time_tells_at_once() -> None:
    router, (endpoint,) = service(1)
    ask(router, endpoint, 0.2)
    assert router.rate.tokens_per_second == pytest.approx(20_000)
    assert endpoint.prefill_rate == pytest.approx(20_000)


def test_a_rate_that_changed_is_learned() -> None:
    router, (endpoint,) = service(1)
    for _ in range(50):
        ask(router, endpoint, 0.2)
    for _ in range(100):
        ask(router, endpoint, 0.4)
    assert router.rate.tokens_per_second == pytest.approx(10_000, rel=0.05)


def test_noise_is_averaged() -> None:
    rng = random.Random(3)
    router, (endpoint,) = service(1)
    for _ in range(400):
        ask(router, endpoint, 0.2 * rng.uniform(0.7, 1.4))
    assert router.rate.tokens_per_second == pytest.approx(20_000, rel=0.15)


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 60.0])
def test_one_time_that_is_far_off_changes_little(seconds: float) -> None:
    router, (endpoint,) = service(1)
    for _ in range(50):
        ask(router, endpoint, 0.2)
    ask(router, endpoint, seconds)
    assert router.rate.tokens_per_second == pytest.approx(20_000, rel=0.08)


def test_a_short_prompt_tells_nothing() -> None:
    router, (endpoint,) = service(1)
    ask(router, endpoint, 5.0, tokens=SAMPLE_TOKENS - 1)
    assert router.rate.samples == 0


def test_a_prompt_that_was_cached_tells_nothing() -> None:
    router, (endpoint,) = service(1)
    blocks = blocks_of(b"x" * 8000, 1)
    for _ in range(2):
        made = send(router, ticket(2000, blocks), endpoint)
        router.first_byte(made, NOW + 1)
    assert router.rate.samples == 1


def test_a_prompt_of_which_nobody_looked_up_what_is_cached_tells_nothing() -> None:
    router, (endpoint,) = service(1)
    router.first_byte(send(router, ticket(4000), endpoint), NOW + 1)
    assert router.rate.samples == 0


def test_one_that_waited_behind_another_tells_nothing() -> None:
    router, (endpoint,) = service(1)
    first = send(router, ticket(2000, blocks_of(b"a" * 8000, 1)), endpoint)
    second = send(router, ticket(2000, blocks_of(b"b" * 8000, 1)), endpoint)
    router.first_byte(first, NOW + 0.2)
    router.first_byte(second, NOW + 0.4)
    assert router.rate.samples == 1
    assert router.rate.tokens_per_second == pytest.approx(10_000)


def test_one_that_waited_behind_the_requests_of_others_tells_nothing() -> None:
    router, (endpoint,) = service(1)
    router.reported(endpoint, report(waiting=1))
    ask(router, endpoint, 3.0)
    assert router.rate.samples == 0


def test_one_that_was_broken_off_tells_nothing() -> None:
    router, (endpoint,) = service(1)
    made = send(router, ticket(2000, blocks_of(b"a" * 8000, 1)), endpoint)
    router.gone(made, NOW + 9)
    ask(router, endpoint, 0.2)
    assert router.rate.samples == 1


def test_small_differences_between_workers_are_noise() -> None:
    router, endpoints = service(2)
    for _ in range(3 * ENOUGH):
        ask(router, endpoints[0], 0.2)
        ask(router, endpoints[1], 0.25)
    assert [e.slowness for e in endpoints] == [1.0, 1.0]


def test_a_worker_that_is_much_slower_gets_fewer_requests() -> None:
    router, endpoints = service(3)
    for _ in range(3 * ENOUGH):
        for endpoint, seconds in zip(endpoints, (0.2, 0.2, 1.0), strict=True):
            ask(router, endpoint, seconds)
    assert endpoints[0].slowness == pytest.approx(endpoints[1].slowness, rel=0.1)
    assert 3 * endpoints[0].slowness < endpoints[2].slowness <= SLOWEST
    assert {router.choose(ticket(1000), endpoints, NOW).slot for _ in range(50)} == {0, 1}


def test_a_worker_that_is_asked_for_the_first_time_is_thought_as_fast_as_its_service() -> None:
    router, endpoints = service(2)
    for _ in range(ENOUGH):
        ask(router, endpoints[0], 0.2)
    router.choose(ticket(1000), endpoints, NOW)
    assert endpoints[1].seconds_per_token == endpoints[0].seconds_per_token == pytest.approx(1 / 20_000)
