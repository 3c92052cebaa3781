"""The load of routing and QoS benchmarks over sockets: when requests are sent, and what is seen of their answers."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from typing import Any

from tidegate_bench.sim.faults import Fault
from tidegate_bench.sim.load import FIRST, Wanted, chat_request, send
from tidegate_bench.sim.profile import Profile
from tidegate_bench.sim.server import SimEngine

PROFILE = Profile(step_seconds=0.002, request_seconds=0, keep_alive_seconds=60)


def wanted(at: float = 0.0, tokens: int = 4, after: int = -1, **fields: Any) -> Wanted:
    body = {
        "messages": [{"role": "user", "content": fields.pop("text", "hello")}],
        "max_tokens": tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    return Wanted(at, chat_request("key", json.dumps(body | fields).encode()), tokens, after)


async def test_answers_are_timed_and_counted() -> None:
    async with SimEngine(PROFILE) as engine:
        outcomes = await send([wanted(), wanted(at=0.05, text="x" * 400)] * 2, lambda _: engine.port)
    assert all(outcome.is_right for outcome in outcomes)
    assert [outcome.tokens for outcome in outcomes] == [4, 4, 4, 4]
    assert [outcome.cached_tokens for outcome in outcomes] == [0, 0, 0, 96]
    for outcome in outcomes:
        assert outcome.due < outcome.first_token < outcome.ended
    assert 0.049 < outcomes[1].due - outcomes[0].due < 0.051


async def most_of(what: Callable[[], int], sending: Coroutine[Any, Any, Any]) -> tuple[int, Any]:
    """Return the most that something was while requests were sent, and what became of these."""
    most = 0
    task = asyncio.ensure_future(sending)
    while not task.done():
        most = max(most, what())
        await asyncio.sleep(0.0005)
    return most, task.result()


async def test_a_client_that_is_late_counts_its_own_delay() -> None:
    async with SimEngine(PROFILE) as engine:
        asyncio.get_running_loop().call_later(0.03, time.sleep, 0.1)
        first, second = await send([wanted(), wanted(at=0.05)], lambda _: engine.port)
    assert 0.049 < second.due - first.due < 0.051
    assert second.waited > 0.07


async def test_a_kept_connection_is_used_again() -> None:
    async with SimEngine(PROFILE) as engine:
        sending = send([wanted(after=number - 1) for number in range(5)], lambda _: engine.port)
        most, _ = await most_of(lambda: len(engine.connections), sending)
        assert (engine.requests, most) == (5, 1)


async def test_a_connection_that_the_engine_has_closed_is_not_used_again() -> None:
    async with SimEngine(Profile(request_seconds=0, keep_alive_seconds=0.1)) as engine:
        outcomes = await send([wanted(), wanted(at=1.3)], lambda _: engine.port)
    assert [outcome.is_right for outcome in outcomes] == [True, True]


def test_the_event_that_says_the_role_is_no_token() -> None:
    assert FIRST.search(b'{"delta":{"role":"assistant","content":""},"logprobs":null}') is None
    assert FIRST.search(b'{"delta":{"content":"x"}}')
    assert FIRST.search(b'{"index":0,"text":"x"}')


async def test_a_follower_waits_for_the_answer_before_it() -> None:
    async with SimEngine(PROFILE) as engine:
        first, second, third = await send(
            [wanted(tokens=50), wanted(after=0), wanted(at=0.5, after=0)], lambda _: engine.port
        )
    assert second.due >= first.ended
    assert 0.49 < third.due - first.due < 0.53


async def test_no_more_than_the_limit_are_open() -> None:
    async with SimEngine(PROFILE) as engine:
        sending = send([wanted(tokens=20)] * 12, lambda _: engine.port, limit=3)
        most, outcomes = await most_of(lambda: engine.running + engine.waiting, sending)
    assert all(outcome.is_right for outcome in outcomes)
    assert most == 3


async def test_what_goes_wrong_is_seen_and_ends_nothing_else() -> None:
    async with SimEngine(PROFILE) as engine:
        cut = wanted(fault={"kind": "die", "tokens": 2})
        outcomes = await send([cut, wanted(model="other"), wanted()], lambda _: engine.port)
        engine.plan(Fault(kind="refuse"))
        (refused,) = await send([wanted()], lambda _: engine.port)
    assert [(outcome.status, outcome.is_right) for outcome in outcomes] == [
        (0, False),
        (404, False),
        (200, True),
    ]
    assert (refused.status, refused.is_right) == (0, False)


async def test_an_answer_that_is_shorter_than_asked_for_is_wrong() -> None:
    async with SimEngine(PROFILE) as engine:
        request = wanted(tokens=4).request
        (outcome,) = await send([Wanted(0.0, request, 5)], lambda _: engine.port)
    assert (outcome.status, outcome.tokens, outcome.is_right) == (200, 4, False)


async def test_requests_go_to_the_ports_they_are_meant_for() -> None:
    async with SimEngine(PROFILE) as one, SimEngine(PROFILE) as other:
        ports = [one.port, other.port]
        await send([wanted()] * 6, lambda number: ports[number % 3 == 0])
        assert (one.requests, other.requests) == (4, 2)
