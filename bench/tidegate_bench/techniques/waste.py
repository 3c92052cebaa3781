"""Paged attention: how much of the key-value cache that is held stores no token.

Sixteen requests run at a time while the engine is asked again and again what it holds. What is stored is counted by
the client: prompt and answer so far of every request that runs. Beside it stands what engines without pages would hold:
room for the longest answer of each request from its beginning.
"""

import asyncio
import time
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from tidegate_bench.results import Goal
from tidegate_bench.sim.probe import ask_all
from tidegate_bench.sim.real import MODEL
from tidegate_bench.techniques.counters import look
from tidegate_bench.techniques.technique import Arm, Figures, Rounds, Technique, middle
from tidegate_bench.techniques.workload import unshared

CLIENTS: Final = 16
PROMPT_TOKENS: Final = 768
ANSWER_TOKENS: Final = (48, 96, 144)
LONGEST: Final = 2048
# The smallest that vLLM has on a CPU; on GPUs it is 16.
BLOCK: Final = 32
LOOK_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the engine: when, and how many tokens its blocks have room for."""

    at: float
    held: float


async def _measure(port: int, seed: str) -> Figures:
    asked = unshared(CLIENTS, PROMPT_TOKENS, ANSWER_TOKENS, seed)
    looks: list[Look] = []
    watching = asyncio.create_task(_watch(port, looks))
    try:
        seen = await ask_all(port, MODEL, asked, CLIENTS)
    finally:
        watching.cancel()
    # Only while all of them run, after the last prompt and before the first end: then what is stored is known exactly.
    begin = max(one.tokens[0] for one in seen)
    end = min(one.tokens[-1] for one in seen)
    steady = [each for each in looks if begin < each.at < end]
    if not steady:
        raise RuntimeError("no look at the engine fell into the time when all requests ran")
    stored = [
        sum(one.prompt_tokens + sum(at <= each.at for at in one.tokens) for one in seen) for each in steady
    ]
    reserved = CLIENTS * LONGEST
    return {
        "wasted with pages": fmean(1 - s / each.held for s, each in zip(stored, steady, strict=True)),
        "wasted with room for the longest": fmean(1 - s / reserved for s in stored),
        "looks": float(len(steady)),
    }


async def _watch(port: int, looks: list[Look]) -> None:
    while True:
        before = time.monotonic()
        counters = await asyncio.to_thread(look, port)
        looks.append(Look((before + time.monotonic()) / 2, counters.tokens_held))
        await asyncio.sleep(LOOK_SECONDS)


def _judge(rounds: Rounds) -> list[Goal]:
    return [
        Goal(
            "engine-cache-waste", middle(rounds, "pages of 32", "wasted with pages"), "of-what-is-held", 0.04
        )
    ]


WASTE: Final = Technique(
    name="waste",
    title="Paged attention, 16 requests at a time",
    engines={
        "paged": ("--block-size", str(BLOCK), "--max-model-len", str(LONGEST), "--no-enable-prefix-caching")
    },
    arms=(Arm("pages of 32", "paged", _measure),),
    judge=_judge,
)
