"""From a Service and what is there to a Plan: which pools, with how many workers.

Owns every decision about numbers, and refuses to take over what is not ours. Must not read raw specs.
"""

from collections.abc import Sequence
from dataclasses import replace

from tidegate_api.names import pool_name
from tidegate_api.settings import Settings
from tidegate_operator import inspecting
from tidegate_operator.build import build
from tidegate_operator.desired import Plan, Pool, Service
from tidegate_operator.facts import Manifest, Observed
from tidegate_operator.groups import groups, is_in_sets
from tidegate_operator.kinds import WORKLOADS
from tidegate_operator.ownership import is_made_for, refuse_foreign
from tidegate_operator.replicas import sized
from tidegate_operator.rollout import course

__all__ = ["Plan", "Pool", "make_plan"]


def make_plan(service: Service, observed: Observed, settings: Settings) -> Plan:
    """Return what should exist; raises Stalled when a name we need belongs to someone else."""
    pools = tuple(_sized(pool, service, observed) for pool in service.pools)
    rolled = course.roll(service, pools, observed, settings)
    plan = Plan(
        service,
        pools=pools,
        versions=rolled.versions,
        strategies=rolled.strategies,
        course=rolled.course,
        canaries=rolled.canaries,
        revisions=rolled.revisions,
        remarks=rolled.remarks,
        is_outdated=rolled.is_outdated,
        is_inspected=inspecting.is_wanted(service, observed),
        withheld=service.withheld or inspecting.waiting(service, observed),
    )
    plan = replace(plan, groups=tuple(groups(plan, observed)), is_in_sets=is_in_sets(service, observed))
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
    deployments = (child for child in children if child["kind"] in WORKLOADS)
    return next((one for one in deployments if one["metadata"]["name"] == name), None)


def _refuse_foreign(plan: Plan, children: Sequence[Manifest]) -> None:
    others = [child for child in children if not is_made_for(child, plan.service.uid)]
    if not others:
        return
    wanted = {(one["kind"], one["metadata"]["name"]): one for one in build(plan)}
    for child in others:
        of = wanted.get((child["kind"], child["metadata"]["name"]))
        if of is not None:
            refuse_foreign(child, of)
