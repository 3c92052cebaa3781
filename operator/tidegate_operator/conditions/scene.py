"""What the conditions look at: the facts and the plan of one reconcile, with the counts made once.

Owns the counts. Must not judge them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tidegate_api.names import POOL_LABEL, SHARED_POOL, pool_name
from tidegate_api.settings import Settings
from tidegate_operator import pools
from tidegate_operator.build import workloads
from tidegate_operator.conditions import pods
from tidegate_operator.desired import Plan, Pool
from tidegate_operator.diff import applied_hash
from tidegate_operator.errors import Stalled
from tidegate_operator.facts import Manifest, Observed
from tidegate_operator.groups import followers_of
from tidegate_operator.kinds import LEADER_WORKER_SET, WORKLOADS
from tidegate_operator.replicas import replicas_of

_TEMPLATE_LABEL = "pod-template-hash"


@dataclass(frozen=True, slots=True)
class PoolScene:
    """One pool, counted.

    `pods` are all of them but those that try a version which is not in use, `workers` those that are neither going nor
    gone. `starting` are the workers that do not answer yet, of the template that was made last: those of an older one
    are on their way out, and what ails them has been answered by whoever changed the spec. A pool that is not wanted is
    one that the spec no longer has.
    """

    name: str
    is_wanted: bool
    desired: int
    # So many have to answer; those beyond it come and go with the load.
    least: int
    pods: tuple[Manifest, ...]
    workers: int
    ready: int
    starting: tuple[Manifest, ...]
    deployment: Manifest | None
    is_applied: bool

    @property
    def live(self) -> tuple[Manifest, ...]:
        """Return the Pods that are neither going nor gone."""
        return tuple(pod for pod in self.pods if pods.is_live(pod))

    @property
    def status(self) -> Mapping[str, Any]:
        """Return what the Deployment's controller says; that of a LeaderWorkerSet does not say of which generation."""
        workload = self.deployment or {}
        status: Mapping[str, Any] = workload.get("status") or {}
        if workload.get("kind") != LEADER_WORKER_SET.kind:
            return status
        return {**status, "observedGeneration": workload["metadata"].get("generation", 0)}


@dataclass(frozen=True, slots=True)
class Scene:
    """The facts, counted by pool: those of the highest class first, those that are going last."""

    observed: Observed
    plan: Plan | None
    stalled: Stalled | None
    settings: Settings
    suspended: bool
    pools: tuple[PoolScene, ...]

    @property
    def desired(self) -> int:
        """Return how many workers are wanted."""
        return sum(pool.desired for pool in self.pools)

    @property
    def ready(self) -> int:
        """Return how many workers answer."""
        return sum(pool.ready for pool in self.pools)

    @property
    def starting(self) -> tuple[Manifest, ...]:
        """Return the workers that do not answer yet, of all pools."""
        return tuple(pod for pool in self.pools for pod in pool.starting)

    @property
    def members(self) -> tuple[Manifest, ...]:
        """Return the Pods of the workers that do not answer yet, each leader before its followers."""
        followers = self.observed.followers
        return tuple(one for leader in self.starting for one in (leader, *followers_of(leader, followers)))

    @property
    def is_at_rest(self) -> bool:
        """Return whether no worker is wanted, on purpose."""
        return self.stalled is None and self.desired == 0

    @property
    def is_short(self) -> bool:
        """Return whether a pool has fewer workers that answer than are wanted, whatever others have too many."""
        return any(pool.ready < pool.desired for pool in self.pools)

    @property
    def is_below_least(self) -> bool:
        """Return whether a pool has fewer workers that answer than it has to have, however little it is used."""
        return any(pool.ready < pool.least for pool in self.pools)

    @property
    def is_scaled(self) -> bool:
        """Return whether the number of workers follows the load, or somebody else."""
        return (self.observed.service.get("spec") or {}).get("scaling") is not None

    @property
    def tally(self) -> str:
        """Return how many workers of how many there are, with the pools where there are several."""
        total = f"{self.ready} of {self.desired} workers"
        if len(self.pools) == 1:
            return total
        return f"{total} ({', '.join(f'{pool.name} {pool.ready} of {pool.desired}' for pool in self.pools)})"

    def by_pool(self) -> Iterator["Scene"]:
        """Yield the scene of each pool that is wanted, as if there were no other."""
        return (replace(self, pools=(pool,)) for pool in self.pools if pool.is_wanted)


