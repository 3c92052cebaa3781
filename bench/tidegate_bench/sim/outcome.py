"""What became of requests, whether they were sent over sockets or in simulated time.

Owns the record and the figures that benchmarks take from many of them. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import nan

from tidegate_bench.statistics import quantile


@dataclass(slots=True)
class Outcome:
    """One request. Times are seconds of one clock; nan is never."""

    due: float
    first_token: float = nan
    ended: float = nan
    tokens: int = 0
    cached_tokens: int = 0
    # What was answered instead of a stream: 429, 503; 0 for nothing at all.
    status: int = 200
    # Whether the answer was whole, and as long as asked for.
    is_right: bool = False

    @property
    def waited(self) -> float:
        """Seconds from when it was due to its first token; nan if that never came."""
        return self.first_token - self.due


def first_token_seconds(outcomes: Iterable[Outcome]) -> list[float]:
    """Return how long each request that was answered waited for its first token."""
    return [outcome.waited for outcome in outcomes if outcome.is_right]


def quantile_ms(outcomes: Iterable[Outcome], share: float) -> float:
    """Return a quantile of the times to the first token, in milliseconds; nan if none was answered."""
    seconds = first_token_seconds(outcomes)
    return quantile(seconds, share) * 1e3 if seconds else nan


def tokens_per_second(outcomes: Sequence[Outcome], begin: float, end: float) -> float:
    """Return the tokens per second of answers that ended, whole, between two times."""
    return sum(o.tokens for o in outcomes if o.is_right and begin <= o.ended < end) / (end - begin)


def makespan_tokens_per_second(outcomes: Sequence[Outcome]) -> float:
    """Return the tokens of all whole answers over the time from the first request to the last answer."""
    right = [outcome for outcome in outcomes if outcome.is_right]
    begin = min(outcome.due for outcome in outcomes)
    return sum(o.tokens for o in right) / (max(o.ended for o in right) - begin)


def faults(outcomes: Sequence[Outcome]) -> str:
    """Return what was wrong with answers that should all have been right; nothing if none was."""
    wrong = [outcome for outcome in outcomes if not outcome.is_right]
    if not wrong:
        return ""
    seen = sorted({outcome.status for outcome in wrong})
    return f"{len(wrong)} of {len(outcomes)} answers were wrong (status {', '.join(map(str, seen))})"
