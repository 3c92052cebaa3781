"""Speculation by n-grams: tokens guessed from what the prompt says already, for one client and for sixteen.

The prompts repeat themselves, as code that is edited and texts that are summarised do: without repetition there is
nothing to guess from.
"""

import json
from typing import Final

from tidegate_bench.results import Goal
from tidegate_bench.techniques.counters import look
from tidegate_bench.techniques.passes import closed
from tidegate_bench.techniques.technique import Arm, Figures, Rounds, Technique, ratio
from tidegate_bench.techniques.workload import repeating

CONFIG: Final = {"method": "ngram", "num_speculative_tokens": 4, "prompt_lookup_max": 4}
PROMPT_TOKENS: Final = 160
PERIOD: Final = 20
ANSWER_TOKENS: Final = 48
CROWD: Final = 16


async def _measure(port: int, seed: str) -> Figures:
    before = look(port)
    alone = await closed(port, repeating(4, PROMPT_TOKENS, PERIOD, ANSWER_TOKENS, f"{seed} alone"), 1)
    crowd = await closed(port, repeating(32, PROMPT_TOKENS, PERIOD, ANSWER_TOKENS, f"{seed} crowd"), CROWD)
    after = look(port)
    drafted = after.drafted - before.drafted
    return {
        "tokens/s, 1 client": alone.tokens_per_second,
        "tokens/s, 16 clients": crowd.tokens_per_second,
        "guessed right": (after.accepted - before.accepted) / drafted if drafted else 0.0,
    }


def _judge(rounds: Rounds) -> list[Goal]:
    alone = ratio(rounds, "n-grams", "none", "tokens/s, 1 client")
    return [Goal("engine-speculation-1-client", alone, "×none", 1, at_least=True)]


SPECULATION: Final = Technique(
    name="speculation",
    title="Speculation by n-grams, prompts that repeat themselves",
    engines={"none": (), "n-grams": ("--speculative-config", json.dumps(CONFIG))},
    arms=(Arm("none", "none", _measure), Arm("n-grams", "n-grams", _measure)),
    judge=_judge,
)
