"""The traffic of the autoscaling benchmark: made from a seed, or read from a trace of a real service.

Owns the shapes of load. Pure but for the reading of a file.

`diurnal` is a day in an hour: a sine from trough to peak, one to four. `step` is four times the load for a quarter of
an hour, unannounced. `bursts` and `code` have an intensity that is log-normal: a burst takes about a minute, on a level
that drifts over ten, so that counts of ten seconds spread about as much as those of the code completions do that Azure
published (2023: 1.7 times their mean). `bursts` is conversations, `code` long prompts with short answers: engines full
of work with an empty KV cache.
"""

import csv
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import cos, exp, log, pi, sqrt
from pathlib import Path
from typing import Final

# Prompt tokens, answer tokens, seconds since the beginning.
Ask = tuple[float, int, int]
# Requests per second at a time.
Intensity = Callable[[float], float]
SECONDS: Final = 3600.0
LONGEST_PROMPT: Final = 8192
LONGEST_ANSWER: Final = 2000
# Of the logarithm of a bursty intensity: spread, and seconds after which a distance from the mean is down to 1/e.
FAST_SIGMA: Final = 0.8
FAST_SECONDS: Final = 60.0
SLOW_SIGMA: Final = 0.6
SLOW_SECONDS: Final = 600.0
BURSTY_PER_SECOND: Final = 4.0


@dataclass(frozen=True, slots=True)
class Trace:
    """What is asked, by time. Only what comes after `warm_seconds` is judged."""

    name: str
    asks: tuple[Ask, ...]
    seconds: float = SECONDS
    warm_seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class Lengths:
    """Log-normal numbers of tokens: means and spreads."""

    prompt_mean: float
    prompt_sigma: float
    answer_mean: float
    answer_sigma: float

    def draw(self, rng: random.Random) -> tuple[int, int]:
        """Return tokens of a prompt and of its answer."""
        prompt = _log_normal(rng, self.prompt_mean, self.prompt_sigma)
        answer = _log_normal(rng, self.answer_mean, self.answer_sigma)
        return min(LONGEST_PROMPT, max(8, round(prompt))), min(LONGEST_ANSWER, max(1, round(answer)))


CONVERSATION: Final = Lengths(1155, 0.9, 350, 0.7)
CODE: Final = Lengths(2048, 0.8, 28, 0.9)


def _log_normal(rng: random.Random, mean: float, sigma: float) -> float:
    return exp(rng.gauss(log(mean) - sigma * sigma / 2, sigma))


def diurnal(seed: int, per_second: float = 7.0) -> Trace:
    """Return a day in an hour."""
    rng = _rng("diurnal", seed)
    shift = rng.random() * 2 * pi

    def intensity(at: float) -> float:
        return per_second * (1 - 0.6 * cos(2 * pi * at / SECONDS + shift))

    return Trace("diurnal", _drawn(rng, intensity, CONVERSATION, SECONDS))


def step(seed: int, per_second: float = 4.0, begin: float | None = None) -> Trace:
    """Return a load that is four times as high for a quarter of an hour, from a random or the given second on."""
    rng = _rng("step", seed)
    drawn = rng.uniform(1200, 1800)
    begin = drawn if begin is None else begin

    def intensity(at: float) -> float:
        return per_second * (4 if begin <= at < begin + 900 else 1)

    return Trace("step", _drawn(rng, intensity, CONVERSATION, SECONDS))


def bursts(seed: int, per_second: float = BURSTY_PER_SECOND) -> Trace:
    """Return conversations that come in bursts."""
    rng = _rng("bursts", seed)
    return Trace("bursts", _drawn(rng, _bursty(rng, per_second), CONVERSATION, SECONDS))


def code(seed: int, per_second: float = BURSTY_PER_SECOND) -> Trace:
    """Return completions of code that come in bursts."""
    rng = _rng("code", seed)
    return Trace("code", _drawn(rng, _bursty(rng, per_second), CODE, SECONDS))


MAKERS: Final[dict[str, Callable[[int], Trace]]] = {
    "diurnal": diurnal,
    "step": step,
    "bursts": bursts,
    "code": code,
}
LENGTHS: Final = {"diurnal": CONVERSATION, "step": CONVERSATION, "bursts": CONVERSATION, "code": CODE}


def _rng(name: str, seed: int) -> random.Random:
    return random.Random(f"{name} {seed}")  # noqa: S311 - traffic, not a secret


def _bursty(rng: random.Random, per_second: float) -> Intensity:
    """Return an intensity whose logarithm is the sum of two Ornstein-Uhlenbeck processes."""
    found = _levels(rng)
    return lambda at: per_second * found.at(at)


