"""What goes wrong in a trial, and where: one fault at one call or event that a run without faults has shown. Pure.

Owns the names of faults and how calls are told apart. Must not bring any about.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from integration.api import Object

# Not of an LLMService's life: who leads, what was announced.
ASIDE = frozenset({"leases", "events"})
_METHODS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "read"}
_PLACE = re.compile(r"(?P<fault>[^@]+)@(?P<verb>[A-Za-z]+):(?P<target>[^#]+)#(?P<number>\d+)")


class Fault(StrEnum):
    """What is done to a call, to an event of a watch, or to a watch."""

    KILL_BEFORE = "kill-before"
    KILL_APPLIED = "kill-applied"
    KILL_AFTER = "kill-after"
    CONFLICT = "409"
    TOO_MANY = "429"
    BROKEN = "500"
    UNAVAILABLE = "503"
    HANG = "hang"
    APPLIED_THEN_LOST = "applied-then-lost"
    DROP = "drop"
    TWICE = "twice"
    FREEZE_SHORT = "freeze-6s"
    FREEZE_LONG = "freeze-20s"
    STALE_RESTART = "stale-restart"
    UNAUTHORIZED = "401"
    NOT_FOUND = "404"
    GONE = "410"
    GONE_EVENT = "410-event"
    ERROR_EVENT = "500-event"
    BROKEN_LINE = "broken-line"
    UNKNOWN_TYPE = "unknown-type"
    CLOSE = "close"
    REORDER = "reorder"
    SILENCE = "silence"


KILLS = (Fault.KILL_BEFORE, Fault.KILL_APPLIED, Fault.KILL_AFTER)
REFUSALS = (
    Fault.CONFLICT,
    Fault.TOO_MANY,
    Fault.BROKEN,
    Fault.UNAVAILABLE,
    Fault.HANG,
    Fault.APPLIED_THEN_LOST,
)
OF_READS = (Fault.BROKEN, Fault.HANG)
FREEZES = (Fault.FREEZE_SHORT, Fault.FREEZE_LONG)


@dataclass(frozen=True, slots=True)
class Place:
    """One call or event.

    `verb` is create, update, patch, delete, read, watch (the opening of one), or ADDED, MODIFIED, DELETED for an event.
    `number` counts those with the same verb and target from 1, since the workload began.
    """

    verb: str
    target: str
    number: int

    def __str__(self) -> str:
        return f"{self.verb}:{self.target}#{self.number}"

    @property
    def is_event(self) -> bool:
        """Tell whether this is an event of a watch."""
        return self.verb.isupper()

    @property
    def is_write(self) -> bool:
        """Tell whether this is a call that changes something."""
        return not self.is_event and self.verb not in ("read", "watch")


@dataclass(frozen=True, slots=True)
class Plan:
    """One fault at one place; in words, `kill-before@patch:services/chat#1`."""

    place: Place
    fault: Fault

    def __str__(self) -> str:
        return f"{self.fault}@{self.place}"

    @staticmethod
    def read(words: str) -> Plan:
        """Return the plan of these words; raises ValueError."""
        found = _PLACE.fullmatch(words)
        if found is None:
            raise ValueError(f"{words!r} names no fault and place, such as kill-before@patch:services/chat#1")
        place = Place(found["verb"], found["target"], int(found["number"]))
        return Plan(place, Fault(found["fault"]))


@dataclass(slots=True)
class Trace:
    """The places of one run in their order; gives each its number."""

    places: list[Place] = field(default_factory=list)
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def note(self, verb: str, target: str) -> Place:
        """Note one more call or event."""
        self._counts[verb, target] += 1
        place = Place(verb, target, self._counts[verb, target])
        self.places.append(place)
        return place


def call_of(method: str, path: str) -> tuple[str, str]:
    """Return verb and target of a request, the target without its namespace: `deployments/chat-shared`."""
    parts = path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if parts[:1] == ["namespaces"] and len(parts) > 2:
        parts = parts[2:]
    return _METHODS.get(method, method), steady("/".join(parts))


def event_of(event: Object, plural: str) -> tuple[str, str]:
    """Return type and target of a watch's event."""
    return str(event["type"]), f"{plural}/{steady(event['object']['metadata'].get('name', ''))}"


def steady(name: str) -> str:
    """Return a name without what the API server or a controller has made up, for a Pod of a ReplicaSet or of a Job."""
    name = re.sub(r"-[a-z0-9]{8,10}-[bcdfghjklmnpqrstvwxz2456789]{5}$", "-POD", name)
    name = re.sub(r"^(endpointslices/.+)-[bcdfghjklmnpqrstvwxz2456789]{5}$", r"\1-SLICE", name)
    return re.sub(r"(-inspect-[a-z0-9]+)-[bcdfghjklmnpqrstvwxz2456789]{5}$", r"\1-POD", name)
