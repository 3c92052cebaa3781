"""What the conditions look at: the facts and the plan of one reconcile, with the counts made once.

Owns the counts. Must not judge them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate_api.names import SHARED_POOL, pool_name
from tidegate_api.settings import Settings
from tidegate_operator.build import build
from tidegate_operator.conditions import pods
from tidegate_operator.desired import Plan
from tidegate_operator.diff import applied_hash
from tidegate_operator.errors import Stalled
from tidegate_operator.facts import Manifest, Observed

_TEMPLATE_LABEL = "pod-template-hash"


@dataclass(frozen=True, slots=True)
class Scene:
    """The facts, counted.

    `starting` are the workers that do not answer yet, of the template that was made last: those of an older one
    are on their way out, and what ails them has been answered by whoever changed the spec.
    """

    observed: Observed
    plan: Plan | None
    stalled: Stalled | None
    settings: Settings
    suspended: bool
    desired: int
    workers: int
    ready: int
    starting: tuple[Manifest, ...]
    deployment: Manifest | None
    is_applied: bool

    @property
    def is_at_rest(self) -> bool:
        """Return whether no worker is wanted, on purpose."""
        return self.stalled is None and self.desired == 0

    @property
    def deployment_status(self) -> Mapping[str, Any]:
        """Return what the Deployment's controller says."""
        status: Mapping[str, Any] = (self.deployment or {}).get("status") or {}
        return status


def look(observed: Observed, plan: Plan | None, stalled: Stalled | None, settings: Settings) -> Scene:
    """Return the scene."""
    live = [pod for pod in observed.pods if pods.is_live(pod)]
    deployment = _deployment(observed)
    return Scene(
        observed=observed,
        plan=plan,
        stalled=stalled,
        settings=settings,
        suspended=_is_suspended(observed),
        desired=plan.replicas if plan is not None else _asked_for(observed),
        workers=len(live),
        ready=sum(pods.is_ready(pod) for pod in live),
        starting=tuple(pod for pod in _of_last_template(live) if not pods.is_ready(pod)),
        deployment=deployment,
        is_applied=plan is not None and _is_applied(plan, deployment),
    )


def _is_suspended(observed: Observed) -> bool:
    return bool((observed.service.get("spec") or {}).get("suspend"))


def _asked_for(observed: Observed) -> int:
    """Return how many workers a spec that could not be resolved asks for."""
    replicas = (observed.service.get("spec") or {}).get("replicas", 1)
    return 0 if _is_suspended(observed) or not isinstance(replicas, int) else max(replicas, 0)


def _deployment(observed: Observed) -> Manifest | None:
    """Return our Deployment; one that someone else made under its name says nothing about us."""
    wanted = pool_name(observed.key.name, SHARED_POOL)
    uid = observed.service["metadata"].get("uid")
    for child in observed.children:
        owners = child["metadata"].get("ownerReferences") or []
        if child.get("kind") == "Deployment" and child["metadata"]["name"] == wanted:
            return child if any(owner.get("uid") == uid for owner in owners) else None
    return None


def _is_applied(plan: Plan, deployment: Manifest | None) -> bool:
    wanted = next(manifest for manifest in build(plan) if manifest["kind"] == "Deployment")
    return deployment is not None and applied_hash(deployment) == applied_hash(wanted)


def _of_last_template(live: Sequence[Manifest]) -> list[Manifest]:
    by_age = sorted(live, key=lambda pod: (pod["metadata"].get("creationTimestamp") or "", pods.name(pod)))
    if not by_age:
        return []
    last = _template(by_age[-1])
    return sorted((pod for pod in live if _template(pod) == last), key=pods.name)


def _template(pod: Manifest) -> str | None:
    found: str | None = (pod["metadata"].get("labels") or {}).get(_TEMPLATE_LABEL)
    return found
