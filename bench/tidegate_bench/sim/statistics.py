"""What an engine has counted since it started: the source of its metrics.

Owns counters and histograms. Must not know their names outside.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

# Upper bounds in seconds, as in vLLM 0.32 (vllm/v1/metrics/buckets.py).
FIRST_TOKEN_BOUNDS: Final = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75),
    *(1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0),
)
BETWEEN_TOKENS_BOUNDS: Final = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75),
    *(1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0),
)
REQUEST_BOUNDS: Final = (
    *(0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0),
    *(120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0),
)
FINISH_REASONS: Final = ("stop", "length", "abort")


class Histogram:
    """Counts by upper bound."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Statistics:
    """Everything counted."""

    __slots__ = (
        "between_tokens",
        "cached_tokens",
        "finished",
        "first_token",
        "generated_tokens",
        "preemptions",
        "prompt_tokens",
        "queried_tokens",
        "queue",
        "request",
        "steps",
    )

    def __init__(self) -> None:
        self.steps = 0
        self.preemptions = 0
        # Prompt tokens: of requests whose prompt is done; looked up in the cache at admission; found there.
        self.prompt_tokens = 0
        self.queried_tokens = 0
        self.cached_tokens = 0
        self.generated_tokens = 0
        self.finished = dict.fromkeys(FINISH_REASONS, 0)
        # Seconds.
        self.first_token = Histogram(FIRST_TOKEN_BOUNDS)
        self.between_tokens = Histogram(BETWEEN_TOKENS_BOUNDS)
        self.queue = Histogram(REQUEST_BOUNDS)
        self.request = Histogram(REQUEST_BOUNDS)
