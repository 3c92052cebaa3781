"""What `tidegate doctor` has found in the cluster.

Owns the fields. Must not judge: what could not be asked is in `unknown`, with the reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Right:
    """Something that a user may do, or not."""

    namespace: str
    verb: str
    resource: str
    subresource: str
    # Which commands need it.
    needed_for: str
    allowed: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """The cluster, as its user sees it. `unknown` has the reason for each field that could not be asked."""

    namespace: str
    # Of this command.
    version: str
    kubernetes: Json = field(default_factory=dict)
    crds: Sequence[Json] = ()
    deployments: Sequence[Json] = ()
    pods: Sequence[Json] = ()
    leases: Sequence[Json] = ()
    # The operator's settings as they are written.
    settings: Json | None = None
    # Of the operator that leads, in the Prometheus text format.
    operator_page: str = ""
    nodes: Sequence[Json] = ()
    storage_classes: Sequence[Json] = ()
    claims: Sequence[Json] = ()
    # Whether the cluster knows PodMonitors at all.
    knows_monitors: bool = False
    monitors: Sequence[Json] = ()
    prometheuses: Sequence[Json] = ()
    services: Sequence[Json] = ()
    rights: Sequence[Right] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_installed(self) -> bool:
        """Whether the chart is installed, or may be."""
        return bool(self.deployments) or "deployments" in self.unknown
