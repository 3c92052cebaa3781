"""Interleaved rounds: every arm twice in each, in an order that is then turned round (A-B-B-A).

Owns what a round measures and what makes one void. A busy machine costs all arms of a round the same, so only
what stands in one round is compared.
"""

import time
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from tidegate_bench.client import Outcome, run_load
from tidegate_bench.cost import busy_seconds, cpu_seconds
from tidegate_bench.gateway.arms import DIRECT, Arm, Stage
from tidegate_bench.gateway.loads import LOADS, load_for

# By how much direct may seem slower than a gateway before the load was the limit. A stream is paced by the engine;
# with long prompts, load and engine on their one core come near to those who only move bytes.
MARGINS: Final = {"json": 1.0, "sse": 1.05, "large": 1.1}


@dataclass(slots=True)
class Sample:
    """What one arm did in one round, both halves together."""

    cpu: float = 0.0
    engine_cpu: float = 0.0
    seconds: float = 0.0
    answers: int = 0
    tokens: int = 0
    wrong: int = 0
    # How one wrong answer began.
    example: str = ""


Round = dict[str, Sample]


@dataclass(slots=True)
class Rounds:
    """All rounds of one load."""

    name: str
    slow: frozenset[str] = frozenset()
    rounds: list[Round] = field(default_factory=list)

    @property
    def is_stream(self) -> bool:
        """Tell whether chunks are counted rather than requests."""
        return LOADS[self.name].stream

    def per_unit(self, arm: str, what: str = "cpu") -> list[float]:
        """Return µs per request, or per chunk of a stream, in each round."""
        return [
            getattr(r[arm], what) * 1e6 / (r[arm].tokens if self.is_stream else r[arm].answers)
            for r in self.rounds
        ]

    def per_second(self, arm: str) -> list[float]:
        """Return answers per second in each round."""
        return [r[arm].answers / r[arm].seconds for r in self.rounds]

    def faults(self) -> list[str]:
        """Return why these rounds prove nothing."""
        return [*self._wrong(), *self._too_fast()]

    def _wrong(self) -> list[str]:
        found = []
        for number, samples in enumerate(self.rounds, 1):
            for arm, sample in samples.items():
                load = load_for(self.name, arm in self.slow)
                expected = 2 * load.requests
                short = sample.answers != expected or sample.tokens != expected * load.chunks
                if sample.wrong or short:
                    told = f"{sample.wrong} wrong of {sample.answers} answers, {expected} expected {sample.example!r}"
                    found.append(f"{self.name} round {number}: {arm} gave {told}")
        return found

    def _too_fast(self) -> list[str]:
        """Find gateways that were faster than none: then the load was the limit, not they."""
        if not self.rounds:
            return []
        seconds = {
            arm: median(r[arm].seconds for r in self.rounds) for arm in self.rounds[0] if arm not in self.slow
        }
        direct = seconds.pop(DIRECT) / MARGINS[self.name]
        return [
            f"{self.name}: {arm} took {took:.3f} s, direct {direct:.3f} s: the load was the limit"
            for arm, took in seconds.items()
            if took < direct
        ]


async def warm(stage: Stage, names: tuple[str, ...]) -> None:
    """Ask every arm for everything once, uncounted."""
    for arm in stage.arms:
        for name in names:
            await run_load(arm.port, load_for(name, arm.slow), stage.key, arm.verbatim)


async def run_round(stage: Stage, name: str, number: int) -> Round:
    """Ask every arm twice, the second time in the opposite order."""
    order = stage.arms if number % 2 == 0 else stage.arms[::-1]
    samples: Round = {arm.name: Sample() for arm in stage.arms}
    for arm in (*order, *order[::-1]):
        await _half(stage, arm, name, samples[arm.name])
    return samples


async def _half(stage: Stage, arm: Arm, name: str, sample: Sample) -> None:
    before = arm.cpu_seconds()
    engine_before = cpu_seconds(stage.engine_pid)
    outcome: Outcome = await run_load(arm.port, load_for(name, arm.slow), stage.key, arm.verbatim)
    sample.engine_cpu += cpu_seconds(stage.engine_pid) - engine_before
    sample.cpu += arm.cpu_seconds() - before
    sample.seconds += outcome.seconds
    sample.answers += outcome.answers
    sample.tokens += outcome.tokens
    sample.wrong += outcome.wrong
    sample.example = sample.example or outcome.example


class Watch:
    """Tells how many cores were used, or taken, by anyone but the benchmark."""

    def __init__(self, stage: Stage) -> None:
        self._pids = stage.pids
        self._begin = self._now()

    def _now(self) -> tuple[float, float, float]:
        own = sum(map(cpu_seconds, self._pids)) + time.process_time()
        return time.perf_counter(), busy_seconds(), own

    def lap(self) -> float:
        """Return the cores that others used since the last lap."""
        before, self._begin = self._begin, self._now()
        wall, busy, own = (after - then for after, then in zip(self._begin, before, strict=True))
        return max(0.0, (busy - own) / wall)
