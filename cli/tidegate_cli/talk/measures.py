"""How quick answers were: of one, in a line; of many, as percentiles. Pure.

Owns what is measured and how it is called. A figure that nobody can know is None.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from tidegate_bench.statistics import quantile
from tidegate_cli.talk.asking import Answer

_SHARES: Final = (50, 90, 99)


@dataclass(frozen=True, slots=True)
class Load:
    """What was asked for, and how it went as a whole."""

    requests: int
    failed: int
    seconds: float
    # Of this command's own processor time, as a share of one processor: near 1 it measures itself.
    client_cpu_ratio: float


def line(answer: Answer) -> str:
    """Return one answer's times and tokens, as they stand under it."""
    parts = []
    if answer.first_seconds is not None:
        parts.append(f"first token {answer.first_seconds * 1000:.0f} ms")
    if (rate := tokens_per_second(answer)) is not None:
        parts.append(f"{rate:.1f} tok/s")
    if answer.completion_tokens is not None:
        parts.append(f"{answer.prompt_tokens or 0} + {answer.completion_tokens} tokens")
    if answer.finish_reason == "length":
        parts.append("cut off at the most tokens")
    return ", ".join(parts)


def figures(answer: Answer) -> dict[str, Any]:
    """Return one answer's times and tokens as JSON has them."""
    return {
        "firstTokenSeconds": answer.first_seconds,
        "seconds": None if answer.ended is None else answer.ended - answer.began,
        "tokensPerSecond": tokens_per_second(answer),
        "promptTokens": answer.prompt_tokens,
        "completionTokens": answer.completion_tokens,
        "finishReason": answer.finish_reason,
    }


def tokens_per_second(answer: Answer) -> float | None:
    """Return how quickly tokens came after the first; None for an answer of one part, or that nobody counted."""
    tokens = answer.completion_tokens
    if tokens is None or tokens < 2 or len(answer.moments) < 2:
        return None
    seconds = answer.moments[-1] - answer.moments[0]
    return (tokens - 1) / seconds if seconds > 0 else None


def gaps(answer: Answer) -> list[float]:
    """Return the seconds between the parts of an answer: between tokens, where the engine sends each by itself."""
    return [later - earlier for earlier, later in zip(answer.moments, answer.moments[1:], strict=False)]


def summary(answers: Sequence[Answer], load: Load) -> dict[str, Any]:
    """Return what a load came to: percentiles in seconds, and rates over the whole time."""
    tokens = [one.completion_tokens or 0 for one in answers]
    return {
        "requests": load.requests,
        "failed": load.failed,
        "seconds": load.seconds,
        "requestsPerSecond": len(answers) / load.seconds if load.seconds > 0 else None,
        "outputTokensPerSecond": sum(tokens) / load.seconds if load.seconds > 0 else None,
        "promptTokens": sum(one.prompt_tokens or 0 for one in answers),
        "completionTokens": sum(tokens),
        "firstTokenSeconds": percentiles([one.first_seconds for one in answers]),
        "interTokenSeconds": percentiles([gap for one in answers for gap in gaps(one)]),
        "requestSeconds": percentiles([one.ended - one.began for one in answers if one.ended is not None]),
        "tokensPerSecondOfARequest": percentiles([tokens_per_second(one) for one in answers]),
        "clientCpuRatio": load.client_cpu_ratio,
    }


def percentiles(values: Sequence[float | None]) -> dict[str, float] | None:
    """Return mean, percentiles and the greatest of values; None where there are none."""
    known = [one for one in values if one is not None]
    if not known:
        return None
    shares = {f"p{share}": quantile(known, share / 100) for share in _SHARES}
    return {"mean": sum(known) / len(known), **shares, "max": max(known)}
