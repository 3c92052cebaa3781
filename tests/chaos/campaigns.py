"""Which faults are tried where: every plan of a campaign comes from what runs without a fault have shown. Pure.

Owns the campaigns. A campaign never invents a place: if the operator writes less, there are fewer trials.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from chaos import watchfaults
from chaos.faults import FREEZES, KILLS, OF_READS, REFUSALS, Fault, Place, Plan, Trace

T = TypeVar("T")
Trial = tuple[str, Plan]


@dataclass(frozen=True)
class Campaign:
    """Some kind of fault, tried everywhere: `plans` are those for one workload that has come by these places."""

    words: str
    plans: Callable[[str, Sequence[Place]], list[Plan]]


# What takes something away: there an old view of the world does harm.
TAKING = frozenset(
    {
        "scale-down",
        "pool-removed",
        "adapter-removed",
        "delete",
        "replace",
        "suspend",
        "new-version",
        "other-model",
    }
)


def _kills(_: str, places: Sequence[Place]) -> list[Plan]:
    return [Plan(place, fault) for place in places if place.is_write for fault in KILLS]


def _refusals(_: str, places: Sequence[Place]) -> list[Plan]:
    asked = [Plan(place, fault) for place in places if place.is_write for fault in REFUSALS]
    # Everything is read again and again: what happens to the first time may happen to any.
    reads = [place for place in places if place.verb == "read" and place.number == 1]
    return asked + [Plan(place, fault) for place in reads for fault in OF_READS]


def _unseen(_: str, places: Sequence[Place]) -> list[Plan]:
    return [Plan(place, Fault.DROP) for place in places if place.is_event]


def _stale(workload: str, places: Sequence[Place]) -> list[Plan]:
    if workload not in TAKING:
        return []
    old = [Plan(place, fault) for place in places if place.is_event for fault in FREEZES]
    return old + [Plan(place, Fault.STALE_RESTART) for place in places if place.is_write]


CAMPAIGNS: Mapping[str, Campaign] = {
    "kills": Campaign(
        "SIGKILL before each write, once it is done but not answered, and after its answer", _kills
    ),
    "refusals": Campaign(
        "each write refused (409, 429, 500, 503), unanswered for 30 s, or done and its answer lost; "
        "each read refused or unanswered",
        _refusals,
    ),
    "unseen": Campaign("each event of a watch is lost, and the next one on its object is seen", _unseen),
    "stale": Campaign(
        "watches and lists stand still for 6 or 20 s from each event on; a restart that sees the world of before",
        _stale,
    ),
    "watches": Campaign(watchfaults.WORDS, watchfaults.plans),
}


def common(traces: Sequence[Trace]) -> list[Place]:
    """Return the places that every run has come by, in the order of the first."""
    others = [set(trace.places) for trace in traces[1:]]
    return [place for place in traces[0].places if all(place in other for other in others)]


def trials(part: str, places: Mapping[str, Sequence[Place]]) -> list[Trial]:
    """Return all trials of a campaign, by the places of each workload."""
    plans = CAMPAIGNS[part].plans
    return [(name, plan) for name, found in places.items() for plan in plans(name, found)]


def sample(every: Sequence[T], count: int, seed: int) -> list[T]:
    """Return so many of the trials, drawn by the seed, in their order."""
    if count >= len(every):
        return list(every)
    chosen = set(random.Random(seed).sample(range(len(every)), count))
    return [trial for index, trial in enumerate(every) if index in chosen]
