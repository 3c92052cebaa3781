"""Answers reach the client byte for byte."""

from integration.gateway.engine import CHAT, STREAM, FakeEngine
from integration.gateway.rig import Rig


async def test_a_chat_completion_is_passed_on(rig: Rig, engine: FakeEngine) -> None:
    answer = await rig.ask(rig.post())
    assert (answer.status, answer.body) == (200, CHAT)


async def test_a_stream_is_passed_on(rig: Rig, engine: FakeEngine) -> None:
    answer = await rig.ask(rig.post(stream=True))
    assert (answer.status, answer.body) == (200, STREAM)
