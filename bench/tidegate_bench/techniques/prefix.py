"""Prefix caching: the first token where most of a prompt was seen before, and what it costs where nothing was."""

from typing import Final

from tidegate_bench.results import Goal
from tidegate_bench.techniques.passes import closed
from tidegate_bench.techniques.technique import Arm, Figures, Rounds, Technique, ratio
from tidegate_bench.techniques.workload import shared, unshared

PROMPT_TOKENS: Final = 640
SHARE: Final = 0.75
ANSWER_TOKENS: Final = 8
REQUESTS: Final = 12


async def _measure(port: int, seed: str) -> Figures:
    # The first of them brings the beginning that the others share.
    reused = shared(REQUESTS + 1, PROMPT_TOKENS, SHARE, ANSWER_TOKENS, seed)
    await closed(port, reused[:1], 1)
    again = await closed(port, reused[1:], 1)
    fresh = await closed(port, unshared(REQUESTS, PROMPT_TOKENS, (ANSWER_TOKENS,), f"{seed} new"), 1)
    return {
        "first token p50, 75 % shared": again.first_token_p50,
        "first token p50, nothing shared": fresh.first_token_p50,
        "tokens/s, nothing shared": fresh.tokens_per_second,
    }


def _judge(rounds: Rounds) -> list[Goal]:
    sooner = ratio(rounds, "with", "without", "first token p50, 75 % shared")
    kept = ratio(rounds, "with", "without", "tokens/s, nothing shared")
    return [
        Goal("engine-prefix-first-token-p50", sooner, "×without", 0.4),
        Goal("engine-prefix-nothing-shared", kept, "×without", 0.99, at_least=True),
    ]


PREFIX: Final = Technique(
    name="prefix",
    title="Prefix caching, prompts of 640 tokens",
    engines={"with": ("--enable-prefix-caching",), "without": ("--no-enable-prefix-caching",)},
    arms=(Arm("without", "without", _measure), Arm("with", "with", _measure)),
    judge=_judge,
)
