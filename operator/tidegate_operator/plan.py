"""From a Service and what is there to a Plan: which pools, with how many workers.

Owns every decision about numbers, and refuses to take over what is not ours. Must not read raw specs.
"""

from collections.abc import Sequence

from tidegate_api.names import SERVICE_KIND, pool_name
from tidegate_operator import inspecting
from tidegate_operator.build import build
from tidegate_operator.desired import Plan, Pool, Service
from tidegate_operator.errors import Stalled
from tidegate_operator.facts import Manifest, Observed
from tidegate_operator.replicas import sized
from tidegate_operator.rollout import versions

__all__ = ["Plan", "Pool", "make_plan"]


def make_plan(service: Service, observed: Observed, *, is_always_updated: bool = False) -> Plan:
    """Return what should exist; raises Stalled when a name we need belongs to someone else.

    `is_always_updated`: workers follow also what the operator, and not their user, would have changed.
    """
    kept = versions.known(observed.children, service.uid)
    wanted = versions.target(observed.service, service, kept, is_always=is_always_updated)
    plan = Plan(
        service,
        pools=tuple(_sized(pool, service, observed) for pool in service.pools),
        versions={name: version for name in wanted.pools if (version := wanted.of(name)) is not None},
        revisions=versions.history([wanted], kept),
        is_outdated=versions.is_outdated(service, wanted),
        is_inspected=inspecting.is_wanted(service, observed),
        withheld=service.withheld or inspecting.waiting(service, observed),
    )
    _refuse_foreign(plan, observed.children)
    return plan


def _sized(pool: Pool, service: Service, observed: Observed) -> Pool:
    return sized(
        pool,
        _deployment(pool_name(service.key.name, pool.name), observed.children),
        observed.targets.get(pool.name),
        suspended=service.suspended,
        has_rival=pool.name in observed.rivals,
    )


def _deployment(name: str, children: Sequence[Manifest]) -> Manifest | None:
    deployments = (child for child in children if child["kind"] == "Deployment")
    return next((one for one in deployments if one["metadata"]["name"] == name), None)


def _refuse_foreign(plan: Plan, children: Sequence[Manifest]) -> None:
    wanted = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in build(plan)}
    for child in children:
        kind, name = child["kind"], child["metadata"]["name"]
        if (kind, name) in wanted and not _is_ours(child, plan.service.uid):
            raise Stalled("NameConflict", f"{kind} {name!r} {_whose(child)}")


def _is_ours(child: Manifest, uid: str) -> bool:
    owner = _controller(child)
    return owner is not None and owner.get("uid") == uid


def _controller(child: Manifest) -> Manifest | None:
    owners = child["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), None)


def _whose(child: Manifest) -> str:
    owner = _controller(child)
    if owner is None:
        return (
            "is there already and was not made by Tidegate, which never takes over what is not its own: "
            "rename or delete it, or give this LLMService another name"
        )
    if owner.get("kind") == SERVICE_KIND:
        return (
            "belongs to a deleted LLMService of this name and is still being removed: nothing is to be done"
        )
    return f"belongs to {owner.get('kind')} {owner.get('name')!r}: rename that, or give this LLMService another name"
