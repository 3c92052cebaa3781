"""What is asked in a QoS benchmark: requests of three classes, each at a share of what the engines can do.

Owns the mix. Pure.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from tidegate_api.names import QosClass
from tidegate_bench.routing.traces import Ask, arrivals, words

# Of the requests per second that fit: three times as much as fits, most of it of the lowest class.
OVERLOAD: Final[Mapping[QosClass, float]] = {"high": 0.3, "medium": 0.7, "low": 2.0}
# Tenants of each class, with equal parts.
TENANTS: Final = 4


@dataclass(frozen=True, slots=True)
class Sizes:
    """From and to how many tokens, evenly."""

    prompt: tuple[int, int] = (200, 600)
    answer: tuple[int, int] = (40, 120)

    @property
    def mean_answer(self) -> float:
        """The mean of an answer's tokens."""
        return sum(self.answer) / 2


SIZES: Final = Sizes()


def make(
    rng: random.Random,
    fits_per_second: float,
    shares: Mapping[QosClass, float],
    seconds: float,
    sizes: Sizes = SIZES,
) -> list[Ask]:
    """Return requests of each class, at its share of the requests per second that fit; in the order of their times."""
    asks = []
    for name, share in shares.items():
        if share <= 0:
            continue
        for at in arrivals(rng, fits_per_second * share, seconds):
            prompt = words(rng, rng.randint(*sizes.prompt))
            tenant = f"{name}-{rng.randrange(TENANTS)}"
            answer = rng.randint(*sizes.answer)
            asks.append(Ask(at, (("user", prompt),), answer, tenant=tenant, qos_class=name))
    return sorted(asks, key=lambda ask: ask.at)


def in_one_class(asks: list[Ask], qos_class: QosClass = "medium") -> list[Ask]:
    """Return the same requests as one class: first come, first served."""
    return [replace(ask, qos_class=qos_class, tenant="everyone") for ask in asks]
