"""One round of the routing benchmark: every arm plays the same trace, with empty caches.

Owns what is measured of an arm in a round. The trace is new in each round, so that nobody knows it from before.
"""

import gc
import random
from dataclasses import dataclass, field
from typing import Any, Final

from tidegate_bench.routing.arms import ALTERNATIVES, Arm, Stage
from tidegate_bench.routing.loads import LOADS, PROFILE, SECONDS, SPEED, WARM
from tidegate_bench.routing.requests import body_of, optimum
from tidegate_bench.routing.traces import TRACES
from tidegate_bench.sim import load, outcome
from tidegate_bench.sim.load import Wanted, chat_request

SEED: Final = 20261121


@dataclass(frozen=True, slots=True)
class Sample:
    """What one arm did with one trace."""

    # Cached prompt tokens over what one cache without limit would have had; 1 where nothing repeats.
    hit_ratio: float
    # Milliseconds to the first token, from when a request was due.
    first_token_p50: float
    first_token_p90: float
    tokens_per_second: float
    # The busiest worker over the mean: by requests, and by tokens computed.
    request_unevenness: float
    work_unevenness: float
    lag_seconds: float
    fault: str = ""


@dataclass(slots=True)
class Rounds:
    """All rounds of one load: samples by arm."""

    rounds: list[dict[str, Sample]] = field(default_factory=list)

    def of(self, arm: str, what: str) -> list[float]:
        """Return a figure of an arm, round by round."""
        return [float(getattr(samples[arm], what)) for samples in self.rounds]

    @property
    def arms(self) -> list[str]:
        """Who was measured."""
        return list(self.rounds[0]) if self.rounds else []


@dataclass(frozen=True, slots=True)
class Trace:
    """What every arm plays in one round."""

    limit: int
    wanted: list[Wanted]
    # Of each request, the prompt tokens that one cache without limit would have had.
    optimum: list[int]
    # The first request that is counted.
    first: int


def make_trace(name: str, number: int, key: str, seconds: float) -> Trace:
    """Return the trace of a load in a round."""
    chosen = LOADS[name]
    rng = random.Random(f"{SEED} {name} {number}")  # noqa: S311 - a load, not a secret
    asks = TRACES[chosen.trace](rng, chosen.per_second, seconds)
    bodies = [body_of(ask) for ask in asks]
    wanted = [
        Wanted(0.0 if chosen.limit else ask.at, chat_request(key, body), ask.answer_tokens, ask.after)
        for ask, body in zip(asks, bodies, strict=True)
    ]
    first = 0 if chosen.limit else sum(ask.at < WARM * seconds for ask in asks)
    return Trace(chosen.limit, wanted, optimum(asks, bodies, PROFILE), first)


async def run_round(
    stage: Stage, key: str, name: str, number: int, seconds: float = SECONDS
) -> dict[str, Sample]:
    """Let every arm of a load play one trace, in an order that is turned round in the next round."""
    trace = make_trace(name, number, key, seconds)
    arms = [arm for arm in stage.arms if not trace.limit or arm.name not in ALTERNATIVES]
    samples = {arm.name: await _play(stage, arm, trace) for arm in arms[:: 1 if number % 2 == 0 else -1]}
    return {arm.name: samples[arm.name] for arm in arms}


async def _play(stage: Stage, arm: Arm, trace: Trace) -> Sample:
    await stage.engines.reset()
    gc.collect()
    outcomes = await load.send(trace.wanted, arm.port_of, trace.limit)
    states = await stage.engines.states()
    fault = outcome.faults(outcomes)
    if fault:
        return Sample(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, f"{arm.name}: {fault}")
    counted, best = outcomes[trace.first :], sum(trace.optimum[trace.first :])
    return Sample(
        hit_ratio=sum(one.cached_tokens for one in counted) / best if best else 1.0,
        first_token_p50=outcome.quantile_ms(counted, 0.5),
        first_token_p90=outcome.quantile_ms(counted, 0.9),
        tokens_per_second=outcome.makespan_tokens_per_second(outcomes) / SPEED,
        request_unevenness=_unevenness([state["requests"] for state in states]),
        work_unevenness=_unevenness([_computed(state) for state in states]),
        lag_seconds=sum(state["lag_seconds"] for state in states),
    )


def _unevenness(values: list[float]) -> float:
    return max(values) * len(values) / sum(values)


def _computed(state: dict[str, Any]) -> float:
    computed: int = state["queried_tokens"] - state["cached_tokens"] + state["generated_tokens"]
    return computed
