"""One pass of a load over one engine, and the figures that come of it.

Owns how requests are sent: each client one after the other, or all in batches that wait for their slowest. Must not
know which technique is measured.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from tidegate_bench.sim.fit import Seen
from tidegate_bench.sim.probe import Question, ask_all
from tidegate_bench.sim.real import MODEL
from tidegate_bench.statistics import quantile


@dataclass(frozen=True, slots=True)
class Pass:
    """What the clients saw of one load; latencies in seconds, from when a request was due."""

    seconds: float
    tokens: int
    latencies: tuple[float, ...]
    first_tokens: tuple[float, ...]
    gaps: tuple[float, ...]

    @property
    def tokens_per_second(self) -> float:
        """Return the tokens of all answers for each second of the pass."""
        return self.tokens / self.seconds

    @property
    def latency_p50(self) -> float:
        """Return the median seconds to the end of an answer."""
        return median(self.latencies)

    @property
    def first_token_p50(self) -> float:
        """Return the median seconds to the first token."""
        return median(self.first_tokens)

    @property
    def gap_p99(self) -> float:
        """Return the seconds between two tokens that one in a hundred exceeds."""
        return quantile(self.gaps, 0.99)


async def closed(port: int, asked: Sequence[Question], clients: int) -> Pass:
    """Ask by so many clients, each of which asks again as soon as it is answered."""
    began = time.monotonic()
    seen = await ask_all(port, MODEL, asked, clients)
    return told(seen, asked, time.monotonic() - began)


async def in_batches(port: int, asked: Sequence[Question], size: int) -> Pass:
    """Ask in batches of which the next is sent when the whole one before it is answered: static batching.

    What a request waits for its batch counts as its latency: all of them are there from the beginning, as a closed
    loop's clients would be.
    """
    began = time.monotonic()
    seen: list[Seen] = []
    for start in range(0, len(asked), size):
        batch = asked[start : start + size]
        part = await ask_all(port, MODEL, batch, len(batch))
        # Whoever is done early is told with the others.
        end = max(one.tokens[-1] for one in part)
        seen += [Seen(one.prompt_tokens, one.sent, (*one.tokens[:-1], end)) for one in part]
    return told(seen, asked, time.monotonic() - began)


async def beside_prompts(
    port: int, streams: Sequence[Question], prompts: Sequence[Question], pause_seconds: float
) -> tuple[Pass, Pass]:
    """Run streams, and while they run send long prompts at this pace; return what both saw."""
    began = time.monotonic()
    running = asyncio.create_task(closed(port, streams, len(streams)))
    sent = []
    for prompt in prompts:
        await asyncio.sleep(pause_seconds)
        sent.append(asyncio.create_task(ask_all(port, MODEL, [prompt], 1)))
    answers = [seen for each in await asyncio.gather(*sent) for seen in each]
    return await running, told(answers, prompts, time.monotonic() - began)


def told(seen: Sequence[Seen], asked: Sequence[Question], seconds: float) -> Pass:
    """Return the figures of a pass. Tokens are those asked for: an event of a stream may carry more than one."""
    return Pass(
        seconds=seconds,
        tokens=sum(question.answer_tokens for question in asked),
        latencies=tuple(one.tokens[-1] - one.sent for one in seen),
        first_tokens=tuple(one.first_token for one in seen),
        gaps=tuple(gap for one in seen for gap in one.gaps),
    )
