"""What each signal by itself asks for, in replicas.

Owns the terms. A signal that was not measured has no term. Must not limit, delay, or compare with what there is.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tidegate_operator.scaling import bins, capacity
from tidegate_operator.scaling.bins import Bin, Forecast
from tidegate_operator.scaling.capacity import Costs, Learned
from tidegate_operator.scaling.case import Case
from tidegate_operator.scaling.facts import Term, Worker

QUEUE_DEPTH = "QueueDepth"
KV_CACHE = "KVCacheUtilization"
CONCURRENCY = "Concurrency"
FORECAST = "Forecast"
ATTAINMENT = "Attainment"


@dataclass(frozen=True, slots=True)
class Asked:
    """The terms that had data, and why others had none; `forecast` is what the Forecast term rests on."""

    terms: tuple[Term, ...]
    missing: Mapping[str, str]
    forecast: Forecast | None

    @property
    def most(self) -> Term | None:
        """Return the term that asks for most; of equal ones the first."""
        return max(self.terms, key=lambda one: one.replicas, default=None)

    def replicas(self, name: str) -> float:
        """Return what one term asks for; 0 if it had no data."""
        return next((one.replicas for one in self.terms if one.name == name), 0.0)


@dataclass(frozen=True, slots=True)
class _Pool:
    """The engines that count, and what one of them can do; `unread` scales sums over those read to all ready ones."""

    workers: tuple[Worker, ...]
    ready: int
    unread: float
    learned: Learned
    # None until it was learned.
    costs: Costs | None
    kv_target: float
    # Requests at once that one replica takes.
    concurrency: float

    @property
    def token_seconds(self) -> float:
        """Return what one token of a prompt costs, as much of it as is cached."""
        return self.costs.prompt_token * self.learned.computed_share if self.costs else 0.0


def ask(
    case: Case, learned: Learned, history: tuple[Bin, ...], utilization: float, ghosts: frozenset[str]
) -> Asked:
    """Return what each signal asks for; `ghosts` are engines that say to be busy with requests that nobody holds."""
    pool = _pool(case, learned, ghosts)
    missing = dict(case.seen.missing)
    forecast = _forecast(case, pool, history, missing)
    base = _feed_forward(case, forecast, utilization)
    found = (
        _queue_depth(case, pool, base),
        _kv_cache(case, pool),
        _concurrency(case, pool),
        None if forecast is None else Term(FORECAST, forecast.expected, utilization, base),
    )
    return Asked(tuple(one for one in found if one is not None), missing, forecast)


def _pool(case: Case, learned: Learned, ghosts: frozenset[str]) -> _Pool:
    policy, tuning = case.policy, case.tuning
    workers = tuple(one for one in case.seen.workers if one.name not in ghosts)
    ready = max(case.supply.ready - len(ghosts), len(workers))
    kv_target = policy.kv_utilization_target or tuning.kv_utilization
    return _Pool(
        workers=workers,
        ready=ready,
        # Those that could not be read are as busy as those that were.
        unread=ready / len(workers) if workers else 1.0,
        learned=learned,
        costs=learned.known_costs(tuning),
        kv_target=kv_target,
        concurrency=capacity.concurrency(learned, policy.concurrency_target, kv_target, tuning),
    )


def _forecast(case: Case, pool: _Pool, history: tuple[Bin, ...], missing: dict[str, str]) -> Forecast | None:
    if pool.costs is None:
        missing["forecast"] = "how fast a replica is has not been measured yet"
        return None
    per_token = pool.costs.step / pool.concurrency + pool.costs.sequence
    found = bins.forecast(
        history,
        pool.learned.output_length(case.tuning) * per_token,
        pool.token_seconds,
        now=case.seen.at,
        horizon_seconds=case.start.p90,
        tuning=case.tuning,
    )
    if found is None:
        missing["forecast"] = "arrivals have not been counted in the last minute"
    return found


def _feed_forward(case: Case, forecast: Forecast | None, utilization: float) -> float:
    if forecast is None:
        return 0.0
    reserve = case.tuning.z(case.policy.qos_class) * forecast.deviation
    return (forecast.expected + reserve) / utilization


def _queue_depth(case: Case, pool: _Pool, base: float) -> Term | None:
    """Return what those that wait ask for: by the user's target, or so that their prompts are computed soon enough.

    `base` is what those that will come need anyway.
    """
    demand, policy, tuning = case.seen.demand, case.policy, case.tuning
    if demand is None and not pool.workers:
        return None
    in_engines = pool.unread * sum(one.waiting for one in pool.workers)
    queued = in_engines + (demand.queued if demand else 0)
    if policy.queue_depth_target is not None:
        return Term(QUEUE_DEPTH, queued, policy.queue_depth_target, queued / policy.queue_depth_target)
    length = pool.learned.prompt_length
    if pool.costs is None or length <= 0:
        return Term(QUEUE_DEPTH, queued, pool.concurrency, queued / pool.concurrency)
    tokens = in_engines * length + (demand.queued_prompt_tokens if demand else 0)
    objective = policy.ttft_slo_seconds or tuning.ttft_seconds
    excess = (pool.token_seconds * tokens - case.supply.ready * objective) / tuning.backlog_seconds
    # Replicas that start are the answer to it already.
    asks = base + excess if excess > 0 and not case.supply.pending else 0.0
    return Term(QUEUE_DEPTH, queued, objective / (pool.token_seconds * length), asks)


def _kv_cache(case: Case, pool: _Pool) -> Term | None:
    """Return what the cache asks for: what is in use, and what those that wait will use."""
    demand, size, workers = case.seen.demand, pool.learned.kv_capacity_tokens, pool.workers
    if not workers and (pool.ready or not size or demand is None):
        return None
    waiting = (demand.queued_prompt_tokens + demand.queued_output_tokens) / size if demand and size else 0.0
    mean = sum(one.kv_used for one in workers) / len(workers) if workers else 0.0
    return Term(KV_CACHE, mean, pool.kv_target, (mean * pool.ready + waiting) / pool.kv_target)


def _concurrency(case: Case, pool: _Pool) -> Term | None:
    """Return what all requests that wait or run ask for."""
    demand = case.seen.demand
    if demand is None and not pool.workers:
        return None
    in_engines = pool.unread * sum(one.running + one.waiting for one in pool.workers)
    at_once = demand.queued + max(float(demand.running), in_engines) if demand else in_engines
    return Term(CONCURRENCY, at_once, pool.concurrency, at_once / pool.concurrency)
