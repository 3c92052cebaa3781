"""How many workers the Deployment of a pool is to ask for, and whether it is for us to say so.

Owns the one rule by which replicas have one writer at a time, and by which changing who that is changes no number:
what is not decided by us stays as it is. Must not decide how many are wanted.
"""

from dataclasses import replace
from typing import Any, Final

from tidegate_api.names import OPERATOR_FIELD_MANAGER, SUSPENDED_REPLICAS_ANNOTATION
from tidegate_operator.desired import Pool
from tidegate_operator.facts import Manifest, Target

# What the API server writes down of whoever has set the replicas of a Deployment.
REPLICAS_FIELD: Final[dict[str, Any]] = {"f:spec": {"f:replicas": {}}}


def sized(
    pool: Pool, live: Manifest | None, target: Target | None, *, suspended: bool, has_rival: bool
) -> Pool:
    """Return the pool with the replicas to ask for; `live` is its Deployment, None before there is one."""
    if pool.policy is None:
        return replace(pool, replicas=0) if suspended else pool
    if suspended:
        return replace(pool, replicas=0, replicas_before=_before_suspension(live) or replicas_of(live))
    there, before = replicas_of(live), _before_suspension(live)
    if there is None:
        return pool
    if there == 0 and before is not None:
        return replace(pool, replicas=before)
    decided = target.replicas if target is not None else None
    if pool.policy.mode == "Auto" and decided is not None and not has_rival:
        return replace(pool, replicas=decided)
    return replace(pool, replicas=there, is_held=True, is_left_to_others=_is_set_by_others(live))


def replicas_of(deployment: Manifest | None) -> int | None:
    """Return what a Deployment asks for; the API server's default is 1."""
    if deployment is None:
        return None
    found = (deployment.get("spec") or {}).get("replicas")
    return 1 if found is None else int(found)


def writes_replicas(entry: Manifest) -> bool:
    """Return whether an entry of `managedFields` says that its manager has set the replicas."""
    spec = (entry.get("fieldsV1") or {}).get("f:spec") or {}
    return "f:replicas" in spec


def _is_set_by_others(deployment: Manifest | None) -> bool:
    """Return whether someone else has set the number: only then does it stay if we say nothing of it any more.

    One that we alone have set falls back to the default of 1.
    """
    entries = (deployment or {}).get("metadata", {}).get("managedFields") or ()
    return any(one.get("manager") != OPERATOR_FIELD_MANAGER and writes_replicas(one) for one in entries)


def _before_suspension(deployment: Manifest | None) -> int | None:
    annotations = (deployment or {}).get("metadata", {}).get("annotations") or {}
    found = str(annotations.get(SUSPENDED_REPLICAS_ANNOTATION, ""))
    return int(found) if found.isdecimal() else None
