"""What the gateway knows: keys, models and workers, from watched objects to one immutable snapshot.

Owns how an object of the cluster is read and which one wins a name. Must not do I/O; an object that cannot be
read is left out, never an exception, since the API server already refused what breaks the schema.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

from tidegate_api.names import (
    POOL_LABEL,
    PRIORITY_BY_CLASS,
    SERVICE_LABEL,
    SHARED_POOL,
    WORKER_PORT,
    QosClass,
    engine_priority,
)

LATEST: Final = float("inf")
# A key whose expiry cannot be read has expired.
EARLIEST: Final = float("-inf")


Strategy = Literal["Auto", "LeastLoad", "PrefixHash"]


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
    # Tokens of this budget's window that the operator has already read from each gateway process.
    budget_seen: Mapping[str, int] = field(default_factory=dict)


UNLIMITED: Final = TenantLimits()


@dataclass(frozen=True, slots=True)
class ClassPolicy:
    """How one service treats one class."""

    pool: str
    # Least share of the tokens admitted to its pool while it waits, 0 to 1.
    min_share: float
    max_queue: int
    queue_timeout_seconds: float


DEFAULT_CLASSES: Final[Mapping[QosClass, ClassPolicy]] = {
    "high": ClassPolicy(SHARED_POOL, 0.70, 100, 30),
    "medium": ClassPolicy(SHARED_POOL, 0.25, 100, 30),
    "low": ClassPolicy(SHARED_POOL, 0.05, 100, 300),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """The holder of one key."""

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


@dataclass(frozen=True, slots=True)
class Directory:
    """Everything known at one moment."""

    callers: Mapping[str, Caller] = field(default_factory=dict)
    models: Mapping[str, Mapping[str, Model]] = field(default_factory=dict)
    workers: Mapping[tuple[str, str], tuple[Worker, ...]] = field(default_factory=dict)

    def is_ready(self, worker: Worker) -> bool:
        """Tell whether a worker may still be given requests."""
        return worker in self.workers.get((worker.namespace, worker.service), ())


def build_callers(tenants: Iterable[tuple[Caller, ...]]) -> dict[str, Caller]:
    """Return who holds which key. A digest copied into a younger tenant does not take the key over."""
    found: dict[str, Caller] = {}
    for callers in tenants:
        for caller in callers:
            other = found.get(caller.digest)
            if other is None or _caller_age(caller) < _caller_age(other):
                found[caller.digest] = caller
    return found


def build_models(services: Iterable[Model]) -> dict[str, dict[str, Model]]:
    """Return the models of each namespace by name; of two with one name, the oldest service serves it."""
    found: dict[str, dict[str, Model]] = {}
    for model in services:
        names = found.setdefault(model.namespace, {})
        other = names.get(model.name)
        if other is None or (model.created, model.service) < (other.created, other.service):
            names[model.name] = model
    return found


def build_workers(workers: Iterable[Worker]) -> dict[tuple[str, str], tuple[Worker, ...]]:
    """Return the workers of each service."""
    found: dict[tuple[str, str], list[Worker]] = {}
    for worker in workers:
        found.setdefault((worker.namespace, worker.service), []).append(worker)
    return {key: tuple(value) for key, value in found.items()}


def read_service(item: Mapping[str, Any]) -> Model | None:
    """Return the model of an LLMService."""
    meta = item.get("metadata") or {}
    namespace, service = meta.get("namespace"), meta.get("name")
    if not namespace or not service:
        return None
    source = (item.get("spec") or {}).get("model") or {}
    return Model(
        source.get("name") or service, namespace, service, _unix(meta.get("creationTimestamp"), LATEST)
    )


def read_tenant(item: Mapping[str, Any]) -> tuple[Caller, ...]:
    """Return the callers that an LLMTenant names, none if its class is not known."""
    meta, spec = item.get("metadata") or {}, item.get("spec") or {}
    namespace, tenant = meta.get("namespace"), meta.get("name")
    qos_class = spec.get("qosClass", "medium")
    if not namespace or not tenant or qos_class not in PRIORITY_BY_CLASS:
        return ()
    created = _unix(meta.get("creationTimestamp"), LATEST)
    priority = engine_priority(PRIORITY_BY_CLASS[qos_class])
    return tuple(
        Caller(key["sha256"], namespace, tenant, qos_class, priority, _expiry(key), created)
        for key in spec.get("keys") or ()
        if isinstance(key.get("sha256"), str)
    )


def read_worker(item: Mapping[str, Any]) -> Worker | None:
    """Return the worker that a Pod is, or None while it must not be given requests."""
    meta, status = item.get("metadata") or {}, item.get("status") or {}
    labels = meta.get("labels") or {}
    service = labels.get(SERVICE_LABEL)
    host = status.get("podIP")
    if not service or not host or meta.get("deletionTimestamp") or not _is_ready(status):
        return None
    return Worker(
        meta.get("uid", ""),
        meta.get("namespace", ""),
        service,
        meta.get("name", ""),
        host,
        pool=labels.get(POOL_LABEL, SHARED_POOL),
    )


def _is_ready(status: Mapping[str, Any]) -> bool:
    conditions = status.get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def _caller_age(caller: Caller) -> tuple[float, str, str]:
    return caller.created, caller.namespace, caller.tenant


def _expiry(key: Mapping[str, Any]) -> float | None:
    return None if key.get("notAfter") is None else _unix(key["notAfter"], EARLIEST)


def _unix(stamp: Any, otherwise: float) -> float:
    try:
        moment = datetime.fromisoformat(stamp)
    except (TypeError, ValueError):
        return otherwise
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
