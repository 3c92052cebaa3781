"""What the gateway knows: keys, models, workers and its peers, in one immutable snapshot.

Owns the records. Must not read objects of the cluster (`objects`) or do I/O.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Final, Literal

from tidegate_api.names import (
    ADMIN_PORT,
    CANARY_TRACK,
    CLASS_DEFAULTS,
    SHARED_POOL,
    WORKER_PORT,
    QosClass,
)

Strategy = Literal["Auto", "LeastLoad", "PrefixHash"]
# Why nobody would start a worker, however many requests wait.
Stopped = Literal["", "suspended", "no replicas"]


@dataclass(frozen=True, slots=True)
class TenantLimits:
    """How much a tenant may use; None is without limit."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    # Requests at a time, waiting ones included.
    concurrency: int | None = None
    # Tokens per window, and what the operator last counted in the window that it last knew.
    budget_tokens: int | None = None
    budget_window: str = "Month"
    budget_used: int = 0
    # Unix seconds of that window's begin.
    budget_since: float = 0.0
    # What the operator last read of each gateway process: its tokens since it started.
    budget_seen: Mapping[str, int] = field(default_factory=dict)


UNLIMITED: Final = TenantLimits()


@dataclass(frozen=True, slots=True)
class ColdStart:
    """What becomes of a class's requests while the pool that they wait for has no worker."""

    # Whether they wait for the first one; if not they are refused at once.
    holds: bool = True
    timeout_seconds: float = 300.0
    max_queue: int = 100
    # How long a worker takes from the first request until it answers: as measured or said, or else a guess.
    expected_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class ClassPolicy:
    """How one service treats one class."""

    pool: str
    # Least share of the tokens admitted to its pool while it waits, 0 to 1.
    min_share: float
    max_queue: int
    queue_timeout_seconds: float
    # A stream whose first byte comes later than this after its request is counted as late.
    ttft_seconds: float = inf
    # Whether its pool has workers, or would be given some if requests waited.
    is_wanted: bool = True
    cold_start: ColdStart = ColdStart()


DEFAULT_CLASSES: Final[Mapping[QosClass, ClassPolicy]] = {
    name: ClassPolicy(
        SHARED_POOL, usual.min_share_percent / 100, usual.max_queue, usual.queue_timeout_seconds
    )
    for name, usual in CLASS_DEFAULTS.items()
}


@dataclass(frozen=True, slots=True)
class Caller:
    """The holder of one key; without a digest, whoever sends none."""

    digest: str
    namespace: str
    tenant: str
    qos_class: QosClass
    engine_priority: int
    not_after: float | None
    created: float = 0.0
    # Makes prompts of one tenant unknown to the others' prefix caches; no client can choose it.
    salt: str = ""
    limits: TenantLimits = UNLIMITED
    # The class of what is not urgent by its nature, such as /v1/batch.
    batch_class: QosClass = "low"
    # Services that may be called; None is all of the namespace.
    services: frozenset[str] | None = None

    def is_expired(self, now: float) -> bool:
        """Tell whether the key has expired at the Unix time `now`."""
        return self.not_after is not None and now > self.not_after

    def may_call(self, model: "Model") -> bool:
        """Tell whether this caller may call a model of its namespace."""
        return self.services is None or model.service in self.services


@dataclass(frozen=True, slots=True)
class Canary:
    """The version of a service that is tried beside the one in use."""

    revision: str
    # Percent of the conversations that are given to it, 0 to 100.
    weight: float
    # Whether it is taking the place of the one in use: then what is not given to it may go to either.
    is_passed: bool = False


@dataclass(frozen=True, slots=True)
class Model:
    """A model that the keys of one namespace may call."""

    name: str
    namespace: str
    service: str
    created: float
    classes: Mapping[QosClass, ClassPolicy] = field(default_factory=lambda: DEFAULT_CLASSES)
    strategy: Strategy = "Auto"
    # Whether tenants may profit from each other's cached prefixes.
    shared_prefixes: bool = False
    stopped: Stopped = ""
    canary: Canary | None = None
    # Whether its workers know what vLLM knows beyond OpenAI's API: a priority, a salt of the prefix cache.
    is_vllm: bool = True
    # How many requests one worker runs at a time, where its engine takes no priorities; 0: not known, or it does.
    slots: int = 0
    # Whether adapters are loaded and unloaded while its workers run.
    has_adapters: bool = False
    # Names of those that are to be loaded.
    adapters: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Worker:
    """A Pod that answers requests. Known by uid: an address may soon belong to another Pod."""

    uid: str
    namespace: str
    service: str
    name: str
    host: str
    port: int = WORKER_PORT
    pool: str = SHARED_POOL
    # It is to go: what it has it finishes, and it is given no more. May be taken back, so it is not another worker.
    is_draining: bool = field(default=False, compare=False)
    # What it runs, and whether that is only tried yet.
    revision: str = field(default="", compare=False)
    track: str = field(default="", compare=False)

    def may_serve(self, canary: Canary | None) -> bool:
        """Tell whether it may be given requests: not if it drains, or is on trial and its version has no share."""
        if self.is_draining:
            return False
        return self.track != CANARY_TRACK or (canary is not None and self.is_of(canary))

    def is_of(self, canary: Canary) -> bool:
        """Tell whether it runs the version that has this share of the requests."""
        return canary.weight > 0 and self.revision == canary.revision


@dataclass(frozen=True, slots=True)
class Peer:
    """Another gateway that serves the same clients."""

    uid: str
    host: str
    port: int = ADMIN_PORT


@dataclass(frozen=True, slots=True)
class Directory:
    """Everything known at one moment."""

    callers: Mapping[str, Caller] = field(default_factory=dict)
    models: Mapping[str, Mapping[str, Model]] = field(default_factory=dict)
    workers: Mapping[tuple[str, str], tuple[Worker, ...]] = field(default_factory=dict)
    # Who a request without a key is of, where that is allowed.
    anonymous: Caller | None = None
    peers: tuple[Peer, ...] = ()

    def is_ready(self, worker: Worker) -> bool:
        """Tell whether a worker may still be given requests."""
        known = self.workers.get((worker.namespace, worker.service), ())
        return any(one == worker and not one.is_draining for one in known)

    def knows(self, caller: Caller, now: float) -> bool:
        """Tell whether a caller may still be served at the Unix time `now`."""
        found = self.callers.get(caller.digest) if caller.digest else self.anonymous
        return found is not None and found.tenant == caller.tenant and not found.is_expired(now)
