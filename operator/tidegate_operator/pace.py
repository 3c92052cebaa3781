"""How fast an engine is going, from what it says at different moments.

Owns the differences of its counters. They are read at other moments than decisions are made, and not always by the same
way: what counts is when each reading is from. Must not do I/O or read a clock.
"""

from dataclasses import dataclass

from tidegate_operator.engines import Figures
from tidegate_operator.scaling.facts import Worker


@dataclass(frozen=True, slots=True)
class Pace:
    """Tokens per second between the last two readings, and what the later one of them said.

    `gap_seconds` is the mean time between two tokens of an answer; None: there were none.
    """

    last: Figures
    prompt_tokens: float = 0.0
    cached_prompt_tokens: float = 0.0
    output_tokens: float = 0.0
    gap_seconds: float | None = None


def step(before: Pace | None, now: Figures) -> Pace:
    """Return the pace with one more reading; one that is no newer than the last changes nothing."""
    if before is None:
        return Pace(now)
    was, seconds = before.last, now.at - before.last.at
    if seconds <= 0:
        return before
    if _fell(was, now):
        # It has started anew: from when it counts is not known.
        return Pace(now)
    gaps = now.gaps - was.gaps
    return Pace(
        last=now,
        prompt_tokens=(now.prompt_tokens - was.prompt_tokens) / seconds,
        cached_prompt_tokens=(now.cached_prompt_tokens - was.cached_prompt_tokens) / seconds,
        output_tokens=(now.output_tokens - was.output_tokens) / seconds,
        gap_seconds=(now.gap_seconds - was.gap_seconds) / gaps if gaps else None,
    )


def worker(name: str, pace: Pace, now: Figures, seconds: float) -> Worker:
    """Return what an engine reports, with what it did in so many seconds at its pace."""
    return Worker(
        name=name,
        waiting=now.waiting,
        running=now.running,
        kv_used=now.kv_used,
        kv_capacity_tokens=now.kv_capacity_tokens,
        prompt_tokens=round(pace.prompt_tokens * seconds),
        cached_prompt_tokens=round(pace.cached_prompt_tokens * seconds),
        output_tokens=round(pace.output_tokens * seconds),
        inter_token_seconds=pace.gap_seconds,
    )


def _fell(was: Figures, now: Figures) -> bool:
    names = ("prompt_tokens", "cached_prompt_tokens", "output_tokens", "gap_seconds", "gaps")
    return any(getattr(now, name) < getattr(was, name) for name in names)
