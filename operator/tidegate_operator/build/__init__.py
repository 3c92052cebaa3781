"""From a Plan to manifests, one kind per module, in the order in which they are applied.

Owns which kinds there are and their order. Must not decide anything: the Plan has.
"""

from typing import Any

from tidegate_api.names import APPLIED_HASH_ANNOTATION
from tidegate_operator.build.deployment import canary, deployment
from tidegate_operator.build.group import followers
from tidegate_operator.build.inspection import inspection
from tidegate_operator.build.leaderworkerset import leaderworkerset
from tidegate_operator.build.networkpolicy import (
    inspector_networkpolicy,
    members_networkpolicy,
    networkpolicy,
)
from tidegate_operator.build.pdb import pdb
from tidegate_operator.build.revision import revision
from tidegate_operator.build.service import service
from tidegate_operator.build.serviceaccount import serviceaccount
from tidegate_operator.desired import Plan
from tidegate_operator.rollout.inputs import digest


def build(plan: Plan) -> list[dict[str, Any]]:
    """Return the manifests of all children in apply order, hashed and owned.

    What Pods need or are limited by comes before the Deployment that makes them, and a version before who runs it.
    """
    wanted = plan.service
    manifests = [
        serviceaccount(wanted),
        networkpolicy(wanted),
        members_networkpolicy(wanted),
        service(wanted),
        *_look(plan),
        *(revision(wanted, version) for version in plan.revisions),
        *(pdb(wanted, pool) for pool in plan.pools),
        *_workloads(plan),
        *(followers(wanted, group) for group in plan.groups),
    ]
    return [_hashed(manifest) for manifest in manifests if manifest is not None]


def workloads(plan: Plan) -> list[dict[str, Any]]:
    """Return those manifests of all that make the workers of pools."""
    return [_hashed(manifest) for manifest in _workloads(plan)]


def _workloads(plan: Plan) -> list[dict[str, Any]]:
    wanted, workload = plan.service, leaderworkerset if plan.is_in_sets else deployment
    return [
        *(
            workload(wanted, pool, plan.versions[pool.name], plan.strategies[pool.name])
            for pool in plan.pools
        ),
        *(
            canary(wanted, pool, plan.canaries[pool.name])
            for pool in plan.pools
            if pool.name in plan.canaries
        ),
    ]


def look_into_model(plan: Plan) -> list[dict[str, Any]]:
    """Return what is made also while workers are not: the Job that looks into the model, and what its Pod needs."""
    looking = _look(plan)
    return [_hashed(serviceaccount(plan.service)), *map(_hashed, looking)] if looking else []


def _look(plan: Plan) -> list[dict[str, Any]]:
    """Return the Job that looks into the model, behind its closed door; nothing where none is to be."""
    job, door = inspection(plan), inspector_networkpolicy(plan.service)
    if job is None:
        return []
    return [job] if door is None else [door, job]


def _hashed(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest with the hash of itself, by which a later reconcile knows it again."""
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), APPLIED_HASH_ANNOTATION: digest(manifest)}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}
