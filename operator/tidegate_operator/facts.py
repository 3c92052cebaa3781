"""What one reconcile knows about the world: gathered once by `fetch`, read by every pure step, never changed.

Owns the shape of the facts. Must not fetch, decide or default anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from tidegate_api.names import QosClass
from tidegate_operator.adapters.state import WorkerAdapters
from tidegate_operator.rollout.facts import Compared, Examined
from tidegate_operator.scaling.facts import ColdStart, Decision

Manifest = Mapping[str, Any]


class Key(NamedTuple):
    """Which object is meant, of a kind that the place says: an LLMService, an LLMTenant."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Counters:
    """What was used: requests that were admitted, tokens of their prompts and of the answers."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Return the tokens of prompts and answers."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class ClassTraffic:
    """The requests of one class in one pool; `share_percent` is of the tokens admitted lately, None: none were."""

    queued: int
    running: int
    share_percent: int | None


@dataclass(frozen=True, slots=True)
class PoolTraffic:
    """What all gateways hold of one pool; credits are tokens in flight."""

    credits_used: int
    credits_limit: int
    classes: Mapping[QosClass, ClassTraffic]


# By name of the pool; one that no gateway mentions has had no request.
Traffic = Mapping[str, PoolTraffic]


@dataclass(frozen=True, slots=True)
class Target:
    """What was decided about one pool.

    `replicas` is what its Deployment should ask for now: more than `decision.wanted` while workers that are to go
    still answer, None where the decision is not ours to act on. `learned` is what a restart should not have to learn
    again; `cold_start` is None until one was seen.
    """

    replicas: int | None
    decision: Decision
    cold_start: ColdStart | None = None
    learned: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observed:
    """The LLMService and all that concerns it, as last seen.

    `children` are the objects of our kinds that carry the names we would use, whoever owns them; `claim` is the
    PersistentVolumeClaim that a `pvc://` model names; `siblings` are the other LLMServices of the namespace;
    `traffic` is None while it is not known; `targets` are the pools about which something was decided since this
    process started, `rivals` those that someone else scales, with who it is; `model` is the LLMModel that a model of a
    hub is, None where there is none yet; `inspections` are what looks into any other model have found, by their Job.
    """

    service: Manifest
    siblings: tuple[Manifest, ...]
    children: tuple[Manifest, ...]
    pods: tuple[Manifest, ...]
    claim: Manifest | None
    gateway_endpoints_ready: int
    now: datetime
    traffic: Traffic | None = None
    targets: Mapping[str, Target] = field(default_factory=dict)
    rivals: Mapping[str, str] = field(default_factory=dict)
    model: Manifest | None = None
    # What engines have told of the parts of their start, in seconds, by uid of the Pod.
    started: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    # The LLMModel of the model that guesses tokens.
    draft: Manifest | None = None
    inspections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    # Of workers that are several Pods each: those that only compute; and whether the cluster knows LeaderWorkerSets.
    followers: tuple[Manifest, ...] = ()
    knows_sets: bool = False
    # Of a service with adapters: the LLMModels and claims of the namespace, and what is known of each worker, by uid.
    models: tuple[Manifest, ...] = ()
    claims: Mapping[str, Manifest] = field(default_factory=dict)
    adapters: Mapping[str, WorkerAdapters] = field(default_factory=dict)
    # What gateways counted of the version that is tried, by its name, and what it answered to golden prompts.
    tallies: Mapping[str, Compared] = field(default_factory=dict)
    examined: Examined | None = None

    def compared(self, revision: str | None) -> Compared:
        """Return what was counted of a version that is tried, and of the one in use meanwhile."""
        return self.tallies.get(revision or "", Compared())

    @property
    def key(self) -> Key:
        """Return which LLMService this is about."""
        metadata = self.service["metadata"]
        return Key(metadata["namespace"], metadata["name"])


@dataclass(frozen=True, slots=True)
class Enrolled:
    """An LLMTenant and all that concerns it, as last seen.

    `services` are the names of the LLMServices of its namespace. `counted` is what each gateway process that was
    heard has counted for it, since that process started; `ended` are the processes that its status names and that can
    never be heard again.
    """

    tenant: Manifest
    services: frozenset[str]
    counted: Mapping[str, Counters]
    ended: frozenset[str]
    now: datetime

    @property
    def key(self) -> Key:
        """Return which LLMTenant this is about."""
        metadata = self.tenant["metadata"]
        return Key(metadata["namespace"], metadata["name"])
