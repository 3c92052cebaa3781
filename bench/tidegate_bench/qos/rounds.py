"""One round of the QoS benchmark: class high alone, all as one class where it just fits, and three times what fits.

Owns what is measured in a round, and how much fits.
"""

import gc
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tidegate_api.names import QosClass
from tidegate_bench.qos.arms import CLASSES, FIFO, Stage
from tidegate_bench.qos.traffic import make
from tidegate_bench.routing.requests import body_of
from tidegate_bench.sim import load
from tidegate_bench.sim.load import Wanted, chat_request
from tidegate_bench.sim.outcome import Outcome, quantile_ms, tokens_per_second

SEED: Final = 20261121
# What is not an answer but says so honestly.
HONEST: Final = frozenset({429, 503})
# To find out how much fits: so many at a time.
FLOOD_LIMIT: Final = 128
FLOOD_REQUESTS: Final = 400


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of one run: until it counts, and all in all."""

    warm: float = 5.0
    all: float = 15.0


@dataclass(frozen=True, slots=True)
class Sample:
    """What became of one load: milliseconds to the first token and tokens per second, by class."""

    p50: Mapping[QosClass, float]
    p99: Mapping[QosClass, float]
    tokens_per_second: Mapping[QosClass, float]
    refused: Mapping[QosClass, int]
    lag_seconds: float
    fault: str = ""

    @property
    def goodput(self) -> float:
        """Tokens of whole answers per second, of all classes."""
        return sum(self.tokens_per_second.values())


@dataclass(slots=True)
class Rounds:
    """All rounds, samples by name."""

    # Requests per second that fit.
    fits: float = 0.0
    rounds: list[dict[str, Sample]] = field(default_factory=list)

    def ratios(self, name: str, other: str, what: str, qos_class: QosClass | None = None) -> list[float]:
        """Return a figure of one sample over that of another in the same round."""
        return [_get(r[name], what, qos_class) / _get(r[other], what, qos_class) for r in self.rounds]


def _get(sample: Sample, what: str, qos_class: QosClass | None) -> float:
    found = getattr(sample, what)
    return float(found if qos_class is None else found[qos_class])


async def find_fits(stage: Stage) -> float:
    """Return the requests per second that fit: as many as end when more are there all the time."""
    rng = random.Random(SEED)  # noqa: S311 - a load, not a secret
    asks = make(rng, FLOOD_REQUESTS, {"medium": 1.0}, 1.0, stage.target.sizes)
    wanted = [
        _wanted(stage, ask.tenant, body_of(ask, stage.target.model), 0.0, ask.answer_tokens) for ask in asks
    ]
    port = stage.gateways[FIFO].port
    outcomes = await load.send(wanted, lambda _: port, FLOOD_LIMIT)
    right = sorted(outcome.ended for outcome in outcomes if outcome.is_right)
    if len(right) < len(asks) / 2:
        raise RuntimeError(
            f"only {len(right)} of {len(asks)} requests were answered: the engines are not well"
        )
    # Between the first and the last tenth: neither filling nor emptying.
    tenth = len(right) // 10
    return (len(right) - 2 * tenth) / (right[-tenth - 1] - right[tenth])


def _wanted(stage: Stage, tenant: str, body: bytes, at: float, tokens: int) -> Wanted:
    return Wanted(at, chat_request(stage.keys[tenant], body), tokens)


@dataclass(frozen=True, slots=True)
class Load:
    """Which gateway is asked, for how much of what fits, by class."""

    name: str
    gateway: str
    shares: Mapping[QosClass, float]


async def play(stage: Stage, wants: Load, fits: float, number: int, times: Times) -> Sample:
    """Play one load, and count what came once it was warm."""
    await stage.target.reset()
    gc.collect()
    rng = random.Random(f"{SEED} {number}")  # noqa: S311 - a load, not a secret
    asks = make(rng, fits, wants.shares, times.all, stage.target.sizes)
    wanted = [
        _wanted(stage, ask.tenant, body_of(ask, stage.target.model), ask.at, ask.answer_tokens)
        for ask in asks
    ]
    port = stage.gateways[wants.gateway].port
    outcomes = await load.send(wanted, lambda _: port)
    engines = stage.target.engines
    lag = 0.0 if engines is None else sum(state["lag_seconds"] for state in await engines.states())
    began = outcomes[0].due - asks[0].at
    by_class = {
        name: [o for o, ask in zip(outcomes, asks, strict=True) if ask.qos_class == name]
        for name in wants.shares
    }
    return _sample(by_class, began + times.warm, began + times.all, lag)


def _sample(by_class: Mapping[QosClass, list[Outcome]], begin: float, end: float, lag: float) -> Sample:
    counted = {name: [o for o in outcomes if o.due >= begin] for name, outcomes in by_class.items()}
    wrong = [
        o for outcomes in by_class.values() for o in outcomes if not o.is_right and o.status not in HONEST
    ]
    return Sample(
        p50={name: quantile_ms(outcomes, 0.5) for name, outcomes in counted.items()},
        p99={name: quantile_ms(outcomes, 0.99) for name, outcomes in counted.items()},
        tokens_per_second={n: tokens_per_second(outcomes, begin, end) for n, outcomes in by_class.items()},
        refused={name: sum(not o.is_right for o in outcomes) for name, outcomes in counted.items()},
        lag_seconds=lag,
        fault=f"{len(wrong)} answers were wrong (status {wrong[0].status})" if wrong else "",
    )


async def run_round(
    stage: Stage, fits: float, overload: Mapping[QosClass, float], number: int, times: Times
) -> dict[str, Sample]:
    """Return the samples of one round, in an order that is turned round in the next."""
    high: dict[QosClass, float] = {"high": overload["high"]}
    loads = [
        Load("unloaded", CLASSES, high),
        Load("fits as one class", FIFO, {"medium": 1.0}),
        Load("overload", CLASSES, overload),
        Load("overload as one class", FIFO, overload),
    ]
    samples = {}
    for each in loads if number % 2 == 0 else loads[::-1]:
        samples[each.name] = await play(stage, each, fits, number, times)
    return {each.name: samples[each.name] for each in loads}
