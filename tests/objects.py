"""Objects as an API server shows them, for tests: an LLMService and what is around it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tidegate_api.names import API_VERSION, POOL_LABEL, SERVICE_KIND, SERVICE_LABEL, SHARED_POOL
from tidegate_api.settings import Settings
from tidegate_operator.build import build
from tidegate_operator.desired import Plan
from tidegate_operator.errors import Stalled
from tidegate_operator.facts import Observed
from tidegate_operator.plan import make_plan
from tidegate_operator.resolve import resolve
from tidegate_operator.status import summarize

Object = dict[str, Any]

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
EARLIER = "2026-11-21T11:00:00Z"
UID = "5e1f0c6a-0000-4000-8000-000000000001"
# Unlike the name of the LLMService, so that a test sees which of the two was used.
CLAIM = "weights"
SETTINGS = Settings(allowed_file_paths=["/srv/models"])


def service(name: str = "chat", *, namespace: str = "team-a", **spec: Any) -> Object:
    """Return an LLMService; `spec` is over a minimal one."""
    return {
        "apiVersion": API_VERSION,
        "kind": SERVICE_KIND,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": UID,
            "generation": 3,
            "creationTimestamp": EARLIER,
        },
        "spec": {"model": {"uri": f"pvc://{CLAIM}/smollm2"}, **spec},
    }


def classes(*entries: Object, **spec: Any) -> Object:
    """Return an LLMService that says something of its classes."""
    return service(qos={"classes": list(entries)}, **spec)


def dedicated(name: str, replicas: int | None = None, **fields: Any) -> Object:
    """Return what an LLMService says of a class with a pool of its own."""
    size = {} if replicas is None else {"replicas": replicas}
    return {"name": name, "pool": "Dedicated", **size, **fields}


def claim(phase: str = "Bound") -> Object:
    """Return the PersistentVolumeClaim of the model."""
    return {"kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM}, "status": {"phase": phase}}


def observed(
    of: Object | None = None,
    *,
    pods: Sequence[Object] = (),
    children: Sequence[Mapping[str, Any]] = (),
    siblings: Sequence[Object] = (),
    has_claim: Object | None = None,
    lost_claim: bool = False,
    gateways: int = 1,
    now: datetime = NOW,
    model: Object | None = None,
    draft: Object | None = None,
    started: Mapping[str, Mapping[str, float]] | None = None,
    inspections: Mapping[str, Object] | None = None,
    followers: Sequence[Object] = (),
) -> Observed:
    """Return facts; the claim is bound unless told otherwise."""
    return Observed(
        service=of or service(),
        siblings=tuple(siblings),
        children=tuple(children),
        pods=tuple(pods),
        claim=None if lost_claim else has_claim or claim(),
        gateway_endpoints_ready=gateways,
        now=now,
        model=model,
        draft=draft,
        started=started or {},
        inspections=inspections or {},
        followers=tuple(followers),
    )


def planned(facts: Observed, settings: Settings = SETTINGS) -> Plan:
    """Return the plan of facts."""
    return make_plan(resolve(facts, settings), facts, settings)


def manifest(
    kind: str, of: Object | None = None, settings: Settings = SETTINGS, pool: str | None = None
) -> Object:
    """Return the manifest of one kind that is made for an LLMService, the first one or that of a pool."""
    every = [made for made in build(planned(observed(of), settings)) if made["kind"] == kind]
    return next(one for one in every if pool in (None, one["metadata"]["labels"].get(POOL_LABEL)))


def status(facts: Observed, settings: Settings = SETTINGS) -> Object:
    """Return the status that a reconcile with these facts writes."""
    try:
        plan = planned(facts, settings)
        if plan.withheld is not None:
            raise plan.withheld
    except Stalled as stalled:
        return summarize(facts, None, stalled, settings)
    return summarize(facts, plan, None, settings)


def condition(of: Mapping[str, Any], kind: str) -> Object:
    """Return one condition of a status."""
    found: Object = next(one for one in of["conditions"] if one["type"] == kind)
    return found


def deployment(
    of: Object | None = None, *conditions: Object, updated: int = 1, total: int = 1, pool: str = SHARED_POOL
) -> Object:
    """Return the Deployment of a pool as its controller shows it."""
    made = manifest("Deployment", of, pool=pool)
    return {
        **made,
        "metadata": {**made["metadata"], "generation": 1},
        "status": {
            "observedGeneration": 1,
            "replicas": total,
            "updatedReplicas": updated,
            "conditions": list(conditions),
        },
    }


def pod(
    name: str = "chat-shared-abc-1",
    *,
    ready: bool = False,
    main: Object | None = None,
    template: str = "abc",
    phase: str = "Running",
    created: str = EARLIER,
    pool: str = SHARED_POOL,
    conditions: Sequence[Object] = (),
    **more: Any,
) -> Object:
    """Return a worker's Pod; `main` is the state of its container, `more` goes into its status."""
    container = {"name": "main", "image": "tidegate/worker-cpu:0.1.0", "ready": ready}
    return {
        "metadata": {
            "name": name,
            "creationTimestamp": created,
            "labels": {SERVICE_LABEL: "chat", POOL_LABEL: pool, "pod-template-hash": template},
        },
        "status": {
            "phase": phase,
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}, *conditions],
            "containerStatuses": [{**container, **(main or {"state": {"running": {}}})}],
            **more,
        },
    }


def waiting(reason: str, message: str = "") -> Object:
    """Return the state of a container that waits."""
    return {"state": {"waiting": {"reason": reason, "message": message}}}


def crash_loop(exit_code: int, message: str = "", reason: str = "Error") -> Object:
    """Return the state of a container that ended and waits to be started again."""
    end = {"exitCode": exit_code, "reason": reason, "message": message}
    return {**waiting("CrashLoopBackOff", "back-off 5m0s restarting"), "lastState": {"terminated": end}}
