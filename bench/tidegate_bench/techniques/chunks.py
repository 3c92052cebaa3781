"""Chunked prefill: what answers that stream lose while long prompts come in, and what these wait for it."""

from typing import Final

from tidegate_bench.results import Goal
from tidegate_bench.techniques.passes import beside_prompts
from tidegate_bench.techniques.technique import Arm, Figures, Rounds, Technique, ratio
from tidegate_bench.techniques.workload import unshared

STREAMS: Final = 4
STREAM_TOKENS: Final = 120
PROMPTS: Final = 3
PROMPT_TOKENS: Final = 1800
PAUSE_SECONDS: Final = 1.0
LENGTH: Final = ("--max-model-len", "2048", "--no-enable-prefix-caching")


async def _measure(port: int, seed: str) -> Figures:
    running, prompts = await beside_prompts(
        port,
        unshared(STREAMS, 32, (STREAM_TOKENS,), seed),
        unshared(PROMPTS, PROMPT_TOKENS, (1,), f"{seed} long"),
        PAUSE_SECONDS,
    )
    return {
        "between tokens p99": running.gap_p99,
        "longest pause": max(running.gaps),
        "first token p50 of long prompts": prompts.first_token_p50,
    }


def _judge(rounds: Rounds) -> list[Goal]:
    pause = ratio(rounds, "chunks of 256", "whole prompts", "longest pause")
    return [Goal("engine-chunks-longest-pause", pause, "×whole-prompts", 0.5)]


CHUNKS: Final = Technique(
    name="chunks",
    title="Chunked prefill, prompts of 1,800 tokens beside 4 streams",
    engines={
        "whole": (*LENGTH, "--no-enable-chunked-prefill", "--max-num-batched-tokens", "2048"),
        "chunked": (*LENGTH, "--enable-chunked-prefill", "--max-num-batched-tokens", "256"),
    },
    arms=(Arm("whole prompts", "whole", _measure), Arm("chunks of 256", "chunked", _measure)),
    judge=_judge,
)
