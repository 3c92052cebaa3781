"""Three pools of three classes that share too few accelerators: who goes without.

Owns the three ways to share: our allocator, first come first served as a cluster does it without one, and fixed parts.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from tidegate_api.names import QOS_CLASSES, QosClass
from tidegate_bench.autoscaling.outcome import Outcome, outcome
from tidegate_bench.autoscaling.policies.ours import Ours
from tidegate_bench.autoscaling.policies.policy import Limits, Policy
from tidegate_bench.autoscaling.policies.static import Static
from tidegate_bench.autoscaling.pool import State
from tidegate_bench.autoscaling.traces import Trace, diurnal
from tidegate_bench.autoscaling.world import Lane, lane, run
from tidegate_operator.scaling.budget import Claim, allocate

ACCELERATORS: Final = 9
# Each pool's traffic, of what `diurnal` has by itself.
PER_SECOND: Final = 5.0
LIMITS: Final = Limits(1, ACCELERATORS)
KEY: Final = ("default", "m")


@dataclass(frozen=True, slots=True)
class Shared:
    """What each class got, and how many accelerators were used on average."""

    way: str
    outcomes: dict[QosClass, Outcome]

    @property
    def is_in_order(self) -> bool:
        """Tell whether no class attained less than a lower one, but for a hundredth."""
        attained = [self.outcomes[qos_class].attainment for qos_class in QOS_CLASSES]
        return all(high >= low - 0.01 for high, low in pairwise(attained))


def traces(seed: int) -> dict[QosClass, Trace]:
    """Return the traffic of the classes: days that begin at different hours, so that peaks partly meet."""
    rng = random.Random(f"budget {seed}")  # noqa: S311 - traffic, not a secret
    return {name: diurnal(rng.randrange(10**6), PER_SECOND) for name in QOS_CLASSES}


def by_us(seed: int) -> Shared:
    """Run our laws with our allocator."""
    lanes = _lanes(seed, Ours)
    wants = dict.fromkeys(range(len(lanes)), 1)

    def allocator(index: int, wanted: int) -> Sequence[int]:
        wants[index] = wanted
        claims = [_claim(one, QOS_CLASSES[number], wants[number]) for number, one in enumerate(lanes)]
        given = allocate(claims, accelerators=ACCELERATORS)
        return [given[claim.place][0] for claim in claims]

    run(lanes, allocator=allocator, accelerators=ACCELERATORS)
    return _shared("allocated by class", lanes)


def _claim(one: Lane, qos_class: QosClass, wanted: int) -> Claim:
    pool = one.pool
    live = len(pool.of(State.PENDING)) + len(pool.of(State.READY))
    return Claim(
        KEY, qos_class, qos_class, wanted, LIMITS.min_replicas, live, draining=len(pool.of(State.DRAINING))
    )


def first_come(seed: int) -> Shared:
    """Run our laws without an allocator: a Pod waits until a node has room."""
    lanes = _lanes(seed, Ours)
    run(lanes, accelerators=ACCELERATORS)
    return _shared("first come", lanes)


def fixed(seed: int) -> Shared:
    """Give each class a third."""
    lanes = _lanes(seed, lambda *_: Static(ACCELERATORS // 3))
    run(lanes, accelerators=ACCELERATORS)
    return _shared("a third each", lanes)


WAYS: Final[tuple[Callable[[int], Shared], ...]] = (by_us, first_come, fixed)


def _lanes(seed: int, make: Callable[[QosClass, Limits], Policy]) -> list[Lane]:
    return [
        lane(trace, make(name, LIMITS), seed, replicas=ACCELERATORS // 3, name=name)
        for name, trace in traces(seed).items()
    ]


def _shared(way: str, lanes: Sequence[Lane]) -> Shared:
    return Shared(way, {name: outcome(one) for name, one in zip(QOS_CLASSES, lanes, strict=True)})
