"""What the engines are asked: prompts of token ids, so that every engine gets exactly as many tokens.

Pure; the seed is an argument. A prompt that nobody shares has no beginning in common with any other.
"""

import random
from collections.abc import Sequence

from tidegate_bench.sim.probe import FIRST_ID, LAST_ID, Question


def unshared(count: int, prompt_tokens: int, answer_tokens: Sequence[int], seed: str) -> list[Question]:
    """Return questions with prompts of one length that nothing repeats, and answers of these lengths in turn."""
    rng = _rng(seed)
    return [
        Question(_tokens(rng, prompt_tokens), answer_tokens[number % len(answer_tokens)])
        for number in range(count)
    ]


def shared(count: int, prompt_tokens: int, share: float, answer_tokens: int, seed: str) -> list[Question]:
    """Return questions whose prompts begin with the same tokens, this share of them."""
    rng = _rng(seed)
    beginning = _tokens(rng, int(prompt_tokens * share))
    rest = prompt_tokens - len(beginning)
    return [Question(beginning + _tokens(rng, rest), answer_tokens) for _ in range(count)]


def repeating(count: int, prompt_tokens: int, period: int, answer_tokens: int, seed: str) -> list[Question]:
    """Return questions whose prompts say the same few tokens again and again: what follows can be guessed from them."""
    rng = _rng(seed)
    asked = []
    for _ in range(count):
        phrase = _tokens(rng, period)
        asked.append(Question((phrase * (prompt_tokens // period + 1))[:prompt_tokens], answer_tokens))
    return asked


def _tokens(rng: random.Random, count: int) -> tuple[int, ...]:
    return tuple(rng.randint(FIRST_ID, LAST_ID) for _ in range(count))


def _rng(seed: str) -> random.Random:
    return random.Random(seed)  # noqa: S311 - a load, not a secret
