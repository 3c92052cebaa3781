"""Batching: one request at a time, batches that wait for their slowest, and vLLM's continuous batching.

Sixteen clients at a time, answers of mixed length. Batches are made by the client on the engine that batches
continuously: what they lose is what waiting for the slowest costs.
"""

from collections.abc import Sequence
from typing import Final

from tidegate_bench.results import Goal
from tidegate_bench.sim.probe import Question
from tidegate_bench.techniques.passes import Pass, closed, in_batches
from tidegate_bench.techniques.technique import Arm, Figures, Rounds, Technique, ratio
from tidegate_bench.techniques.workload import unshared

CLIENTS: Final = 16
REQUESTS: Final = 32
PROMPT_TOKENS: Final = 64
ANSWER_TOKENS: Final = (8, 16, 24, 80)


def _asked(seed: str) -> Sequence[Question]:
    return unshared(REQUESTS, PROMPT_TOKENS, ANSWER_TOKENS, seed)


def _figures(measured: Pass) -> Figures:
    return {
        "tokens/s": measured.tokens_per_second,
        "latency p50": measured.latency_p50,
        "first token p50": measured.first_token_p50,
    }


async def _by_clients(port: int, seed: str) -> Figures:
    return _figures(await closed(port, _asked(seed), CLIENTS))


async def _by_batches(port: int, seed: str) -> Figures:
    return _figures(await in_batches(port, _asked(seed), CLIENTS))


def _judge(rounds: Rounds) -> list[Goal]:
    faster = ratio(rounds, "continuous", "one at a time", "tokens/s")
    sooner = ratio(rounds, "continuous", "one at a time", "latency p50")
    than_static = ratio(rounds, "continuous", "static batches", "tokens/s")
    return [
        Goal("engine-batching-throughput", faster, "×one-at-a-time", 4, at_least=True),
        Goal("engine-batching-latency-p50", sooner, "×one-at-a-time", 0.25),
        Goal("engine-continuous-over-static", than_static, "×static-batches", 1, at_least=True),
    ]


BATCHING: Final = Technique(
    name="batching",
    title="Continuous batching, 16 clients",
    engines={"single": ("--max-num-seqs", "1"), "batched": ("--max-num-seqs", str(CLIENTS))},
    arms=(
        Arm("one at a time", "single", _by_clients),
        Arm("static batches", "batched", _by_batches),
        Arm("continuous", "batched", _by_clients),
    ),
    judge=_judge,
)
