"""How an LLMService is read: its model, how it treats each class, and what becomes of requests while it has no worker.

Must not do I/O, or refuse what the API server has let in: what is not said has its default.
"""

from collections.abc import Mapping
from math import inf
from typing import Any, Final

from tidegate_api.names import SHARED_POOL, QosClass
from tidegate_gateway.directory import DEFAULT_CLASSES, Canary, ClassPolicy, ColdStart, Model, Stopped
from tidegate_gateway.stamps import unix

Item = Mapping[str, Any]

LATEST: Final = inf
USUAL: Final = ColdStart()
VLLM: Final = "vLLM"
# The phase of a rollout in which a version replaces the one in use.
PROMOTING: Final = "Promoting"


def read_service(item: Item) -> Model | None:
    """Return the model of an LLMService."""
    meta, spec, status = item.get("metadata") or {}, item.get("spec") or {}, item.get("status") or {}
    namespace, service = meta.get("namespace"), meta.get("name")
    if not namespace or not service:
        return None
    routing, engine = spec.get("routing") or {}, spec.get("engine") or {}
    is_vllm = engine.get("type", VLLM) == VLLM
    classes = _classes(spec, status)
    return Model(
        (spec.get("model") or {}).get("name") or service,
        namespace,
        service,
        unix(meta.get("creationTimestamp"), LATEST),
        classes=classes,
        strategy=routing.get("strategy", "Auto"),
        shared_prefixes=routing.get("prefixCache") == "Shared",
        stopped=_stopped(spec, classes),
        canary=_canary(status.get("rollout") or {}),
        is_vllm=is_vllm,
        slots=0 if is_vllm else (engine.get("maxNumSeqs") or 0),
        has_adapters="lora" in (spec.get("model") or {}),
        adapters=_adapters((spec.get("model") or {}).get("lora") or {}),
    )


def _adapters(lora: Item) -> frozenset[str]:
    return frozenset(entry["name"] for entry in lora.get("adapters") or () if entry.get("name"))


def _canary(rollout: Item) -> Canary | None:
    revision, weight = rollout.get("canaryRevision"), rollout.get("weight") or 0
    if not revision:
        return None
    return Canary(revision, min(100.0, float(weight)), is_passed=rollout.get("phase") == PROMOTING)


def _classes(spec: Item, status: Item) -> Mapping[QosClass, ClassPolicy]:
    given = {entry.get("name"): entry for entry in (spec.get("qos") or {}).get("classes") or ()}
    return {name: _class(name, given.get(name) or {}, spec, status) for name in DEFAULT_CLASSES}


def _class(name: QosClass, entry: Item, spec: Item, status: Item) -> ClassPolicy:
    usual = DEFAULT_CLASSES[name]
    share, objective = entry.get("minSharePercent"), (entry.get("slo") or {}).get("ttftMilliseconds")
    is_dedicated = entry.get("pool") == "Dedicated"
    pool = name if is_dedicated else SHARED_POOL
    return ClassPolicy(
        pool,
        usual.min_share if share is None else share / 100,
        entry.get("maxQueue", usual.max_queue),
        entry.get("queueTimeoutSeconds", usual.queue_timeout_seconds),
        inf if objective is None else objective / 1000,
        is_wanted=_is_wanted(spec, entry if is_dedicated else spec),
        cold_start=_cold_start(spec, status, pool),
    )


def _is_wanted(spec: Item, sized: Item) -> bool:
    """Tell whether a pool has workers, or would be given some if requests waited for it; `sized` has its replicas."""
    if spec.get("suspend"):
        return False
    return bool(spec.get("scaling")) or sized.get("replicas", 1) != 0


def _stopped(spec: Item, classes: Mapping[QosClass, ClassPolicy]) -> Stopped:
    if spec.get("suspend"):
        return "suspended"
    return "" if any(policy.is_wanted for policy in classes.values()) else "no replicas"


def _cold_start(spec: Item, status: Item, pool: str) -> ColdStart:
    given = spec.get("coldStart") or {}
    return ColdStart(
        given.get("mode", "Hold") == "Hold",
        given.get("timeoutSeconds", USUAL.timeout_seconds),
        given.get("maxQueue", USUAL.max_queue),
        _expected_seconds(spec, status, pool),
    )


def _expected_seconds(spec: Item, status: Item, pool: str) -> float:
    """Return how long a worker usually takes to start: as the user says, or else as the operator has measured."""
    said = (spec.get("scaling") or {}).get("coldStartSeconds")
    if said is not None:
        return float(said)
    measured = next(
        (entry.get("coldStartSeconds") for entry in status.get("scaling") or () if entry.get("pool") == pool),
        None,
    )
    return float((measured or {}).get("p50", USUAL.expected_seconds))
