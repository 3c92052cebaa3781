"""What of a sample can be used: everything else is missing, with the reason, and never zero.

Owns the line between a measurement and none. Must not decide what follows from either.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import isfinite

from tidegate_operator.scaling.facts import Demand, Sample, Supply, Worker
from tidegate_operator.scaling.tuning import Tuning


@dataclass(frozen=True, slots=True)
class Seen:
    """What can be used of a sample: `demand` None if the gateways were not heard, `workers` those that were read.

    `silent` workers could not be read for long, while others were: they count as full, so that these may still go.
    `interval_seconds` is 0 where what has come or ended since the sample before cannot be told.
    """

    at: float
    interval_seconds: float
    demand: Demand | None
    workers: tuple[Worker, ...]
    is_every_worker: bool
    missing: Mapping[str, str]
    silent: int = 0

    @property
    def is_complete(self) -> bool:
        """Return whether nothing is missing that could speak against fewer replicas."""
        return self.demand is not None and self.is_every_worker

    @property
    def is_nothing(self) -> bool:
        """Return whether nothing was measured at all."""
        return self.demand is None and not self.workers


def see(sample: Sample, supply: Supply, now: float, tuning: Tuning) -> Seen:
    """Return what can be used of a sample at `now`."""
    age = _age(sample.at, now)
    if not -tuning.ahead_seconds <= age <= tuning.stale_seconds:
        reason = _age_reason(age)
        return Seen(now, 0.0, None, (), supply.ready == 0, {"demand": reason, "workers": reason})
    missing: dict[str, str] = {}
    demand = _demand(sample, missing)
    if sample.is_counted_only:
        return Seen(sample.at, _interval(sample), demand, (), True, missing)
    workers = _workers(sample, supply.ready, missing)
    silent = _silent(sample, workers, supply.ready)
    is_every = len(workers) + silent >= supply.ready
    return Seen(sample.at, _interval(sample), demand, workers, is_every, missing, silent)


def _interval(sample: Sample) -> float:
    return sample.interval_seconds if _is_sane((sample.interval_seconds,)) else 0.0


def _age(at: float, now: float) -> float:
    return now - at if isinstance(at, (int, float)) and isfinite(at) else float("inf")


def _age_reason(age: float) -> str:
    if age < 0:
        return f"what was read is dated {-age:.0f} s in the future: compare the clocks of the nodes"
    return f"what was read is {age:.0f} s old" if isfinite(age) else "what was read has no valid time"


def _demand(sample: Sample, missing: dict[str, str]) -> Demand | None:
    demand = sample.demand
    if demand is None:
        missing["demand"] = sample.sources.get("demand", "not every gateway was heard")
    elif not _is_sane(getattr(demand, name) for name in Demand.__slots__):
        missing["demand"] = "a gateway reported a number that cannot be"
        return None
    return demand


def _workers(sample: Sample, ready: int, missing: dict[str, str]) -> tuple[Worker, ...]:
    by_name: dict[str, Worker] = {}
    for worker in sample.workers or ():
        if not _is_sane_worker(worker):
            continue
        before = by_name.get(worker.name)
        if before is None or _load(worker) > _load(before):
            by_name[worker.name] = _with_sane_pace(worker)
    if len(by_name) < ready:
        why = sample.sources.get("workers", "")
        missing["workers"] = f"{ready - len(by_name)} of {ready} ready replicas could not be read" + (
            f": {why}" if why else ""
        )
    return tuple(by_name.values())


def _silent(sample: Sample, workers: tuple[Worker, ...], ready: int) -> int:
    """Return how many ready workers have not been read for long; where none was read, nobody knows what that means."""
    if not workers:
        return 0
    left = set(sample.silent) - {one.name for one in workers}
    return min(len(left), max(ready - len(workers), 0))


def _load(worker: Worker) -> tuple[float, int]:
    return worker.kv_used, worker.waiting + worker.running


def _is_sane_worker(worker: Worker) -> bool:
    counts = (
        worker.prompt_tokens,
        worker.cached_prompt_tokens,
        worker.output_tokens,
        worker.kv_capacity_tokens,
    )
    return _is_sane((worker.waiting, worker.running, worker.kv_used, *counts)) and worker.kv_used <= 1.0


def _with_sane_pace(worker: Worker) -> Worker:
    pace = worker.inter_token_seconds
    if pace is None or (_is_sane((pace,)) and pace > 0):
        return worker
    return replace(worker, inter_token_seconds=None)


def _is_sane(values: Iterable[object]) -> bool:
    return all(isinstance(one, (int, float)) and isfinite(one) and one >= 0 for one in values)
