"""Who leaves when a pool gets smaller: those whose leaving costs least, and no one before its requests have ended.

Owns the choice of victims and the moment when the number of replicas falls. Must not delete, or wait.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# How long a marked worker has to be without a request: a gateway may have sent one before it saw the mark.
QUIET_SECONDS = 2.0
# Deletion costs: Kubernetes removes the least first, and reads an absent one as 0. Three constants and no ranks, so
# that a pool that is left alone is not written to.
_GOES, _LEAVES, _STAYS = -2, -1, 0


@dataclass(frozen=True, slots=True)
class Retiree:
    """A worker Pod; `in_flight` are the gateways' requests with it, None if not every gateway was heard."""

    name: str
    ready: bool
    in_flight: int | None
    draining: bool
    draining_since: float | None
    # 0 to 1, None if it was not read.
    kv_used: float | None = None


@dataclass(frozen=True, slots=True)
class Retirement:
    """Whom to mark as draining and whom no more, the replicas that the Deployment is to have now, and deletion costs.

    `costs` has all workers; those that may go now have the least, so that the ReplicaSet removes just these.
    """

    mark: tuple[str, ...]
    unmark: tuple[str, ...]
    replicas: int
    costs: Mapping[str, int]


def retire(workers: Sequence[Retiree], wanted: int, drain_seconds: float, now: float) -> Retirement:
    """Return the next step from the workers that there are, without those being deleted, to `wanted` replicas.

    A worker is marked first, and goes once it is known to have been without requests for two seconds, or when its
    drain time is over; one that is not ready and has none goes at once. When more are wanted again, as many return,
    the busiest first.
    """
    leaving = max(len(workers) - wanted, 0)
    order = sorted(workers, key=_cost)
    victims, others = order[:leaving], order[leaving:]
    gone = _gone(victims, drain_seconds, now)
    costs = {one.name: _STAYS for one in others} | {one.name: _LEAVES for one in victims}
    return Retirement(
        mark=tuple(one.name for one in victims if not one.draining and one not in gone),
        unmark=tuple(one.name for one in others if one.draining),
        replicas=max(len(workers) - len(gone), wanted),
        costs=costs | {one.name: _GOES for one in gone},
    )


def _cost(worker: Retiree) -> tuple[bool, bool, float, float, str]:
    """Return what its leaving costs: not ready first, as Kubernetes has it, then marked, then by what it is doing.

    An unknown number of requests is more than any known one, and a cache that was not read is full.
    """
    busy = float("inf") if worker.in_flight is None else float(worker.in_flight)
    kv_used = 1.0 if worker.kv_used is None else worker.kv_used
    return (worker.ready, worker.ready and not worker.draining, busy, kv_used, worker.name)


def _gone(victims: Sequence[Retiree], drain_seconds: float, now: float) -> list[Retiree]:
    """Return the victims that may go now.

    While one that is not ready may not, none may: a ReplicaSet removes those first, whatever their deletion cost.
    """
    gone = []
    for one in victims:
        if _may_go(one, drain_seconds, now):
            gone.append(one)
        elif not one.ready:
            break
    return gone


def _may_go(worker: Retiree, drain_seconds: float, now: float) -> bool:
    if worker.in_flight == 0 and not worker.ready:
        return True
    if not worker.draining or worker.draining_since is None:
        return False
    drained = now - worker.draining_since
    return drained >= drain_seconds or (worker.in_flight == 0 and drained >= QUIET_SECONDS)
