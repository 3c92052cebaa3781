"""What each class may use: its own pool, those of lower classes, and what is idle in those of higher ones.

Owns the order in which a class looks for a worker, and on which terms. Must not look at loads.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from tidegate_api.names import QosClass
from tidegate_gateway.directory import DEFAULT_CLASSES, ClassPolicy
from tidegate_gateway.qos.band import Band
from tidegate_gateway.qos.drain import Drain
from tidegate_gateway.qos.pools import Pool

# The highest first: a class's place here is its rank.
CLASSES: Final[tuple[QosClass, ...]] = ("high", "medium", "low")
HIGH: Final = 0
# Of each endpoint's credits in the pool of class high: lower classes leave so much free while high is in use.
RESERVE: Final = 0.1


class Route(NamedTuple):
    """One pool that a class may use."""

    pool: Pool
    # How much of an endpoint's credits may be taken already.
    fraction: float
    # Whether a higher class is at home there: who takes this route must leave before the first byte if that comes.
    is_borrowed: bool


class Lane:
    """One class of one service: its queue, and where it leads to."""

    __slots__ = (
        "asked_at",
        "band",
        "charged_at",
        "debt",
        "drain",
        "home",
        "is_asleep",
        "is_holding",
        "name",
        "policy",
        "rank",
        "routes",
        "share",
        "wakes",
    )

    def __init__(self, rank: int, home: Pool) -> None:
        self.rank = rank
        self.name = CLASSES[rank]
        self.policy: ClassPolicy = DEFAULT_CLASSES[self.name]
        self.band = Band()
        self.drain = Drain()
        self.home = home
        self.routes: tuple[Route, ...] = ()
        # The pool whose workers are started for it, "" where nobody would start any; whether that has none now, and
        # whether who comes then is held; since when it was asked for in vain, 0.0 if it was not.
        self.wakes = ""
        self.is_asleep = False
        self.is_holding = False
        self.asked_at = 0.0
        # Tokens of its minimum share that it did not get while it waited (`shares`).
        self.debt = 0.0
        self.charged_at = 0.0
        self.share = self.policy.min_share


def connect(lanes: Sequence[Lane], pools: Mapping[str, Pool], reserving: bool) -> None:
    """Work out who is at home where, each class's routes over the pools with workers, and which pool it would wake."""
    for pool in pools.values():
        pool.owners = tuple(lane for lane in lanes if lane.home is pool)
    for lane in lanes:
        lower = lanes[lane.rank + 1 :]
        higher = lanes[: lane.rank][::-1]
        homes = [lane.home, *(other.home for other in (*lower, *higher)), *_strays(pools.values())]
        reserved = lanes[HIGH].home if reserving and lane.rank > HIGH else None
        lane.routes = tuple(
            Route(pool, 1 - RESERVE if pool is reserved else 1.0, _is_borrowed(lane, pool))
            for pool in dict.fromkeys(homes)
            if pool.endpoints
        )
        awaited = [other for other in (lane, *lower, *higher) if other.policy.is_wanted]
        lane.wakes = awaited[0].home.name if awaited else ""
        lane.is_asleep = bool(awaited) and not awaited[0].home.endpoints
        lane.is_holding = lane.is_asleep and lane.policy.cold_start.holds
        if not lane.is_asleep:
            lane.asked_at = 0.0


def _strays(pools: Iterable[Pool]) -> list[Pool]:
    """Return pools in which no class is at home: their workers are there to be used while they last."""
    return [pool for pool in pools if not pool.owners]


def _is_borrowed(lane: Lane, pool: Pool) -> bool:
    return pool is not lane.home and any(owner.rank < lane.rank for owner in pool.owners)
