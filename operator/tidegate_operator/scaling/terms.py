"""What each signal by itself asks for, in replicas.

Owns the terms. A signal that was not measured has no term. Must not limit, delay, or compare with what there is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tidegate_operator.scaling import bins, capacity
from tidegate_operator.scaling.bins import Bin, Forecast
from tidegate_operator.scaling.capacity import Learned
from tidegate_operator.scaling.case import Case
from tidegate_operator.scaling.facts import Term, Worker

QUEUE_DEPTH = "QueueDepth"
KV_CACHE = "KVCacheUtilization"
CONCURRENCY = "Concurrency"
FORECAST = "Forecast"
ATTAINMENT = "Attainment"


@dataclass(frozen=True, slots=True)
class Asked:
    """The terms that had data, and why others had none."""

    terms: tuple[Term, ...]
    missing: Mapping[str, str]

    @property
    def most(self) -> Term | None:
        """Return the term that asks for most; of equal ones the first."""
        return max(self.terms, key=lambda one: one.replicas, default=None)

    def replicas(self, name: str) -> float:
        """Return what one term asks for; 0 if it had no data."""
        return next((one.replicas for one in self.terms if one.name == name), 0.0)


@dataclass(frozen=True, slots=True)
class _Pool:
    """The engines that count, and what one of them can do; `unread` scales sums over those read to all ready ones.

    `silent` ones of these could not be read for long, and are taken to be full.
    """

    workers: tuple[Worker, ...]
    ready: int
    silent: int
    unread: float
    learned: Learned
    kv_target: float
    # Requests at once that one replica takes.
    concurrency: float
    # What a token of a prompt and of an answer cost of an engine's time; None until it was learned.
    costs: tuple[float, float] | None
    # Tokens of an answer.
    output_length: float
    # Work in engine-seconds that what there is will have done besides what is expected, when another can be ready.
    spare: float = 0.0

    def left(self, prompt_tokens: float, output_tokens: float) -> float:
        """Return what will be left of waiting work, in engine-seconds, when another replica can be ready."""
        if self.costs is None:
            return 0.0
        return max(prompt_tokens * self.costs[0] + output_tokens * self.costs[1] - self.spare, 0.0)


def ask(
    case: Case, learned: Learned, history: Sequence[Bin], utilization: float, ghosts: frozenset[str]
) -> Asked:
    """Return what each signal asks for; `ghosts` are engines that say to be busy with requests that nobody holds."""
    pool = _pool(case, learned, ghosts)
    missing = dict(case.seen.missing)
    forecast = _forecast(case, pool, history, missing)
    base = 0.0
    if forecast is not None:
        there = case.supply.ready + case.supply.pending
        pool = replace(pool, spare=max(there - forecast.expected, 0.0) * case.start.p90)
        base = _feed_forward(case, forecast, utilization)
    found = (
        _queue_depth(case, pool, base),
        _kv_cache(case, pool),
        _concurrency(case, pool),
        None if forecast is None else Term(FORECAST, forecast.expected, utilization, base),
    )
    return Asked(tuple(one for one in found if one is not None), missing)


def _pool(case: Case, learned: Learned, ghosts: frozenset[str]) -> _Pool:
    policy, tuning = case.policy, case.tuning
    workers = tuple(one for one in case.seen.workers if one.name not in ghosts)
    ready = max(case.supply.ready - len(ghosts), len(workers))
    silent = min(case.seen.silent, ready - len(workers))
    kv_target = policy.kv_utilization_target or tuning.kv_utilization
    most = capacity.concurrency(learned, policy.concurrency_target, kv_target, tuning)
    costs = learned.costs
    return _Pool(
        workers=workers,
        ready=ready,
        silent=silent,
        # Those that could not be read just now are as busy as those that were.
        unread=(ready - silent) / len(workers) if workers else 1.0,
        learned=learned,
        kv_target=kv_target,
        concurrency=most,
        costs=(costs.prompt_token * learned.computed_share, costs.step / most + costs.sequence)
        if costs
        else None,
        output_length=learned.output_length(tuning),
    )


def _forecast(case: Case, pool: _Pool, history: Sequence[Bin], missing: dict[str, str]) -> Forecast | None:
    if pool.costs is None:
        missing["forecast"] = "how fast a replica is has not been measured yet"
        return None
    found = bins.forecast(
        history,
        pool.output_length * pool.costs[1],
        pool.costs[0],
        now=case.seen.at,
        horizon_seconds=case.start.p90,
        covered=case.tuning.covered(case.policy.qos_class),
        tuning=case.tuning,
    )
    if found is None:
        missing["forecast"] = "arrivals have not been counted in the last minute"
    return found


def _feed_forward(case: Case, forecast: Forecast, utilization: float) -> float:
    """Return what is needed for what is expected, and for what will have piled up until replicas come."""
    steady = (forecast.expected + forecast.reserve) / utilization
    # Those that start are half way there, as a rule.
    until = case.start.p50 * (0.5 if case.supply.pending else 1.0)
    piled_up = max(forecast.expected - case.supply.ready, 0.0) * until
    return max(steady, forecast.expected + piled_up / case.tuning.piled_up_seconds)


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
    excess = pool.left(tokens, 0.0) - case.supply.ready * objective
    # Replicas that start are the answer to it already.
    asks = base + excess / tuning.backlog_seconds if excess > 0 and not case.supply.pending else 0.0
    return Term(QUEUE_DEPTH, queued, objective / (pool.costs[0] * length), asks)


def _kv_cache(case: Case, pool: _Pool) -> Term | None:
    """Return what the cache asks for: what is in use, and what those will use that wait for long."""
    demand, size, workers = case.seen.demand, pool.learned.kv_capacity_tokens, pool.workers
    if not workers and (pool.ready or not size or demand is None):
        return None
    mean = sum(one.kv_used for one in workers) / len(workers) if workers else 0.0
    waiting = 0.0
    if demand and size:
        prompts, outputs = demand.queued_prompt_tokens, demand.queued_output_tokens
        waiting = (prompts + outputs) / size * _lasting(pool, prompts, outputs)
    used = mean * (pool.ready - pool.silent) + pool.kv_target * pool.silent + waiting
    return Term(KV_CACHE, used / max(pool.ready, 1), pool.kv_target, used / pool.kv_target)


def _lasting(pool: _Pool, prompt_tokens: float, output_tokens: float) -> float:
    """Return the share of what waits that will still wait when another replica can be ready: all until it is known."""
    if pool.costs is None or not prompt_tokens + output_tokens:
        return 1.0
    return pool.left(prompt_tokens, output_tokens) / (
        prompt_tokens * pool.costs[0] + output_tokens * pool.costs[1]
    )


def _concurrency(case: Case, pool: _Pool) -> Term | None:
    """Return what all requests that wait or run ask for.

    More than there is only so far as they will not have been worked off when it can be ready; a user's own target is
    kept to the letter.
    """
    demand = case.seen.demand
    if demand is None and not pool.workers:
        return None
    in_engines = pool.unread * sum(one.running + one.waiting for one in pool.workers)
    in_engines += pool.silent * pool.concurrency
    at_once = demand.queued + max(float(demand.running), in_engines) if demand else in_engines
    asks = at_once / pool.concurrency
    there = case.supply.ready + case.supply.pending
    if asks > there > 0 and pool.costs is not None and case.policy.concurrency_target is None:
        above = at_once - there * pool.concurrency
        left = pool.left(above * pool.learned.prompt_length, above * pool.output_length)
        asks = there + min(asks - there, left / case.tuning.backlog_seconds)
    return Term(CONCURRENCY, at_once, pool.concurrency, asks)
