"""What is asked of a pool, from what the gateways say at two moments.

Owns the differences of their counters. A gateway that was not heard, or does not count, makes the whole unknown: a part
is not less than all. Must not do I/O or read a clock.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from tidegate_operator.census import Census, PoolCounters, PoolReading
from tidegate_operator.facts import Key
from tidegate_operator.scaling.facts import Demand


@dataclass(frozen=True, slots=True)
class Counted:
    """What each gateway process had counted of a pool at a moment when all of them were heard; `at` in Unix time."""

    at: float
    by_process: Mapping[str, PoolCounters] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known of a pool's demand: None, with the reason; else since when, and what to compare with next time.

    `seconds` is 0 the first time: then nothing is known of what has come and ended.
    """

    demand: Demand | None
    seconds: float
    counted: Counted | None
    missing: str = ""


def hear(service: Key, pool: str, census: Census | None, before: Counted | None, now: float) -> Heard:
    """Return the demand of a pool, given what was counted when all gateways were heard last."""
    missing = _why_not(service, pool, census)
    if missing or census is None:
        return Heard(None, 0.0, before, missing)
    readings = {one.instance: one.pools[service][pool] for one in census.readings.values()}
    counted = {name: one.counters or PoolCounters() for name, one in readings.items()}
    known = before.by_process if before is not None else {}
    # Of a process that is new to us nobody knows how much of it is new.
    grown = [_grown(now_, known[name]) for name, now_ in counted.items() if name in known]
    seconds = 0.0 if before is None else max(now - before.at, 0.0)
    return Heard(_demand(readings, grown), seconds, Counted(now, counted))


def _why_not(service: Key, pool: str, census: Census | None) -> str:
    """Return why the demand of a pool is not known, empty if it is."""
    if census is None:
        return "no gateway was asked yet"
    if census.unheard:
        return f"gateway {', '.join(census.unheard)} did not answer"
    if not census.readings:
        return "there is no gateway that answers"
    for one in census.readings.values():
        found = one.pools.get(service, {}).get(pool)
        if found is None:
            return "a gateway does not know the pool yet"
        if found.counters is None:
            return "a gateway is of a version that does not count requests"
    return ""


def _demand(readings: Mapping[str, PoolReading], grown: list[PoolCounters]) -> Demand:
    pools = readings.values()
    return Demand(
        queued=sum(one.queued for pool in pools for one in pool.classes.values()),
        running=sum(one.running for pool in pools for one in pool.classes.values()),
        queued_prompt_tokens=sum(pool.queued_prompt_tokens for pool in pools),
        queued_output_tokens=sum(pool.queued_output_tokens for pool in pools),
        arrived_requests=sum(one.arrived_requests for one in grown),
        arrived_prompt_tokens=sum(one.arrived_prompt_tokens for one in grown),
        finished_requests=sum(one.finished_requests for one in grown),
        finished_output_tokens=sum(one.finished_output_tokens for one in grown),
        first_tokens=sum(one.first_tokens for one in grown),
        late_first_tokens=sum(one.late_first_tokens for one in grown),
    )


def _grown(now: PoolCounters, before: PoolCounters) -> PoolCounters:
    """Return what was counted since; a process's counters never fall, so one that did was read twice out of order."""
    was = asdict(before)
    return PoolCounters(**{name: max(value - was[name], 0) for name, value in asdict(now).items()})
