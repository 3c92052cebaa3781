"""How a worker ended, in words: what it said itself, what the kernel did, or the last lines of its log.

Owns the reading of a termination. Must not know Pods beyond that.
"""

import json
import re
from collections.abc import Iterator

from tidegate_api.names import WORKER_CONTAINER
from tidegate_operator.conditions import pods
from tidegate_operator.conditions.chain import Finding
from tidegate_operator.conditions.scene import Scene

MODEL_REASONS = frozenset(
    {"ModelNotFound", "CorruptWeights", "UnsafeFormat", "UnsupportedArchitecture", "InvalidModelConfig"}
)
WORKLOAD_REASONS = frozenset({"InsufficientMemory", "GroupRestarting"})
_KILLED = 137
_LAST_LINES = 8
_LAST_CHARACTERS = 1000
# Colours and whatever else a terminal would obey; a status is read in many places.
_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


def crashes(scene: Scene) -> Iterator[Finding]:
    """Yield how each container that is not up last ended; who only ended because another had comes last."""
    found = (_finding(end, scene) for pod in scene.members for end in pods.ended(pod))
    yield from sorted(found, key=lambda one: one.reason == "GroupRestarting")


def _finding(end: pods.Ended, scene: Scene) -> Finding:
    is_custom = scene.plan is not None and scene.plan.service.custom is not None
    # What another engine writes is its own: our reasons in it would be chance.
    spoken = None if is_custom else _spoken(end)
    if spoken is not None:
        return spoken
    memory = _memory_limit(scene)
    who = f"container {end.container!r} of Pod {end.pod!r}"
    if end.reason == "OOMKilled":
        return Finding(
            "OutOfMemory",
            f"{who} was killed for using more memory than its limit{memory}: raise spec.resources.limits.memory, "
            + (
                "or have it use less, by spec.engine.args"
                if is_custom
                else "or lower spec.engine.maxModelLen or spec.engine.maxNumSeqs"
            ),
        )
    if end.exit_code == _KILLED:
        return Finding(
            "OutOfMemory",
            f"{who} was killed (exit code 137): most often for want of memory{memory}, else because it did not "
            "answer its liveness probe; try a higher spec.resources.limits.memory",
        )
    if end.reason in ("StartError", "ContainerCannotRun"):
        return Finding("ContainerNotCreated", f"{who} cannot be started: {_tail(end.message)}")
    log = _tail(end.message)
    words = f"; the last it said: {log}" if log else ", without a word"
    return Finding(
        "EngineCrashed", f"{who} ended with exit code {end.exit_code} and is being started again{words}"
    )


def _spoken(end: pods.Ended) -> Finding | None:
    """Return what the worker itself wrote as its last word, None where the engine's log is all there is."""
    if end.container != WORKER_CONTAINER or not end.message.strip():
        return None
    try:
        said = json.loads(end.message.strip().splitlines()[-1])
    except (ValueError, RecursionError):
        return None
    reason = said.get("reason") if isinstance(said, dict) else None
    if not isinstance(reason, str) or reason not in MODEL_REASONS | WORKLOAD_REASONS:
        return None
    return Finding(reason, f"{_clean(str(said.get('message', '')))} (Pod {end.pod!r})")


def _tail(log: str) -> str:
    lines = [line.rstrip() for line in _clean(log).splitlines() if line.strip()]
    return "\n".join(lines[-_LAST_LINES:])[-_LAST_CHARACTERS:]


def _clean(text: str) -> str:
    return _CONTROL.sub("", text)


def _memory_limit(scene: Scene) -> str:
    limit = scene.plan.service.limits.get("memory") if scene.plan is not None else None
    return f" ({limit})" if limit else ""
