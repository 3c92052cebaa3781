"""The API server's audit log: who called for what, how often, and when.

Owns its reading. Must not know what is allowed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from tidegate_bench.operator.plane import BENCH, OPERATOR

WRITES: Final = frozenset({"create", "update", "patch", "delete", "deletecollection"})
# What is asked for regardless of what there is.
_OWN: Final = frozenset({"leases", "endpointslices"})


class _User(msgspec.Struct):
    username: str = ""


class _Reference(msgspec.Struct):
    resource: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""


class _Status(msgspec.Struct):
    code: int = 0


class _Event(msgspec.Struct):
    stage: str
    verb: str
    user: _User
    requestReceivedTimestamp: datetime
    stageTimestamp: datetime
    objectRef: _Reference | None = None
    responseStatus: _Status | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One call that was answered: what for, when it came and when it was answered, in Unix time."""

    user: str
    verb: str
    resource: str
    namespace: str
    name: str
    code: int
    began: float
    ended: float

    @property
    def is_write(self) -> bool:
        """Tell whether it changes anything."""
        return self.verb in WRITES


def calls(log: Path, since: int = 0) -> Iterator[Call]:
    """Yield the calls from an offset of the log on."""
    decode = msgspec.json.Decoder(_Event).decode
    with log.open("rb") as lines:
        lines.seek(since)
        for line in lines:
            if not line.endswith(b"\n"):
                return
            event = decode(line)
            if event.stage == "ResponseComplete" and event.objectRef is not None:
                yield _call(event, event.objectRef)


def _call(event: _Event, of: _Reference) -> Call:
    return Call(
        event.user.username,
        event.verb,
        f"{of.resource}/{of.subresource}" if of.subresource else of.resource,
        of.namespace,
        of.name,
        event.responseStatus.code if event.responseStatus else 0,
        event.requestReceivedTimestamp.timestamp(),
        event.stageTimestamp.timestamp(),
    )


def end(log: Path) -> int:
    """Return the present end of the log."""
    return log.stat().st_size if log.exists() else 0


def of_operator(found: Iterable[Call]) -> list[Call]:
    """Return the operator's calls about anything but its Lease and the gateway."""
    return [one for one in found if one.user == OPERATOR and one.resource not in _OWN]


def counted(found: Iterable[Call]) -> dict[str, int]:
    """Return how often what was done, by verb and resource."""
    return dict(Counter(f"{one.verb} {one.resource}" for one in found).most_common())


def delays(found: Iterable[Call]) -> list[float]:
    """Return the seconds from each change of an LLMService by us until the operator's write to a Deployment of it."""
    asked: dict[tuple[str, str], float] = {}
    done: dict[tuple[str, str], float] = {}
    for one in found:
        key = one.namespace, one.name
        if one.user == BENCH and one.resource == "llmservices" and one.verb == "patch":
            asked[key] = one.ended
        elif one.user == OPERATOR and one.resource == "deployments" and one.is_write:
            owner = one.namespace, one.name.rpartition("-")[0]
            if owner in asked and owner not in done:
                done[owner] = max(0.0, one.began - asked[owner])
    missing = asked.keys() - done.keys()
    if missing:
        raise RuntimeError(f"{len(missing)} changes were not followed by a write, such as {min(missing)}")
    return list(done.values())
