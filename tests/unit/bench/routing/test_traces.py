"""The load of a routing benchmark: what is asked, and what of it could be cached."""

import json
import random
from collections import Counter
from itertools import pairwise

import pytest

from tidegate_bench.routing.requests import body_of, optimum, sequence_of
from tidegate_bench.routing.traces import NOBODY, TRACES, Ask, words
from tidegate_bench.sim.profile import Profile

PROFILE = Profile()


def make(name: str, seed: int = 1, per_second: float = 50, seconds: float = 8) -> list[Ask]:
    return TRACES[name](random.Random(seed), per_second, seconds)


def best_ratio(asks: list[Ask]) -> float:
    """Return the share of prompt tokens that an infinite cache would have had."""
    bodies = [body_of(ask) for ask in asks]
    tokens = sum(
        sequence_of(body, ask, PROFILE).prompt.tokens for ask, body in zip(asks, bodies, strict=True)
    )
    return sum(optimum(asks, bodies, PROFILE)) / tokens


@pytest.mark.parametrize("name", TRACES)
def test_a_trace_is_its_seed(name: str) -> None:
    assert make(name) == make(name)
    assert make(name) != make(name, seed=2)


@pytest.mark.parametrize("name", TRACES)
def test_requests_come_in_order_at_about_the_rate_asked_for_and_fit_into_the_engine(name: str) -> None:
    asks = make(name, seconds=40)
    assert all(one.at <= other.at for one, other in pairwise(asks))
    assert 0.75 < len(asks) / (50 * 40) < 1.25
    tokens = [sequence_of(body_of(ask), ask, PROFILE).prompt.tokens + ask.answer_tokens for ask in asks]
    assert max(tokens) <= PROFILE.max_model_len


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("prefix-heavy", 0.55, 0.9), ("no-reuse", 0, 0.001), ("hot-prefix", 0.7, 0.85), ("chats", 0.6, 0.95)],
)
def test_each_shape_repeats_as_much_as_it_is_for(name: str, low: float, high: float) -> None:
    assert low <= best_ratio(make(name)) <= high


def test_four_of_five_requests_have_the_hot_prefix() -> None:
    systems = Counter(ask.messages[0] for ask in make("hot-prefix", seconds=20))
    assert 0.75 < systems.most_common(1)[0][1] / systems.total() < 0.85


def test_a_turn_repeats_the_conversation_and_waits_for_the_answer_before() -> None:
    asks = make("chats")
    followers = [ask for ask in asks if ask.after != NOBODY]
    assert len(followers) > len(asks) / 3
    for ask in followers:
        before = asks[ask.after]
        assert ask.messages[: len(before.messages)] == before.messages
        assert ask.messages[len(before.messages)][0] == "assistant"
        assert before.at < ask.at


def test_the_optimum_finds_prompts_and_answers_of_all_before() -> None:
    text = words(random.Random(1), 100)
    first = Ask(0, (("user", text),), 32)
    answer = "".join(f"{i:03d} " for i in range(32))
    second = Ask(1, (("user", text), ("assistant", answer), ("user", "more")), 32)
    bodies = [body_of(ask) for ask in (first, second)]
    # Of 400 bytes of text, the roles around them (22) and the 31 tokens that an engine keeps of the answer.
    assert optimum([first, second], bodies, PROFILE) == [0, (400 + 22 + 31 * 4) // 64 * 16]
    assert optimum([first, first], [bodies[0]] * 2, PROFILE) == [0, 96]


def test_the_last_token_is_never_found_nor_kept() -> None:
    """A prompt of 64 tokens is four blocks of which three can be found; its answer of 16 leaves 15."""
    around = len("<|user|><|assistant|>")
    text = "x" * (256 - around)
    first = Ask(0, (("user", text),), 16)
    answer = "".join(f"{i:03d} " for i in range(16))
    second = Ask(1, (("user", text), ("assistant", answer), ("user", "more")), 16)
    asks = [first, first, second]
    assert optimum(asks, [body_of(ask) for ask in asks], PROFILE) == [0, 48, 64]


def test_a_body_asks_for_a_stream_of_exactly_so_many_tokens() -> None:
    body = json.loads(body_of(Ask(0, (("user", "hi"),), 7)))
    assert (body["max_tokens"], body["ignore_eos"], body["stream"]) == (7, True, True)
    assert body["stream_options"] == {"include_usage": True}
