"""How many tokens a request is thought to take."""

import pytest

from tidegate_gateway.estimate import Estimate


def test_before_anything_is_known_a_token_is_four_bytes() -> None:
    assert Estimate().prompt_tokens(400) == 101


def test_a_prompt_of_nothing_is_one_token() -> None:
    assert Estimate().prompt_tokens(0) == 1


def test_what_the_engine_counts_is_learned() -> None:
    estimate = Estimate()
    for _ in range(200):
        estimate.learn(prompt_bytes=200, prompt_tokens=100, output_tokens=10)
    assert estimate.prompt_tokens(1000) == pytest.approx(500, abs=3)
    assert estimate.output_tokens(None, 1) == pytest.approx(11, abs=1)


@pytest.mark.parametrize(
    ("most", "choices", "expected"),
    [(None, 1, 129), (16, 1, 16), (100_000, 1, 129), (16, 4, 64), (None, 2, 258), (0, 1, 0)],
    ids=[
        "an answer without a limit is of usual length",
        "a short limit is taken at its word",
        "a long limit is not",
        "each choice counts",
        "also without a limit",
        "an answer of nothing is nothing",
    ],
)
def test_an_answer(most: int | None, choices: int, expected: int) -> None:
    assert Estimate().output_tokens(most, choices) == expected


def test_an_engine_that_counts_nothing_teaches_nothing_about_prompts() -> None:
    estimate = Estimate()
    estimate.learn(prompt_bytes=100, prompt_tokens=0, output_tokens=0)
    estimate.learn(prompt_bytes=0, prompt_tokens=7, output_tokens=0)
    assert estimate.prompt_tokens(400) == 101
