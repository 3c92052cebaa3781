"""What a request asks of a simulated engine."""

import json
from typing import Any

import pytest

from tidegate_bench.sim.ask import CHAT, COMPLETIONS, EMBEDDINGS, Refused, prompts, read, sequences
from tidegate_bench.sim.profile import Profile

PROFILE = Profile(max_model_len=100, num_gpu_blocks=100, answer_tokens=20, adapters=("lora",))


def body(**fields: Any) -> Any:
    return read(json.dumps(fields).encode())


def chat(text: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize(
    ("fields", "tokens", "reason"),
    [
        ({"max_tokens": 5}, 5, "length"),
        ({"max_tokens": 30}, 20, "stop"),
        ({"max_tokens": 30, "ignore_eos": True}, 30, "length"),
        ({"max_tokens": 30, "min_tokens": 25}, 25, "stop"),
        ({"max_completion_tokens": 7, "max_tokens": 9}, 7, "length"),
        ({}, 20, "stop"),
        ({"ignore_eos": True}, 98, "length"),
    ],
    ids=str,
)
def test_how_long_an_answer_is(fields: dict[str, Any], tokens: int, reason: str) -> None:
    (made,) = sequences(COMPLETIONS, body(prompt="12345678", **fields), PROFILE)
    assert (made.prompt.tokens, made.output_tokens, made.reason) == (2, tokens, reason)


@pytest.mark.parametrize(
    ("given", "tokens"),
    [
        ("abcde", [2]),
        (["abcd", "abcdefgh"], [1, 2]),
        ([1, 2, 3], [3]),
        ([[1, 2, 3], [4]], [3, 1]),
    ],
    ids=str,
)
def test_a_token_is_four_bytes_or_an_id(given: Any, tokens: list[int]) -> None:
    made = sequences(COMPLETIONS, body(prompt=given), PROFILE)
    assert [sequence.prompt.tokens for sequence in made] == tokens


def test_a_chat_is_its_roles_and_texts_and_starts_like_the_chat_before() -> None:
    (one,) = prompts(CHAT, body(messages=chat("hi")))
    assert one == b"<|user|>hi<|assistant|>"
    assert prompts(CHAT, body(messages=chat([{"type": "text", "text": "hi"}]))) == [one]
    longer = [*chat("hi"), {"role": "assistant", "content": "you"}, {"role": "user", "content": "!"}]
    assert prompts(CHAT, body(messages=longer))[0].startswith(one + b"you<|user|>")


def test_tools_are_part_of_the_prompt() -> None:
    (made,) = prompts(CHAT, body(messages=chat("hi"), tools=[{"name": "f"}]))
    assert made.startswith(b"[{")


def test_choices_share_their_prompt_and_count_on() -> None:
    made = sequences(COMPLETIONS, body(prompt=["a", "b"], n=2, priority=3, model="lora"), PROFILE)
    assert [sequence.index for sequence in made] == [0, 1, 2, 3]
    assert made[0].prompt is made[1].prompt
    assert {(sequence.priority, sequence.adapter) for sequence in made} == {(3, "lora")}


def test_an_embedding_has_no_tokens() -> None:
    (made,) = sequences(EMBEDDINGS, body(input="abcd"), PROFILE)
    assert made.output_tokens == 0


def test_salt_and_adapter_keep_prompts_apart() -> None:
    long = "x" * 64
    asked = [{}, {"cache_salt": "s"}, {"model": "lora"}]
    seen = {sequences(COMPLETIONS, body(prompt=long, **f), PROFILE)[0].hashes[0] for f in asked}
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"{", 400, "truncated"),
        (b'{"prompt": 5}', 400, "prompt"),
        (b'{"prompt": []}', 400, "no prompt"),
        (b'{"prompt": [1, "a"]}', 400, "a text or a list of token ids"),
        (b'{"prompt": "a", "model": "other"}', 404, "`other` does not exist"),
        (b'{"prompt": "a", "max_tokens": 100}', 400, "1 input tokens and asks for 100 more"),
    ],
    ids=str,
)
def test_a_request_that_cannot_be_served_is_refused_with_words(
    content: bytes, status: int, words: str
) -> None:
    with pytest.raises(Refused, match=words) as refused:
        sequences(COMPLETIONS, read(content), PROFILE)
    assert refused.value.status == status
