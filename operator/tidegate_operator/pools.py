"""Which pools of workers an LLMService has: one for each Dedicated class, and one for all the others.

Owns their names, order and sizes; the size of one that scales is that with which it begins. Must not know what is
running.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from tidegate_api.names import QOS_CLASSES, SHARED_POOL
from tidegate_api.qos import Qos
from tidegate_api.settings import PriorityClassNames
from tidegate_api.v1alpha1 import LLMServiceSpec
from tidegate_operator.desired import Pool
from tidegate_operator.facts import Manifest
from tidegate_operator.policies import policies
from tidegate_operator.scaling.facts import Policy


def pools(
    spec: LLMServiceSpec, by_class: PriorityClassNames, usual: str | None, accelerators: int
) -> tuple[Pool, ...]:
    """Return the pools, that of the highest class first.

    `usual` is the PriorityClass of workers of no class; `accelerators` are those of one worker.
    """
    names: dict[str, str] = {
        one.name: one.priority_class_name or getattr(by_class, one.name) for one in spec.qos.dedicated
    }
    scaled = policies(spec, accelerators)
    sized = _sizes(spec.qos, 1 if spec.replicas is None else spec.replicas)
    return tuple(
        Pool(name, _first(scaled.get(name), replicas), names.get(name) or usual, scaled.get(name))
        for name, replicas in sized
    )


def sizes(service: Manifest) -> dict[str, int]:
    """Return how many workers each pool of an LLMService should have, as far as its spec can be read.

    Of one that scales only the names tell anything.
    """
    spec: Mapping[str, Any] = service.get("spec") or {}
    try:
        qos = Qos.model_validate(spec.get("qos") or {})
    except ValidationError:
        qos = Qos()
    replicas = spec.get("replicas")
    replicas = 1 if replicas is None else replicas
    return dict(_sizes(qos, max(replicas, 0) if isinstance(replicas, int) else 0))


def _first(policy: Policy | None, fixed: int) -> int:
    """Return with how many workers a pool begins: at least one, to find out whether it works at all."""
    return fixed if policy is None else max(policy.min_replicas, 1)


def _sizes(qos: Qos, replicas: int) -> Iterator[tuple[str, int]]:
    for one in qos.dedicated:
        yield one.name, 1 if one.replicas is None else one.replicas
    if len(qos.dedicated) < len(QOS_CLASSES):
        yield SHARED_POOL, replicas
