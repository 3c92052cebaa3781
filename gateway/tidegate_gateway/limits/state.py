"""What a gateway tells the operator: the JSON of `GET /state`.

Owns names and forms. Pure; the operator reads them in its `gateways.py`.
"""

from collections.abc import Iterable
from dataclasses import asdict

import msgspec

from tidegate_api.names import QosClass
from tidegate_gateway.directory import Worker
from tidegate_gateway.limits.account import Totals
from tidegate_gateway.qos.figures import PoolFigures
from tidegate_gateway.versions import Tally, Versions


class _Said(msgspec.Struct, frozen=True, rename="camel"):
    pass


class _Tenant(_Said, frozen=True):
    namespace: str
    name: str
    requests: int
    prompt_tokens: int
    completion_tokens: int


class _Class(_Said, frozen=True):
    name: QosClass
    queued: int
    running: int
    share_percent: float | None


class _Pool(_Said, frozen=True):
    namespace: str
    service: str
    pool: str
    credits_used: int
    credits_limit: int
    classes: tuple[_Class, ...]
    arrived_requests: int
    arrived_prompt_tokens: int
    finished_requests: int
    finished_output_tokens: int
    first_tokens: int
    late_first_tokens: int
    queued_prompt_tokens: int
    queued_output_tokens: int


class _Worker(_Said, frozen=True):
    namespace: str
    service: str
    pool: str
    pod: str
    uid: str
    in_flight: int


class _Version(_Said, frozen=True):
    requests: int
    errors: int
    # Streams by the bucket of their time to the first token (`tidegate_api.firsttoken`).
    ttft: dict[int, int]


class _Canary(_Said, frozen=True):
    revision: str
    stable: _Version
    canary: _Version


class _Service(_Said, frozen=True):
    namespace: str
    service: str
    canary: _Canary


class _State(_Said, frozen=True):
    instance: str
    tenants: tuple[_Tenant, ...]
    pools: tuple[_Pool, ...]
    workers: tuple[_Worker, ...]
    # Those of which two versions are compared.
    services: tuple[_Service, ...]


def encode(
    instance: str,
    usage: Iterable[Totals],
    services: Iterable[tuple[str, str, Iterable[PoolFigures]]],
    workers: Iterable[tuple[Worker, int]] = (),
    versions: Iterable[tuple[str, str, Versions]] = (),
) -> bytes:
    """Return the state of a process: tenants that have called since it started, and the pools of each service.

    `services` are namespace, name and figures; `workers` each worker with the requests of ours that are with it;
    `versions` are namespace, name and counts of the services that have a canary.
    """
    tenants = tuple(
        _Tenant(t.namespace, t.tenant, t.requests, t.prompt_tokens, t.completion_tokens)
        for t in usage
        if t.requests
    )
    pools = tuple(
        _pool(namespace, service, pool) for namespace, service, figures in services for pool in figures
    )
    busy = tuple(_Worker(w.namespace, w.service, w.pool, w.name, w.uid, count) for w, count in workers)
    compared = tuple(_Service(namespace, service, _canary(counts)) for namespace, service, counts in versions)
    return msgspec.json.encode(_State(instance, tenants, pools, busy, compared))


def _canary(counts: Versions) -> _Canary:
    return _Canary(counts.revision, _version(counts.stable), _version(counts.canary))


def _version(tally: Tally) -> _Version:
    return _Version(tally.requests, tally.errors, tally.first_tokens)


def _pool(namespace: str, service: str, pool: PoolFigures) -> _Pool:
    classes = tuple(
        _Class(c.name, c.queued, c.running, None if c.share is None else round(100 * c.share, 1))
        for c in pool.classes
    )
    return _Pool(
        namespace, service, pool.name, pool.credits_used, pool.credits_limit, classes, **asdict(pool.demand)
    )
