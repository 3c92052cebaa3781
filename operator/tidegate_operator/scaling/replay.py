"""Decisions as lines that can be kept, and made again: the same facts must give the same decision.

Owns the format of a record: one JSON object per line, newest last. Must not read or write a file.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tidegate_operator.scaling import law
from tidegate_operator.scaling.facts import (
    Clamp,
    ColdStart,
    Decision,
    Demand,
    Fallback,
    Policy,
    RatePolicy,
    Rules,
    Sample,
    Schedule,
    Supply,
    Term,
    Worker,
)
from tidegate_operator.scaling.memory import Memory, thaw
from tidegate_operator.scaling.tuning import DEFAULT, Tuning


@dataclass(frozen=True, slots=True)
class Record:
    """One decision with all it was made from; `service` is "namespace/name".

    `memory`, which the first record of a series needs, is what it was made with, or what `law.remember` kept of it.
    """

    service: str
    pool: str
    sample: Sample
    supply: Supply
    policy: Policy
    cold_start: ColdStart
    now: float
    demand_mark: float | None
    decision: Decision
    memory: Memory | Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A decision that was made differently than it was recorded: the line, from 1, and both."""

    line: int
    recorded: Decision
    replayed: Decision


def dump(record: Record) -> str:
    """Return a record as one line, without its end."""
    return json.dumps(asdict(record), separators=(",", ":"), default=sorted)


def load(line: str) -> Record:
    """Return the record of a line; raises ValueError with what is wrong with one that is none."""
    try:
        told = json.loads(line)
        return Record(
            service=told["service"],
            pool=told["pool"],
            sample=_sample(told["sample"]),
            supply=Supply(**told["supply"]),
            policy=_policy(told["policy"]),
            cold_start=ColdStart(**told["cold_start"]),
            now=told["now"],
            demand_mark=told["demand_mark"],
            decision=_decision(told["decision"]),
            memory=_memory(told["memory"]),
        )
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"not a record of a scaling decision: {error!r}") from error


def replay(lines: Iterable[str], tuning: Tuning = DEFAULT) -> list[Difference]:
    """Return the records, of any number of pools, that the law decides differently now.

    A series that was not recorded from its beginning may differ until its memory is the same. Raises ValueError,
    naming the line, for one that is no record.
    """
    memories: dict[tuple[str, str], Memory] = {}
    differences = []
    for number, line in enumerate(lines, start=1):
        try:
            one = load(line)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
        place = one.service, one.pool
        if one.memory is not None or place not in memories:
            memories[place] = one.memory if isinstance(one.memory, Memory) else law.recall(one.memory or {})
        found, memories[place] = law.decide(
            memories[place],
            one.sample,
            one.supply,
            one.policy,
            one.cold_start,
            one.now,
            demand_mark=one.demand_mark,
            tuning=tuning,
        )
        if (found.wanted, found.binding) != (one.decision.wanted, one.decision.binding):
            differences.append(Difference(number, one.decision, found))
    return differences


def _memory(told: dict[str, Any] | None) -> Memory | dict[str, Any] | None:
    return thaw(told) if told and "learned" in told else told


def _sample(told: dict[str, Any]) -> Sample:
    workers = told["workers"]
    return Sample(
        **told
        | {
            "demand": None if told["demand"] is None else Demand(**told["demand"]),
            "workers": None if workers is None else tuple(Worker(**one) for one in workers),
            "silent": tuple(told.get("silent") or ()),
        }
    )


def _policy(told: dict[str, Any]) -> Policy:
    fallback = told["fallback"]
    return Policy(
        **told
        | {
            "scale_up": _rules(told["scale_up"]),
            "scale_down": _rules(told["scale_down"]),
            "schedules": tuple(
                Schedule(**one | {"days": frozenset(one["days"])}) for one in told["schedules"]
            ),
            "fallback": None if fallback is None else Fallback(**fallback),
        }
    )


def _rules(told: dict[str, Any]) -> Rules:
    return Rules(**told | {"policies": tuple(RatePolicy(**one) for one in told["policies"])})


def _decision(told: dict[str, Any]) -> Decision:
    return Decision(
        **told
        | {
            "terms": tuple(Term(**one) for one in told["terms"]),
            "clamps": tuple(Clamp(**one) for one in told["clamps"]),
        }
    )
