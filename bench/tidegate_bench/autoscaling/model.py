"""What a replica of the autoscaling benchmark is: how long its steps take, what it holds, how long it takes to start.

Owns the constants and the arithmetic of a step. Must not know requests or time. Coarser than `tidegate_bench.sim`,
whose steps follow vLLM's scheduler line by line: hours of traffic are to pass in seconds.

The seconds are those of one replica of Llama 2 70B on four H100, as fitted to the measurements that SageServe publishes
(Jaiswal et al., "Serving Models, Fast and Slow", 2025, data/perf_model.csv).
"""

import random
from dataclasses import dataclass
from math import exp, log
from typing import Final


@dataclass(frozen=True, slots=True)
class Model:
    """One replica."""

    # Seconds of a step: as such, per sequence in the batch, per prompt token computed.
    step_seconds: float = 0.0285
    sequence_seconds: float = 0.00036
    prefill_token_seconds: float = 0.000107
    # Tokens that a step computes at most (chunked prefill).
    chunk_tokens: int = 2048
    # With these many the time between two tokens is still half of what is allowed: an operator who minds it stops here.
    max_sequences: int = 64
    # Of 16 tokens: 128 Ki tokens.
    kv_blocks: int = 8192
    block_tokens: int = 16

    @property
    def kv_tokens(self) -> int:
        """Tokens that the KV cache holds."""
        return self.kv_blocks * self.block_tokens

    def duration(self, sequences: int, prefill_tokens: int) -> float:
        """Return the seconds of a step with so many sequences in it, and so many tokens of prompts."""
        return (
            self.step_seconds
            + sequences * self.sequence_seconds
            + prefill_tokens * self.prefill_token_seconds
        )

    def work_seconds(self, prompt_tokens: float, output_tokens: float, sequences: float) -> float:
        """Return what a request takes of a replica's time when so many share each step."""
        shared = self.duration(0, 0) / sequences + self.sequence_seconds
        return prompt_tokens * self.prefill_token_seconds + output_tokens * shared


@dataclass(frozen=True, slots=True)
class Start:
    """From a Pod's creation until it answers: log-normal, as measured starts are (llm-d: 98 to 139 s)."""

    median_seconds: float = 100.0
    sigma: float = 0.15

    def draw(self, rng: random.Random) -> float:
        """Return the seconds of one start."""
        return exp(log(self.median_seconds) + rng.gauss(0, self.sigma))

    def quantile(self, normal: float) -> float:
        """Return the seconds at so many standard deviations: 1.2816 is the 90th percentile, 2.3263 the 99th."""
        return self.median_seconds * exp(normal * self.sigma)


@dataclass(frozen=True, slots=True)
class Objective:
    """What a request has to get to count as served: both."""

    first_token_seconds: float = 2.0
    token_seconds: float = 0.150


MODEL: Final = Model()
START: Final = Start()
OBJECTIVE: Final = Objective()