def look(observed: Observed, plan: Plan | None, stalled: Stalled | None, settings: Settings) -> Scene:
    """Return the scene."""
    suspended = bool((observed.service.get("spec") or {}).get("suspend"))
    wanted = {pool.name: pool.replicas for pool in plan.pools} if plan is not None else _asked_for(observed)
    least = {pool.name: _least(pool) for pool in plan.pools} if plan is not None else wanted
    applied = _applied_hashes(plan)
    live = (pod for pod in observed.pods if pods.is_live(pod) and not pods.is_canary(pod))
    going = sorted({_pool(pod) for pod in live} - wanted.keys())
    return Scene(
        observed=observed,
        plan=plan,
        stalled=stalled,
        settings=settings,
        suspended=suspended,
        pools=tuple(
            _look_at_pool(
                name,
                wanted.get(name),
                least.get(name, 0),
                observed,
                applied.get(pool_name(observed.key.name, name)),
            )
            for name in (*wanted, *going)
        ),
    )


def _least(pool: Pool) -> int:
    return pool.replicas if pool.policy is None else min(pool.replicas, max(pool.policy.min_replicas, 1))


def _look_at_pool(
    name: str, wanted: int | None, least: int, observed: Observed, applied: str | None
) -> PoolScene:
    own = tuple(pod for pod in observed.pods if _pool(pod) == name and not pods.is_canary(pod))
    live = [pod for pod in own if pods.is_live(pod)]
    deployment = _deployment(observed, name)
    return PoolScene(
        name=name,
        is_wanted=wanted is not None,
        desired=wanted or 0,
        least=least,
        pods=own,
        workers=len(live),
        ready=sum(pods.is_ready(pod) for pod in live),
        starting=tuple(pod for pod in _of_last_template(live) if not pods.is_ready(pod)),
        deployment=deployment,
        is_applied=applied is not None and deployment is not None and applied_hash(deployment) == applied,
    )


def _asked_for(observed: Observed) -> dict[str, int]:
    """Return how many workers a spec that could not be resolved asks for."""
    sizes, spec = pools.sizes(observed.service), observed.service.get("spec") or {}
    if spec.get("suspend"):
        return dict.fromkeys(sizes, 0)
    if spec.get("scaling") is not None:
        return {name: replicas_of(_deployment(observed, name)) or 0 for name in sizes}
    return sizes


def _pool(pod: Manifest) -> str:
    found: str = (pod["metadata"].get("labels") or {}).get(POOL_LABEL, SHARED_POOL)
    return found


def _deployment(observed: Observed, pool: str) -> Manifest | None:
    """Return our Deployment; one that someone else made under its name says nothing about us."""
    wanted = pool_name(observed.key.name, pool)
    uid = observed.service["metadata"].get("uid")
    for child in observed.children:
        owners = child["metadata"].get("ownerReferences") or []
        if child.get("kind") in WORKLOADS and child["metadata"]["name"] == wanted:
            return child if any(owner.get("uid") == uid for owner in owners) else None
    return None


def _applied_hashes(plan: Plan | None) -> dict[str, str | None]:
    """Return the hash of each Deployment that the plan wants, by its name."""
    wanted = workloads(plan) if plan is not None else ()
    return {one["metadata"]["name"]: applied_hash(one) for one in wanted}


def _of_last_template(live: Sequence[Manifest]) -> list[Manifest]:
    by_age = sorted(live, key=lambda pod: (pod["metadata"].get("creationTimestamp") or "", pods.name(pod)))
    if not by_age:
        return []
    last = _template(by_age[-1])
    return sorted((pod for pod in live if _template(pod) == last), key=pods.name)


def _template(pod: Manifest) -> str | None:
    found: str | None = (pod["metadata"].get("labels") or {}).get(_TEMPLATE_LABEL)
    return found
