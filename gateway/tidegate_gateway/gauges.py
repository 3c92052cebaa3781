"""What is looked at when it is scraped, so that nothing is counted for it before.

Owns the metrics of queues, credits, workers and tenants, read from the gateway's own state. Must not change it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tidegate_gateway.demand import Pool
from tidegate_gateway.limits.account import Totals
from tidegate_gateway.qos.figures import ClassFigures, PoolFigures
from tidegate_gateway.served import Served

if TYPE_CHECKING:
    from tidegate_gateway.gateway import Gateway

SERVICE = ["namespace", "service"]
POOL = [*SERVICE, "pool"]
CLASS = [*POOL, "qos_class"]
TENANT = ["namespace", "tenant"]


class Gauges(Collector):
    """The state of a gateway."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway

    def describe(self) -> Iterator[Metric]:
        """Return nothing: names are unique by construction, and a first look would find an unfinished gateway."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        """Return all families."""
        gateway = self._gateway
        services = list(gateway.services.values())
        yield from _services(services, gateway.loop.time())
        yield from _pools(services)
        yield _caches(services)
        yield from _classes(services)
        yield from _versions(services)
        yield from _sleepers(services, gateway.held(), gateway.demand.wakes)
        yield from _tenants(gateway.ledger.usage())


def _services(services: list[Served], now: float) -> Iterator[Metric]:
    in_flight = GaugeMetricFamily(
        "tidegate_gateway_in_flight_requests", "Requests that workers are answering.", labels=SERVICE
    )
    active = GaugeMetricFamily(
        "llm_active_requests", "Requests that wait or that workers are answering.", labels=SERVICE
    )
    batch = GaugeMetricFamily(
        "llm_batch_size",
        "Requests in the batches of all workers of the service, as their engines report it.",
        labels=SERVICE,
    )
    tokens = CounterMetricFamily(
        "tidegate_gateway_completion_tokens_total",
        "Tokens of answers, as engines counted them.",
        labels=SERVICE,
    )
    throughput = GaugeMetricFamily(
        "llm_throughput_tokens_per_second",
        "Tokens of answers per second, over the last minute.",
        labels=SERVICE,
    )
    for served in services:
        key = (served.model.namespace, served.model.service)
        endpoints = list(served.fleet.in_use())
        sent = sum(endpoint.requests for endpoint in endpoints)
        in_flight.add_metric(key, sent)
        active.add_metric(key, sent + sum(c.queued for p in served.dispatcher.figures() for c in p.classes))
        batch.add_metric(key, sum(e.report.running for e in endpoints if e.report is not None))
        tokens.add_metric(key, served.output.total)
        throughput.add_metric(key, served.output.per_second(now))
    yield from (in_flight, active, batch, tokens, throughput)


def _pools(services: list[Served]) -> Iterator[Metric]:
    ready = GaugeMetricFamily(
        "tidegate_gateway_ready_workers",
        "Workers that may be given requests. Zero means that requests are held until there is one, or refused.",
        labels=POOL,
    )
    used = GaugeMetricFamily(
        "tidegate_gateway_credits_used_tokens", "Tokens of this gateway's requests at workers.", labels=POOL
    )
    limit = GaugeMetricFamily(
        "tidegate_gateway_credits_limit_tokens",
        "Tokens that this gateway may have at workers; what is over waits here, where order can still be kept.",
        labels=POOL,
    )
    first = CounterMetricFamily(
        "tidegate_gateway_first_tokens_total",
        "Streams that began. Beside those that began late it tells how well the objective of their class is kept.",
        labels=POOL,
    )
    late = CounterMetricFamily(
        "tidegate_gateway_late_first_tokens_total",
        "Streams that began later than their class is promised (ttftMilliseconds in spec.qos). A rise means that more "
        "workers are needed, or that less should be admitted.",
        labels=POOL,
    )
    for served, pool in _each_pool(services):
        key = (served.model.namespace, served.model.service, pool.name)
        ready.add_metric(key, len(served.fleet.pools.get(pool.name, ())))
        used.add_metric(key, pool.credits_used)
        limit.add_metric(key, pool.credits_limit)
        first.add_metric(key, pool.demand.first_tokens)
        late.add_metric(key, pool.demand.late_first_tokens)
    yield from (ready, used, limit, first, late)


def _caches(services: list[Served]) -> Metric:
    cached = GaugeMetricFamily(
        "tidegate_gateway_kv_cache_used_ratio",
        "Share of the KV caches of a pool's workers in use, as their engines report it; absent where none does. Above "
        "0.85, requests are about to be preempted: more workers are needed.",
        labels=POOL,
    )
    for served, pool in _each_pool(services):
        workers = served.fleet.pools.get(pool.name, ())
        told = [worker.report.kv_used for worker in workers if worker.report is not None]
        if told:
            key = (served.model.namespace, served.model.service, pool.name)
            cached.add_metric(key, sum(told) / len(told))
    return cached


def _sleepers(
    services: list[Served], held: Mapping[Pool, int], wakes: Mapping[Pool, int]
) -> Iterator[Metric]:
    waiting = GaugeMetricFamily(
        "tidegate_gateway_held_requests",
        "Requests that wait for the first worker of a pool that has none. If it stays, no worker becomes ready: see "
        "the conditions of the LLMService.",
        labels=POOL,
    )
    woken = CounterMetricFamily(
        "tidegate_gateway_wakes_total",
        "How often requests found a pool without workers, and the operator was asked for some. Many mean that the "
        "pool falls asleep too soon: raise its idleSeconds.",
        labels=POOL,
    )
    for served, pool in _each_pool(services):
        key = (served.model.namespace, served.model.service, pool.name)
        waiting.add_metric(key, held.get(key, 0))
        woken.add_metric(key, wakes.get(key, 0))
    yield from (waiting, woken)


def _versions(services: list[Served]) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "tidegate_gateway_track_requests_total",
        "Requests that ended at workers of either version while a canary is there. Where more of the canary's fail "
        "than of stable's, its version is why: take the change back. Stable has answered those it could.",
        labels=[*SERVICE, "track", "result"],
    )
    for served in services:
        if served.counted is None:
            continue
        for track, tally in (("stable", served.counted.stable), ("canary", served.counted.canary)):
            key = (served.model.namespace, served.model.service, track)
            requests.add_metric((*key, "answered"), tally.requests - tally.errors)
            requests.add_metric((*key, "failed"), tally.errors)
    yield requests


def _classes(services: list[Served]) -> Iterator[Metric]:
    gauges = {
        "queued": GaugeMetricFamily(
            "tidegate_gateway_queued_requests", "Requests that wait for a worker with room.", labels=CLASS
        ),
        "running": GaugeMetricFamily(
            "tidegate_gateway_running_requests",
            "Requests of a class that workers are answering.",
            labels=CLASS,
        ),
        "share": GaugeMetricFamily(
            "tidegate_gateway_share_ratio",
            "Share of the tokens that the pool admitted in the last minute.",
            labels=CLASS,
        ),
    }
    counters = {
        "admitted_requests": CounterMetricFamily(
            "tidegate_gateway_admitted_requests_total", "Requests that were given to a worker.", labels=CLASS
        ),
        "admitted_tokens": CounterMetricFamily(
            "tidegate_gateway_admitted_tokens_total",
            "Tokens, prompt and expected answer, of requests that were given to a worker.",
            labels=CLASS,
        ),
        "spilled": CounterMetricFamily(
            "tidegate_gateway_spilled_requests_total",
            "Requests given to a pool that is not their class's own. Many of class high mean that its pool is small.",
            labels=CLASS,
        ),
        "preempted": CounterMetricFamily(
            "tidegate_gateway_preempted_requests_total",
            "Requests that gave a borrowed place back before their first byte, and waited again.",
            labels=CLASS,
        ),
        "expired": CounterMetricFamily(
            "tidegate_gateway_expired_requests_total",
            "Requests refused because they waited for longer than their class may. More workers are needed.",
            labels=CLASS,
        ),
        "overloaded": CounterMetricFamily(
            "tidegate_gateway_overloaded_requests_total",
            "Requests refused because the queue of their class was full. More workers are needed.",
            labels=CLASS,
        ),
    }
    for served, pool in _each_pool(services):
        for figures in pool.classes:
            key = (served.model.namespace, served.model.service, pool.name, figures.name)
            _add(gauges, counters, key, figures)
    yield from gauges.values()
    yield from counters.values()


def _add(
    gauges: dict[str, GaugeMetricFamily],
    counters: dict[str, CounterMetricFamily],
    key: tuple[str, ...],
    figures: ClassFigures,
) -> None:
    for name, gauge in gauges.items():
        gauge.add_metric(key, getattr(figures, name) or 0)
    for name, counter in counters.items():
        counter.add_metric(key, getattr(figures, name))


def _each_pool(services: list[Served]) -> Iterator[tuple[Served, PoolFigures]]:
    for served in services:
        for pool in served.dispatcher.figures():
            yield served, pool


def _tenants(usage: Iterable[Totals]) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "tidegate_gateway_tenant_requests_total", "Requests that a tenant was admitted with.", labels=TENANT
    )
    tokens = CounterMetricFamily(
        "tidegate_gateway_tenant_tokens_total",
        "Tokens that a tenant has used, as engines counted them.",
        labels=[*TENANT, "kind"],
    )
    for totals in list(usage):
        key = (totals.namespace, totals.tenant)
        requests.add_metric(key, totals.requests)
        tokens.add_metric((*key, "prompt"), totals.prompt_tokens)
        tokens.add_metric((*key, "completion"), totals.completion_tokens)
    yield from (requests, tokens)
