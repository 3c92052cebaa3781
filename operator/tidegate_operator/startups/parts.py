"""The parts of one worker's start, from what its Pod says of itself and what its engine tells.

Owns how they are told apart: each begins where the one before it ends, so together they are the whole. Must not do I/O,
or know other starts.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from tidegate_api.names import STARTUP_METRIC, WORKER_CONTAINER
from tidegate_operator.conditions import pods as of_pod
from tidegate_operator.facts import Manifest
from tidegate_operator.starts import LONGEST_SECONDS

# The engine's own parts, in their order, and what they are called in the status.
_ENGINE: Final[Mapping[str, str]] = {
    "preflight": "preflight",
    "import": "import",
    "weights": "weights",
    "compile": "compile",
    "warmup": "warmUp",
}
_LINE: Final = re.compile(rf'^{STARTUP_METRIC}\{{phase="(\w+)"\}} (\S+)$', re.MULTILINE)


def read_page(text: str) -> dict[str, float]:
    """Return the seconds of the engine's parts that a page of metrics tells; of another engine's none."""
    found = {}
    for name, value in _LINE.findall(text):
        try:
            seconds = float(value)
        except ValueError:
            continue
        if name in _ENGINE and 0 <= seconds <= LONGEST_SECONDS:
            found[name] = seconds
    return found


def ready_at(pod: Manifest) -> str | None:
    """Return when a worker became ready that never ended before (RFC 3339), None for any other."""
    condition = of_pod.condition(pod, "Ready")
    if condition.get("status") != "True" or of_pod.restarts(pod, WORKER_CONTAINER):
        return None
    at: str | None = condition.get("lastTransitionTime")
    return at


def milliseconds(pod: Manifest, engine: Mapping[str, float]) -> dict[str, int] | None:
    """Return the parts of a start and their sum, None where the Pod does not say enough.

    What the engine does not tell is in `ready`: loading as a whole, of one that tells nothing.
    """
    moments = (
        pod["metadata"].get("creationTimestamp"),
        of_pod.condition(pod, "PodScheduled").get("lastTransitionTime"),
        of_pod.running_since(pod, WORKER_CONTAINER),
        ready_at(pod),
    )
    if any(moment is None for moment in moments):
        return None
    created, scheduled, began, ready = (datetime.fromisoformat(str(moment)) for moment in moments)
    if not created <= scheduled <= began <= ready or (ready - began).total_seconds() > LONGEST_SECONDS:
        return None  # not ready for the first time
    told = {_ENGINE[name]: engine[name] for name in _ENGINE if name in engine}
    loading = (ready - began).total_seconds()
    parts = {
        "scheduling": (scheduled - created).total_seconds(),
        "image": (began - scheduled).total_seconds(),
        **told,
        "ready": max(loading - sum(told.values()), 0.0),
    }
    found = {name: round(seconds * 1000) for name, seconds in parts.items()}
    return {**found, "total": sum(found.values())}
