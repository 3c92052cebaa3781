"""How far the rollout of an LLMService is, as lines for a terminal.

Owns the words. Must not ask a cluster, read the clock, or decide anything: all of it stands in the status.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Json = Mapping[str, Any]
_PHASES: Final[Mapping[str, str]] = {
    "Stable": "all workers are of version {revision}",
    "Canary": "version {canaryRevision} is tried beside {revision}",
    "Promoting": "all workers become of version {canaryRevision}; they were of {revision}",
    "RollingBack": "version {canaryRevision} is taken back, {revision} serves on",
    "RolledBack": "version {canaryRevision} was taken back, {revision} serves",
}


def lines(service: Json) -> Iterator[str]:
    """Yield all there is to say about the versions of a service."""
    rollout = (service.get("status") or {}).get("rollout") or {}
    if rollout.get("phase") not in _PHASES:
        yield "Nothing is known yet: the operator has not looked at this LLMService."
        return
    names = {"revision": rollout.get("revision", "?"), "canaryRevision": rollout.get("canaryRevision", "?")}
    yield f"{rollout['phase']}: {_PHASES[rollout['phase']].format_map(names)}"
    if rollout.get("step") and rollout["phase"] in ("Canary", "Promoting"):
        steps = f" of {rollout['steps']}" if rollout.get("steps") else ""
        yield f"  step {rollout['step']}{steps}, {rollout.get('weight', 0)} % of the conversations"
    if rollout.get("verdict"):
        yield f"  {rollout['verdict']}: {rollout.get('message', '')}"
    elif rollout.get("message"):
        yield f"  {rollout['message']}"
    if rollout.get("golden"):
        yield f"  golden prompts answered as expected: {rollout['golden']}"
    for track, name in (("stable", names["revision"]), ("canary", names["canaryRevision"])):
        if track in rollout:
            yield f"  {name}: {_figures(rollout[track])}"


def undecided(service: Json) -> str | None:
    """Return the version about which a person may decide, None while there is none."""
    rollout = (service.get("status") or {}).get("rollout") or {}
    found: str | None = rollout.get("canaryRevision") if rollout.get("phase") == "Canary" else None
    return found


def _figures(found: Json) -> str:
    said = f"{found.get('requests', 0)} requests, {found.get('errors', 0)} failed"
    if "ttftP90Milliseconds" not in found:
        return said
    return (
        f"{said}; time to the first token {found.get('ttftP50Milliseconds')} ms (median), "
        f"{found['ttftP90Milliseconds']} ms (90th percentile)"
    )
