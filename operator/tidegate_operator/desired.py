"""What one reconcile wants: the Service with every value concrete, and the Plan made from it.

Owns the shapes that `resolve`, `plan`, `build` and `status` hand on. Must not compute or default anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate_api.names import pool_name
from tidegate_operator.facts import Key
from tidegate_operator.scaling.facts import Policy


@dataclass(frozen=True, slots=True)
class ModelVolume:
    """Where the weights are: the volume source to mount, and the model's directory inside the container.

    `claim` is the name of the PersistentVolumeClaim, None for a directory of the node.
    """

    source: Mapping[str, Any]
    path: str
    claim: str | None


@dataclass(frozen=True, slots=True)
class NetworkAccess:
    """Who may reach the workers."""

    gateway_namespace: str
    prometheus_namespace: str | None


@dataclass(frozen=True, slots=True)
class Placement:
    """On which nodes the workers run."""

    node_selector: Mapping[str, str]
    tolerations: tuple[Mapping[str, Any], ...]
    runtime_class_name: str | None


@dataclass(frozen=True, slots=True)
class Pool:
    """A set of equal workers, with a Deployment of its own.

    `policy` is None where the user sets the number. `is_held`: the number is the one that is there, which we did not
    decide; `is_left_to_others`: somebody else has set it, and we do not write it at all. `replicas_before` is how many
    there were when the pool was suspended.
    """

    name: str
    replicas: int
    priority_class_name: str | None
    policy: Policy | None = None
    is_held: bool = False
    is_left_to_others: bool = False
    replicas_before: int | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """An LLMService with the operator's settings worked in: builders read this, a pool, and nothing else.

    `pools` are of the sizes that the spec names, also while it is suspended.
    """

    key: Key
    uid: str
    model_name: str
    model: ModelVolume
    url: str
    image: str
    image_pull_policy: str
    image_pull_secrets: tuple[str, ...]
    engine_args: tuple[str, ...]
    env: Mapping[str, str]
    requests: Mapping[str, str]
    limits: Mapping[str, str]
    placement: Placement
    network: NetworkAccess | None
    drain_seconds: int
    pools: tuple[Pool, ...]
    suspended: bool
    pod_template: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What should exist."""

    service: Service
    pools: tuple[Pool, ...]

    @property
    def replicas(self) -> int:
        """Return how many workers are wanted, all pools together."""
        return sum(pool.replicas for pool in self.pools)

    @property
    def held(self) -> frozenset[str]:
        """Return the names of the Deployments whose number we write and did not decide.

        Over any other version than the one that was looked at, it would undo what someone else has set meanwhile.
        """
        held = (pool.name for pool in self.pools if pool.is_held and not pool.is_left_to_others)
        return frozenset(pool_name(self.service.key.name, name) for name in held)
