"""Which pools of workers an LLMService has: one for each Dedicated class, and one for all the others.

Owns their names, order and sizes. Must not know what is running.
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


def pools(spec: LLMServiceSpec, by_class: PriorityClassNames, usual: str | None) -> tuple[Pool, ...]:
    """Return the pools, that of the highest class first; `usual` is the PriorityClass of workers of no class."""
    names: dict[str, str] = {
        one.name: one.priority_class_name or getattr(by_class, one.name) for one in spec.qos.dedicated
    }
    sized = _sizes(spec.qos, spec.replicas)
    return tuple(Pool(name, replicas, names.get(name) or usual) for name, replicas in sized)


def sizes(service: Manifest) -> dict[str, int]:
    """Return how many workers each pool of an LLMService should have, as far as its spec can be read."""
    spec: Mapping[str, Any] = service.get("spec") or {}
    try:
        qos = Qos.model_validate(spec.get("qos") or {})
    except ValidationError:
        qos = Qos()
    replicas = spec.get("replicas", 1)
    return dict(_sizes(qos, max(replicas, 0) if isinstance(replicas, int) else 0))


def _sizes(qos: Qos, replicas: int) -> Iterator[tuple[str, int]]:
    for one in qos.dedicated:
        yield one.name, 1 if one.replicas is None else one.replicas
    if len(qos.dedicated) < len(QOS_CLASSES):
        yield SHARED_POOL, replicas
