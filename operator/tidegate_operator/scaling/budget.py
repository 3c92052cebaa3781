"""Who gets the accelerators when there are not enough for all: one division over all pools of all services.

Owns the shared bounds. Every pool's least goes first; then a class gets by its weight. Must not know why a pool wants
what it wants.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from tidegate_api.names import QosClass
from tidegate_operator.scaling.facts import Clamp

# One more replica for a high class is worth as much as 8 for a low one (weights of 8, 3 and 1: the classes' share of
# an engine, rounded). Weights bound what a class loses by another's want; the order is strict only at equal need.
WEIGHTS: Mapping[QosClass, float] = {"high": 8.0, "medium": 3.0, "low": 1.0}
# A replica that runs is worth this much more than one that would have to start, so that equal pools do not pass one to
# and fro. Less than any step between classes: a higher class takes it nevertheless.
_KEPT = 1.5

# Namespace and name of a service, and one of its pools.
Place = tuple[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Claim:
    """What one pool wants: `accelerators` and `cost_per_hour` are of one replica.

    `current` are the replicas that it has; `draining` ones leave, and hold their accelerators until they are gone.
    """

    key: tuple[str, str]
    pool: str
    qos_class: QosClass
    wanted: int
    min_replicas: int
    current: int
    accelerators: int = 1
    cost_per_hour: float | None = None
    draining: int = 0

    @property
    def place(self) -> Place:
        """Return which pool claims."""
        return self.key, self.pool


@dataclass(slots=True)
class _Ledger:
    """What is left to give."""

    accelerators: float
    money: dict[tuple[str, str], float]
    given: dict[Place, int] = field(default_factory=dict)

    def take(self, claim: Claim, replicas: int) -> None:
        self.given[claim.place] = self.given.get(claim.place, 0) + replicas
        self.accelerators -= replicas * claim.accelerators
        if claim.key in self.money:
            self.money[claim.key] -= replicas * (claim.cost_per_hour or 0.0)

    def refuses(self, claim: Claim) -> str:
        if claim.accelerators > self.accelerators:
            return "CappedByBudget"
        # A millionth: sums of decimal prices are not exact in binary.
        if (claim.cost_per_hour or 0.0) > self.money.get(claim.key, float("inf")) + 1e-6:
            return "CappedByCost"
        return ""


def allocate(
    claims: Sequence[Claim],
    *,
    accelerators: int | None,
    cost_per_hour_by_service: Mapping[tuple[str, str], float] | None = None,
) -> dict[Place, tuple[int, Clamp | None]]:
    """Return the replicas that each pool gets of those it wants, and what kept it from more.

    `accelerators` bounds the sum over all pools, None does not; `cost_per_hour_by_service` bounds each service that is
    in it. The least of each pool (or what it wants, if that is less) is given even beyond a bound.
    """
    ledger = _Ledger(
        float("inf") if accelerators is None else accelerators, dict(cost_per_hour_by_service or {})
    )
    for claim in claims:
        ledger.take(claim, min(claim.wanted, claim.min_replicas))
        ledger.accelerators -= claim.draining * claim.accelerators
    refused = _share(claims, ledger)
    return {
        claim.place: (
            ledger.given[claim.place],
            _clamp(claim, ledger.given[claim.place], refused, accelerators),
        )
        for claim in claims
    }


def _share(claims: Iterable[Claim], ledger: _Ledger) -> dict[Place, str]:
    """Give replica by replica to whom it is worth most, and return who was refused one, and why."""
    refused: dict[Place, str] = {}
    queue: list[tuple[float, Place, Claim]] = []
    for claim in claims:
        _enqueue(queue, claim, ledger)
    while queue:
        _, place, claim = heappop(queue)
        reason = ledger.refuses(claim)
        if reason:
            refused[place] = reason
            continue
        ledger.take(claim, 1)
        _enqueue(queue, claim, ledger)
    return refused


def _enqueue(queue: list[tuple[float, Place, Claim]], claim: Claim, ledger: _Ledger) -> None:
    given = ledger.given[claim.place]
    if given < claim.wanted:
        heappush(queue, (-_worth(claim, given), claim.place, claim))


def _worth(claim: Claim, given: int) -> float:
    """Return what the next replica is worth per accelerator: more the less of its want a pool has."""
    kept = _KEPT if given < claim.current else 1.0
    missing = (claim.wanted - given) / claim.wanted
    return kept * WEIGHTS[claim.qos_class] * missing / max(claim.accelerators, 1)


def _clamp(claim: Claim, given: int, refused: Mapping[Place, str], accelerators: int | None) -> Clamp | None:
    if given >= claim.wanted:
        return None
    reason = refused[claim.place]
    if reason == "CappedByCost":
        return Clamp(reason, "maxHourlyCost allows no more", claim.wanted, given)
    message = f"all pools together may have {accelerators} accelerators"
    return Clamp(reason, message, claim.wanted, given)