@dataclass(frozen=True, slots=True)
class Levels:
    """What drives a bursty hour: two processes second by second, and the mean that their hour is divided by."""

    fast: Sequence[float]
    slow: Sequence[float]
    mean: float

    def at(self, seconds: float) -> float:
        """Return the intensity at a time, by its mean over the hour."""
        index = min(max(int(seconds), 0), len(self.fast) - 1)
        return exp(self.fast[index] + self.slow[index]) / self.mean


def levels(name: str, seed: int) -> Levels:
    """Return what drove the requests of `bursts` or `code` with this seed."""
    return _levels(_rng(name, seed))


def _levels(rng: random.Random) -> Levels:
    fast = _wander(rng, FAST_SIGMA, FAST_SECONDS)
    slow = _wander(rng, SLOW_SIGMA, SLOW_SECONDS)
    # Of this hour, so that seeds differ in when the requests come but not in how many.
    return Levels(fast, slow, sum(exp(a + b) for a, b in zip(fast, slow, strict=True)) / len(fast))


def _wander(rng: random.Random, sigma: float, correlation_seconds: float) -> list[float]:
    """Return a stationary Gaussian process with mean 0, second by second."""
    keep = exp(-1 / correlation_seconds)
    values = [rng.gauss(0, sigma)]
    while len(values) < SECONDS:
        values.append(values[-1] * keep + rng.gauss(0, sigma * sqrt(1 - keep * keep)))
    return values


def _drawn(rng: random.Random, intensity: Intensity, lengths: Lengths, seconds: float) -> tuple[Ask, ...]:
    """Return requests of a Poisson process whose intensity changes by the second."""
    asks: list[Ask] = []
    for second in range(int(seconds)):
        rate = intensity(second)
        at = rng.expovariate(rate)
        while at < 1:
            asks.append((second + at, *lengths.draw(rng)))
            at += rng.expovariate(rate)
    return tuple(asks)


def read(path: Path) -> Trace:
    """Return the trace in a CSV file with the columns TIMESTAMP, ContextTokens, GeneratedTokens.

    Raises ValueError that names the line which cannot be read, or if there is none.
    """
    asks: list[Ask] = []
    begin: datetime | None = None
    with path.open(newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines), 2):
            try:
                # Python reads microseconds, such traces have ten millionths of a second.
                at = datetime.fromisoformat(row["TIMESTAMP"][:26])
                prompt, answer = int(row["ContextTokens"]), int(row["GeneratedTokens"])
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(
                    f"{path}:{number}: expected TIMESTAMP, ContextTokens and GeneratedTokens, got {row}"
                ) from error
            begin = begin or at
            seconds = (at - begin).total_seconds()
            asks.append((seconds, min(LONGEST_PROMPT, max(1, prompt)), min(LONGEST_ANSWER, max(1, answer))))
    if not asks:
        raise ValueError(f"{path} holds no requests")
    asks.sort()
    return Trace(path.stem, tuple(asks), asks[-1][0])


def halves(trace: Trace) -> tuple[Trace, Trace]:
    """Return the first and the second half of a trace by time, each with its own time to warm up."""
    middle = trace.seconds / 2
    first = tuple(ask for ask in trace.asks if ask[0] < middle)
    second = tuple((at - middle, prompt, answer) for at, prompt, answer in trace.asks if at >= middle)
    return tuple(
        Trace(trace.name, asks, middle, min(trace.warm_seconds, middle / 6)) for asks in (first, second)
    )  # type: ignore[return-value]


def denser(trace: Trace, factor: int) -> Trace:
    """Return a trace in which each request comes `factor` times, the others within the second after it."""
    rng = _rng(trace.name, factor)
    asks: list[Ask] = sorted(
        (at + (rng.random() if copy else 0.0), prompt, answer)
        for at, prompt, answer in trace.asks
        for copy in range(factor)
    )
    kept = tuple(ask for ask in asks if ask[0] <= trace.seconds)
    return Trace(trace.name, kept, trace.seconds, trace.warm_seconds)


def spread(trace: Trace, bin_seconds: float = 10.0) -> float:
    """Return how much the requests per bin vary: their standard deviation over their mean."""
    counts = [0] * max(1, int(trace.seconds / bin_seconds))
    for at, _, _ in trace.asks:
        counts[min(int(at / bin_seconds), len(counts) - 1)] += 1
    return _spread(counts)


def _spread(counts: Sequence[int]) -> float:
    mean = sum(counts) / len(counts)
    return sqrt(sum((count - mean) ** 2 for count in counts) / len(counts)) / mean
