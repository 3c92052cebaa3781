"""A service and all that belongs to it, as the cluster told it. Owns the fields; must not know what they mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scene:
    """A service and what belongs to it."""

    service: Json
    pods: list[Json] = field(default_factory=list)
    events: list[Json] = field(default_factory=list)
    # What the engine of a Pod says of itself, in the Prometheus text format.
    pages: Mapping[str, str] = field(default_factory=dict)
    # The beginning of the log of a Pod's engine.
    logs: Mapping[str, str] = field(default_factory=dict)
    # What could not be asked, and why.
    missing: Mapping[str, str] = field(default_factory=dict)


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Tell whether a Pod answers."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
