"""What is asked in a routing benchmark: made from a seed, or read from a trace of a real service.

Owns the shape of the load. Pure but for the reading of a file.

The shapes: `prefix-heavy` is documents asked about again and again, as in the trace that Mooncake published (Qin et
al., "Mooncake: A KVCache-centric Disaggregated Architecture for LLM Serving", 2024): long prompts, a popular few and a
long tail, short questions behind. `no-reuse` shares nothing. `hot-prefix` sends four of five requests with one and the
same beginning. `chats` are conversations in which each turn repeats all before it.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from tidegate_api.names import QosClass
from tidegate_bench.sim.sequence import text

# Four bytes each: a word is a token of the simulated engine.
WORDS: Final = tuple(f"{a}{b}{c} " for a in "bdfgklmnprst" for b in "aeiou" for c in "bdfgklmnprst")
NOBODY: Final = -1


@dataclass(frozen=True, slots=True)
class Ask:
    """One chat request."""

    # Seconds from the beginning when it is due; not before the answer to `after` has come, if it has one.
    at: float
    messages: tuple[tuple[str, str], ...]
    answer_tokens: int
    after: int = NOBODY
    # Who asks, where that matters.
    tenant: str = "tenant"
    qos_class: QosClass = "high"


Maker = Callable[[random.Random, float, float], list[Ask]]


def words(rng: random.Random, tokens: int) -> str:
    """Return a text of so many tokens that nobody else has."""
    return "".join(rng.choices(WORDS, k=tokens))


def arrivals(rng: random.Random, per_second: float, seconds: float) -> list[float]:
    """Return the times of a Poisson process."""
    times, now = [], rng.expovariate(per_second)
    while now < seconds:
        times.append(now)
        now += rng.expovariate(per_second)
    return times


def prefix_heavy(rng: random.Random, per_second: float, seconds: float, documents: int = 120) -> list[Ask]:
    """Questions about documents of 1,000 to 5,000 tokens, popular ones more often (Zipf, exponent 0.9)."""
    texts = [words(rng, rng.randint(1000, 5000)) for _ in range(documents)]
    weights = list(accumulate(1 / rank**0.9 for rank in range(1, documents + 1)))
    asks = []
    for at in arrivals(rng, per_second, seconds):
        (document,) = rng.choices(texts, cum_weights=weights)
        question = words(rng, rng.randint(40, 200))
        asks.append(Ask(at, (("system", document), ("user", question)), 24))
    return asks


def no_reuse(rng: random.Random, per_second: float, seconds: float) -> list[Ask]:
    """Prompts of 400 to 1,600 tokens that nobody sent before."""
    return [
        Ask(at, (("user", words(rng, rng.randint(400, 1600))),), 24)
        for at in arrivals(rng, per_second, seconds)
    ]


def hot_prefix(rng: random.Random, per_second: float, seconds: float) -> list[Ask]:
    """One system prompt of 2,000 tokens in 80 % of the requests, others of 1,000 tokens once each."""
    hot = words(rng, 2000)
    return [
        Ask(
            at,
            (
                ("system", hot if rng.random() < 0.8 else words(rng, 1000)),
                ("user", words(rng, rng.randint(40, 200))),
            ),
            24,
        )
        for at in arrivals(rng, per_second, seconds)
    ]


def chats(rng: random.Random, per_second: float, seconds: float) -> list[Ask]:
    """Conversations of 3 to 6 turns with one of four assistants, whose system prompts have 600 tokens."""
    systems = [words(rng, 600) for _ in range(4)]
    turns: list[tuple[float, int, tuple[tuple[str, str], ...]]] = []
    for number, begins in enumerate(arrivals(rng, per_second / 4.5, seconds)):
        at = begins
        said: tuple[tuple[str, str], ...] = (("system", rng.choice(systems)),)
        for _ in range(rng.randint(3, 6)):
            said = (*said, ("user", words(rng, rng.randint(50, 300))))
            turns.append((at, number, said))
            said = (*said, ("assistant", text(0, 32).decode()))
            at += rng.uniform(0.5, 2.0)
    turns.sort(key=lambda turn: turn[0])
    last: dict[int, int] = {}
    asks: list[Ask] = []
    for at, number, said in turns:
        if at < seconds:
            asks.append(Ask(at, said, 32, last.get(number, NOBODY)))
            last[number] = len(asks) - 1
    return asks


TRACES: Final[dict[str, Maker]] = {
    "prefix-heavy": prefix_heavy,
    "no-reuse": no_reuse,
    "hot-prefix": hot_prefix,
    "chats": chats,
}
