"""How a loader's Job ended: the model that it brought, or why there is none.

Owns the reading of its last words. Must not decide what follows.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tidegate_api.names import EXIT_MEND, LOADER_CONTAINER, LOADER_REASONS
from tidegate_operator.facts import Manifest
from tidegate_operator.models.facts import ModelFacts

_MOST_CHARACTERS: Final = 1500
# A Job that has failed waits for its Pod to end; on a node that is gone it never does.
_LAST_WORDS: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a loader brought: the pinned commit, its directory in the cache, bytes there, and what had to go for it."""

    revision: str
    path: str
    bytes: int
    license: str | None
    shape: Mapping[str, Any] | None
    evicted: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Failed:
    """Why it brought nothing, and what had to go for it. `passes`: another try may do better without anybody's help."""

    reason: str
    message: str
    passes: bool
    at: datetime
    evicted: tuple[str, ...] = ()


def outcome(job: Manifest, facts: ModelFacts) -> Loaded | Failed | None:
    """Return how a Job ended, None while it has not."""
    given_up = None
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition.get("status") != "True":
            continue
        at = moment(condition.get("lastTransitionTime")) or facts.now
        match condition["type"]:
            case "Complete" | "Failed" as kind:
                return _read(job, facts, at, is_complete=kind == "Complete")
            case "FailureTarget":
                given_up = at
    if given_up is not None and facts.now >= given_up + _LAST_WORDS:
        return _read(job, facts, given_up, is_complete=False)
    return None


def overdue(job: Manifest) -> datetime | None:
    """Return when a Job that has failed is not waited for any longer, None for one that goes on."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition["type"] == "FailureTarget" and condition.get("status") == "True":
            at = moment(condition.get("lastTransitionTime"))
            return at + _LAST_WORDS if at is not None else None
    return None


def evictions(facts: ModelFacts) -> dict[str, datetime]:
    """Return the directories that loaders of this cache have removed, and when they had ended."""
    found: dict[str, datetime] = {}
    for job in facts.jobs:
        ended = outcome(job, facts)
        if ended is not None:
            found |= {path: max(ended.at, found.get(path, ended.at)) for path in ended.evicted}
    return found


def moment(text: str | None) -> datetime | None:
    """Return a time as Kubernetes writes it."""
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _read(job: Manifest, facts: ModelFacts, at: datetime, *, is_complete: bool) -> Loaded | Failed:
    pods = facts.pods_of(job)
    ends = [end for pod in pods for end in _ends(pod)]
    if not ends:
        return Failed("LoaderFailed", _without_a_word(job, pods), passes=True, at=at)
    end = ends[0]
    said = _said(str(end.get("message", "")))
    if is_complete and said is not None:
        loaded = _loaded(said, at)
        if loaded is not None:
            return loaded
    code = int(end.get("exitCode", 0))
    if said is not None and said.get("reason") in LOADER_REASONS and isinstance(said.get("message"), str):
        message, passes = _clip(said["message"]), code != EXIT_MEND
        return Failed(said["reason"], message, passes=passes, at=at, evicted=_evicted(said))
    return Failed("LoaderFailed", _by_the_code(job, end, code), passes=True, at=at)


def _loaded(said: Mapping[str, Any], at: datetime) -> Loaded | None:
    revision, path = said.get("revision"), said.get("path")
    size, shape, terms = said.get("bytes"), said.get("shape"), said.get("license")
    if not isinstance(revision, str) or not isinstance(path, str) or not isinstance(size, int):
        return None
    return Loaded(
        revision=revision[:128],
        path=path[:512],
        bytes=max(size, 0),
        license=terms[:128] if isinstance(terms, str) else None,
        shape=shape if isinstance(shape, dict) else None,
        evicted=_evicted(said),
        at=at,
    )


def _evicted(said: Mapping[str, Any]) -> tuple[str, ...]:
    told = said.get("evicted")
    return tuple(one for one in told if isinstance(one, str)) if isinstance(told, list) else ()


def _ends(pod: Manifest) -> Iterator[Mapping[str, Any]]:
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        end = (container.get("state") or {}).get("terminated")
        if container.get("name") == LOADER_CONTAINER and end is not None:
            yield end


def _said(message: str) -> Mapping[str, Any] | None:
    try:
        said = json.loads(message)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _by_the_code(job: Manifest, end: Mapping[str, Any], code: int) -> str:
    if end.get("reason") == "OOMKilled":
        return (
            f"the loader of Job {job['metadata']['name']!r} was killed for using more memory than its limit: have an "
            "administrator raise models.resources.limits.memory in the chart's values"
        )
    words = _clip(" ".join(str(end.get("message", "")).split()))
    last = f"; the last it said: {words}" if words else ", without a word"
    return f"the loader of Job {job['metadata']['name']!r} ended with exit code {code}{last}"


def _without_a_word(job: Manifest, pods: tuple[Manifest, ...]) -> str:
    name = job["metadata"]["name"]
    words = [str((pod.get("status") or {}).get("message") or "") for pod in pods]
    said = _clip(next((word for word in words if word), ""))
    why = f": {said}" if said else ", as when its node is gone or the Pod was deleted"
    return (
        f"the Pod of Job {name!r} ended before the loader could say anything{why}; what is in the cache stays"
    )


def _clip(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"
