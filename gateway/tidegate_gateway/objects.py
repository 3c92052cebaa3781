"""How tenants and Pods are read, and which object wins a name or a key.

Must not do I/O. An object that cannot be read is left out, never an exception: the API server already refused what
breaks the schema.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final, cast

from tidegate_api.names import (
    DRAINING_ANNOTATION,
    FOLLOWER_ROLE,
    POOL_LABEL,
    PRIORITY_BY_CLASS,
    REVISION_LABEL,
    ROLE_LABEL,
    SERVICE_LABEL,
    SHARED_POOL,
    TRACK_LABEL,
    WORKER_PORT,
    WORKER_PORT_NAME,
    QosClass,
    engine_priority,
)
from tidegate_gateway.directory import Caller, Model, Peer, TenantLimits, Worker
from tidegate_gateway.stamps import unix

Item = Mapping[str, Any]

LATEST: Final = float("inf")
# A key whose expiry cannot be read has expired.
EARLIEST: Final = float("-inf")


@dataclass(frozen=True, slots=True)
class Tenant:
    """An LLMTenant: who calls, and the digests and expiries of its keys."""

    caller: Caller
    keys: tuple[tuple[str, float | None], ...]

    def callers(self) -> Iterable[Caller]:
        """Return the holder of each key."""
        return (replace(self.caller, digest=known_as, not_after=expiry) for known_as, expiry in self.keys)


def build_callers(tenants: Iterable[Tenant]) -> dict[str, Caller]:
    """Return who holds which key. A digest copied into a younger tenant does not take the key over."""
    found: dict[str, Caller] = {}
    for tenant in tenants:
        for caller in tenant.callers():
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


def read_tenant(item: Item) -> Tenant | None:
    """Return an LLMTenant, None if its class is not known."""
    meta, spec = item.get("metadata") or {}, item.get("spec") or {}
    namespace, name = meta.get("namespace"), meta.get("name")
    qos_class = spec.get("qosClass", "medium")
    if not namespace or not name or qos_class not in PRIORITY_BY_CLASS:
        return None
    services = spec.get("services") or ()
    caller = Caller(
        "",
        namespace,
        name,
        qos_class,
        engine_priority(PRIORITY_BY_CLASS[qos_class]),
        None,
        unix(meta.get("creationTimestamp"), LATEST),
        salt=_salt(meta),
        limits=_limits(spec, item.get("status") or {}),
        batch_class=_lower(qos_class, spec.get("batchQosClass", "low")),
        services=frozenset(services) or None,
    )
    keys = [key for key in spec.get("keys") or () if isinstance(key.get("sha256"), str)]
    return Tenant(caller, tuple((key["sha256"], _expiry(key)) for key in keys))


def read_peer(item: Item) -> Peer | None:
    """Return the gateway that a Pod is, or None while it does not run."""
    meta, status = item.get("metadata") or {}, item.get("status") or {}
    uid, host = meta.get("uid"), status.get("podIP")
    if not uid or not host or meta.get("deletionTimestamp") or status.get("phase") != "Running":
        return None
    return Peer(uid, host)


def read_worker(item: Mapping[str, Any]) -> Worker | None:
    """Return the worker that a Pod is, or None while it must not be given requests."""
    meta, status = item.get("metadata") or {}, item.get("status") or {}
    labels = meta.get("labels") or {}
    service = labels.get(SERVICE_LABEL)
    host = status.get("podIP")
    if not service or not host or meta.get("deletionTimestamp") or not _is_ready(status):
        return None
    # It computes a part of what another Pod is asked.
    if labels.get(ROLE_LABEL) == FOLLOWER_ROLE:
        return None
    return Worker(
        meta.get("uid", ""),
        meta.get("namespace", ""),
        service,
        meta.get("name", ""),
        host,
        _port(item.get("spec") or {}),
        pool=labels.get(POOL_LABEL, SHARED_POOL),
        is_draining=DRAINING_ANNOTATION in (meta.get("annotations") or {}),
        revision=labels.get(REVISION_LABEL, ""),
        track=labels.get(TRACK_LABEL, ""),
    )


def _port(spec: Item) -> int:
    """Return where a Pod answers: on the port of that name, whichever container has it."""
    ports = (port for container in spec.get("containers") or () for port in container.get("ports") or ())
    named = (port.get("containerPort") for port in ports if port.get("name") == WORKER_PORT_NAME)
    return next(named, None) or WORKER_PORT


def _is_ready(status: Mapping[str, Any]) -> bool:
    conditions = status.get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def _caller_age(caller: Caller) -> tuple[float, str, str]:
    return caller.created, caller.namespace, caller.tenant


def _expiry(key: Mapping[str, Any]) -> float | None:
    return None if key.get("notAfter") is None else unix(key["notAfter"], EARLIEST)


def _limits(spec: Item, status: Item) -> TenantLimits:
    limits, budget = spec.get("limits") or {}, spec.get("budget") or {}
    used = status.get("budget") or {}
    return TenantLimits(
        limits.get("requestsPerMinute"),
        limits.get("tokensPerMinute"),
        limits.get("concurrency"),
        budget.get("tokens"),
        budget.get("window", "Month"),
        used.get("tokens", 0),
        unix(used.get("windowStart"), 0.0),
        {
            entry["instance"]: entry.get("promptTokens", 0) + entry.get("completionTokens", 0)
            for entry in status.get("gateways") or ()
            if isinstance(entry.get("instance"), str)
        },
    )


def _lower(one: QosClass, other: Any) -> QosClass:
    known = cast("QosClass", other) if other in PRIORITY_BY_CLASS else one
    return min(one, known, key=PRIORITY_BY_CLASS.__getitem__)


def _salt(meta: Item) -> str:
    # Who knows the uid of a tenant may read its LLMTenant; a client may not.
    return sha256(f"tidegate/{meta.get('uid', '')}".encode()).hexdigest()[:32]
