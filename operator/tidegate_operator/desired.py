"""What one reconcile wants: the Service with every value concrete, and the Plan made from it.

Owns the shapes that `resolve`, `plan`, `build` and `status` hand on. Must not compute or default anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate_api.names import REVISION_LABEL, WORKER_PORT, pool_name
from tidegate_operator.errors import Withheld
from tidegate_operator.facts import Key
from tidegate_operator.parallel import ALONE, Spread
from tidegate_operator.rollout.facts import Compared, State
from tidegate_operator.scaling.facts import Policy


@dataclass(frozen=True, slots=True)
class ModelVolume:
    """Where the weights are: the volume source to mount, and what the engine is told to load.

    `source` is None where there is nothing to mount: the engine reads the model itself, from the URI that `path` is.
    `claim` is the name of the PersistentVolumeClaim that the user has named, None for anything else. `is_inspected`:
    nobody else knows the model's shape, so a Job has to look.
    """

    source: Mapping[str, Any] | None
    path: str
    claim: str | None
    is_inspected: bool = False


@dataclass(frozen=True, slots=True)
class SideVolume:
    """A volume that workers mount beside that of the model: its name, its source, and where."""

    name: str
    source: Mapping[str, Any]
    mount: str
    is_read_only: bool = True


@dataclass(frozen=True, slots=True)
class Inspection:
    """How a Job looks into the model: with which image, and what that may use."""

    image: str
    requests: Mapping[str, str]
    limits: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fitting:
    """What is known of a model's memory and its parallelism before it is started.

    `estimate` is what `status.estimate` has; `refusal` why it can never work so; `warning` why it may not.
    """

    estimate: Mapping[str, Any]
    refusal: Withheld | None = None
    warning: str | None = None


@dataclass(frozen=True, slots=True)
class NetworkAccess:
    """Who may reach the workers; out they reach DNS, and everything where the model comes from an object store.

    `collector_port` is where their spans go, None where they make none.
    """

    gateway_namespace: str
    prometheus_namespace: str | None
    reaches_out: bool = False
    collector_port: int | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """On which nodes the workers run."""

    node_selector: Mapping[str, str]
    tolerations: tuple[Mapping[str, Any], ...]
    runtime_class_name: str | None


@dataclass(frozen=True, slots=True)
class Custom:
    """How the container of another engine than vLLM is started, and where it answers; no command: its image's."""

    command: tuple[str, ...]
    port: int
    health_path: str
    ready_path: str


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
    # The Secret whose keys become variables of the engine.
    credentials: str | None = None
    # How many processes a model is spread over.
    ranks: int = 1
    inspection: Inspection | None = None
    # Bytes of shared memory beyond what every worker gets.
    shared_memory: int = 0
    # What `status.engine` says.
    engine_state: Mapping[str, Any] | None = None
    fitting: Fitting | None = None
    # Why no workers are to be made now.
    withheld: Withheld | None = None
    # None for vLLM.
    custom: Custom | None = None
    # Over how many Pods each worker is spread.
    spread: Spread = ALONE
    # Where adapters are that are not on the model's own volume.
    side_volumes: tuple[SideVolume, ...] = ()

    @property
    def port(self) -> int:
        """Return the port on which workers answer."""
        return WORKER_PORT if self.custom is None else self.custom.port


@dataclass(frozen=True, slots=True)
class Version:
    """What the workers of a pool run: a Pod template, rendered once and kept, and the name of the version it is of."""

    revision: str
    template: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Canary:
    """Workers of a new version beside those of the stable one, while it is being tried."""

    version: Version
    replicas: int


@dataclass(frozen=True, slots=True)
class Strategy:
    """How many workers of a pool may be there beyond those wanted, and how many may be missing, while it changes."""

    max_surge: int = 1
    max_unavailable: int = 0


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that a rollout has to say: one word, and a sentence."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Group:
    """A worker of several Pods: the Pod that leads, where it is, and the template that it was made from."""

    leader: str
    uid: str
    address: str
    pool: str
    template: Mapping[str, Any]
    has_ended: bool


@dataclass(frozen=True, slots=True)
class Pinned:
    """A Pod template, and the hash of what the user had said when it was rendered."""

    inputs: str
    template: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Revision:
    """A version of a whole service, as a ControllerRevision keeps it; `number` grows with each new one.

    A pool whose template did not change keeps it with the name of the version that it is from: its workers stay.
    """

    name: str
    number: int
    pools: Mapping[str, Pinned]

    def of(self, pool: str) -> Version | None:
        """Return what it has for the workers of a pool, None for one that it does not know."""
        found = self.pools.get(pool)
        if found is None:
            return None
        return Version(found.template["metadata"]["labels"][REVISION_LABEL], found.template)


@dataclass(frozen=True, slots=True)
class Course:
    """How far a rollout is stored to be, which is what is built, and how far it is now; what was counted on the way.

    `steps` are how many there are, 0 without a canary.
    """

    stored: State
    next: State
    compared: Compared
    steps: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What should exist.

    `versions` has what the workers of each pool run, `canaries` those that try another one, `strategies` how they are
    replaced. `revisions` are the versions to keep. `course` is how far the rollout is, and what is to be stored of it.
    `is_outdated`: the workers' templates are not what would be rendered now.
    """

    service: Service
    pools: tuple[Pool, ...]
    versions: Mapping[str, Version]
    strategies: Mapping[str, Strategy]
    course: Course
    canaries: Mapping[str, Canary] = field(default_factory=dict)
    revisions: tuple[Revision, ...] = ()
    # What keeps a rollout from going its way, by pool.
    remarks: Mapping[str, Remark] = field(default_factory=dict)
    is_outdated: bool = False
    groups: tuple[Group, ...] = ()
    # Whether workers of several Pods are LeaderWorkerSets, not Deployments with followers.
    is_in_sets: bool = False
    # Whether a Job looks into the model.
    is_inspected: bool = False
    withheld: Withheld | None = None

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
