"""A new version beside the one in use: who is given it, and what becomes of requests that it fails on."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from integration.gateway.engine import STREAM, Call, FakeEngine, Script, complete
from integration.gateway.rig import MODEL, Answer, Rig, eventually
from tidegate_gateway.directory import Canary
from tidegate_gateway.gateway import Gateway
from tidegate_gateway.versions import Versions

CHATS = 1000


async def fail(call: Call) -> None:
    """Answer as a version does that cannot compute."""
    await call.answer(500, b'{"error":{"message":"CUDA error"}}')


async def refuse_connections(call: Call) -> None:
    """Die before the first byte."""
    call.reset()


async def break_off(call: Call) -> None:
    """Die in the middle of a stream."""
    await call.head()
    await call.chunk(STREAM[:50])
    call.reset()


@dataclass
class Stage:
    """A stable worker and one of the new version."""

    rig: Rig
    stable: FakeEngine
    canary: FakeEngine

    def weigh(self, weight: float | None, *, is_passed: bool = False) -> None:
        """Give the canary so many percent; with None there is none any more, though its worker is there still."""
        canary = None if weight is None else Canary("r2", weight, is_passed)
        model = replace(MODEL, canary=canary)
        self.rig.publish([self.stable, self.canary], model=model, tried=[self.canary])

    async def ask(self, number: int = 0, **fields: Any) -> Answer:
        """Ask in a conversation of that number."""
        messages = [{"role": "user", "content": f"question {number}"}]
        return await self.rig.ask(self.rig.post(messages=messages, **fields))

    async def ask_all(self, count: int) -> None:
        """Ask one after the other in so many conversations, on one connection."""
        client = await self.rig.client()
        for number in range(count):
            messages = [{"role": "user", "content": f"question {number}"}]
            await client.send(self.rig.post(messages=messages))
            assert (await client.read()).status == 200

    def counts(self) -> Versions:
        """Return what the gateway has counted of the two versions."""

        def read(gateway: Gateway) -> Versions:
            counts = gateway.services["ns", "m-svc"].versions
            assert counts is not None
            return counts

        return self.rig.look(read)

    async def counted(self, stable: tuple[int, int], canary: tuple[int, int]) -> None:
        """Wait until so many requests and errors are counted."""

        def told() -> bool:
            counts = self.counts()
            found = [(tally.requests, tally.errors) for tally in (counts.stable, counts.canary)]
            return found == [stable, canary]

        await eventually(told, "the counts")


@pytest.fixture
async def stage(rig: Rig) -> AsyncIterator[Stage]:
    """Two workers, and no weight yet."""
    staged = Stage(rig, await rig.add(FakeEngine()), await rig.add(FakeEngine()))
    staged.weigh(None)
    yield staged


@pytest.mark.case(32)
async def test_five_percent_of_conversations_are_answered_by_the_canary(stage: Stage) -> None:
    stage.weigh(5)
    await stage.ask_all(CHATS)
    assert len(stage.stable.calls) + len(stage.canary.calls) == CHATS
    assert 0.03 * CHATS <= len(stage.canary.calls) <= 0.07 * CHATS
    await stage.counted((len(stage.stable.calls), 0), (len(stage.canary.calls), 0))


@pytest.mark.case(32)
async def test_a_chat_stays_on_its_version_and_a_weight_that_grows_takes_none_back(stage: Stage) -> None:
    before: set[str] = set()
    for weight in (10, 10, 30):
        stage.canary.calls.clear()
        stage.weigh(weight)
        await stage.ask_all(200)
        asked = {json.loads(call.body)["messages"][0]["content"] for call in stage.canary.calls}
        assert before <= asked
        assert weight > 10 or not before or asked == before
        before = asked
    assert 30 <= len(before) <= 90


@pytest.mark.parametrize("weight", [0, None], ids=["no share", "taken back"])
async def test_a_canary_without_a_share_is_asked_nothing_though_it_is_ready(
    stage: Stage, weight: float | None
) -> None:
    stage.weigh(weight)
    await stage.ask_all(50)
    assert (len(stage.stable.calls), len(stage.canary.calls)) == (50, 0)


async def test_a_canary_without_a_worker_leaves_its_requests_to_stable(stage: Stage) -> None:
    stage.rig.publish([stage.stable], model=replace(MODEL, canary=Canary("r2", 100)))
    assert (await stage.ask()).status == 200
    await stage.counted((1, 0), (0, 0))


@pytest.mark.parametrize("script", [fail, refuse_connections], ids=["it answers 500", "it dies"])
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "no stream"])
async def test_what_the_canary_fails_on_before_its_first_byte_stable_answers(
    stage: Stage, script: Script, stream: bool
) -> None:
    stage.canary.script = script
    stage.weigh(100)
    # Nothing may be retried any more of a service that fails; who tries something new does not need that.
    stage.rig.look(lambda gateway: [gateway.retries.take() for _ in range(20)])
    for number in range(20):
        answer = await stage.ask(number, stream=stream)
        assert answer.status == 200
        assert not stream or answer.body == STREAM
    failed = len(stage.canary.calls)
    # After three in a row it is left alone.
    assert failed == 3
    await stage.counted((20, 0), (failed, failed))


async def test_a_stream_that_the_canary_breaks_off_is_its_error_and_nobodys_else(stage: Stage) -> None:
    stage.canary.script = break_off
    stage.weigh(100)
    answer = await stage.ask(stream=True)
    assert b'"error"' in answer.body
    assert b"[DONE]" not in answer.body
    await stage.counted((0, 0), (1, 1))
    assert stage.stable.calls == []


async def test_where_stable_fails_too_the_client_is_told(stage: Stage) -> None:
    stage.canary.script = stage.stable.script = fail
    stage.weigh(100)
    assert (await stage.ask()).status == 500
    assert (len(stage.stable.calls), len(stage.canary.calls)) == (1, 1)
    await stage.counted((1, 1), (1, 1))


async def test_a_worker_of_the_canary_that_is_being_stopped_is_no_error_of_its_version(stage: Stage) -> None:
    async def stop(call: Call) -> None:
        stage.rig.publish(
            [stage.stable], model=replace(MODEL, canary=Canary("r2", 100)), tried=[stage.canary]
        )
        await call.answer(503, b"{}")

    stage.canary.script = stop
    stage.weigh(100)
    assert (await stage.ask()).status == 200
    await stage.counted((1, 0), (0, 0))


async def test_times_to_the_first_token_are_those_of_streams_at_the_worker(stage: Stage) -> None:
    async def slowly(call: Call) -> None:
        await asyncio.sleep(0.2)
        await complete(call)

    stage.canary.script = slowly
    stage.weigh(100)
    await stage.ask(stream=True)
    await stage.ask(stream=False)
    await stage.counted((0, 0), (2, 0))
    (index,) = stage.counts().canary.first_tokens
    # The bucket of 0.2 s, and a second beyond.
    assert 55 <= index <= 75
    assert stage.counts().stable.first_tokens == {}


async def test_counts_begin_anew_with_each_canary_and_outlive_its_pauses(stage: Stage) -> None:
    stage.weigh(100)
    await stage.ask()
    stage.weigh(0)
    await stage.ask()
    stage.weigh(50)
    await stage.counted((0, 0), (1, 0))
    other = replace(MODEL, canary=Canary("r3", 50))
    stage.rig.publish([stage.stable, stage.canary], model=other, tried=[stage.canary])
    await stage.counted((0, 0), (0, 0))
    stage.weigh(None)
    assert stage.rig.look(lambda gateway: gateway.services["ns", "m-svc"].versions) is None


async def test_before_it_has_a_share_and_without_a_canary_nothing_is_counted(stage: Stage) -> None:
    for weight in (None, 0):
        stage.weigh(weight)
        await stage.ask()
        assert stage.rig.look(lambda gateway: gateway.services["ns", "m-svc"].versions) is None


async def test_while_it_is_promoted_what_was_stables_goes_to_any_worker(stage: Stage) -> None:
    stage.weigh(1, is_passed=True)
    await stage.ask_all(100)
    assert min(len(stage.stable.calls), len(stage.canary.calls)) > 10


async def test_streams_of_a_canary_that_is_taken_back_come_to_their_end(stage: Stage) -> None:
    proceed = asyncio.Event()

    async def wait(call: Call) -> None:
        await call.head()
        await call.chunk(STREAM[:40])
        await proceed.wait()
        await call.chunk(STREAM[40:])
        await call.end()

    stage.canary.script = wait
    stage.weigh(100)
    asking = asyncio.create_task(stage.ask(stream=True))
    await eventually(lambda: stage.canary.calls, "the canary's request")
    stage.weigh(None)
    assert (await stage.ask(1)).status == 200
    stage.rig.publish([stage.stable])
    proceed.set()
    assert (await asking).body == STREAM


async def test_requests_of_both_versions_are_in_the_metrics_while_there_are_two(stage: Stage) -> None:
    def samples() -> Counter[tuple[str, str]]:
        def read(gateway: Gateway) -> Counter[tuple[str, str]]:
            return Counter(
                {
                    (sample.labels["track"], sample.labels["result"]): int(sample.value)
                    for family in gateway.metrics.registry.collect()
                    for sample in family.samples
                    if sample.name == "tidegate_gateway_track_requests_total"
                }
            )

        return stage.rig.look(read)

    assert not samples()
    stage.canary.script = fail
    stage.weigh(100)
    await stage.ask()
    await stage.counted((1, 0), (1, 1))
    assert samples() == Counter({("stable", "answered"): 1, ("canary", "failed"): 1})
