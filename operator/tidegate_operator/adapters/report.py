"""`status.adapters`: how each declared adapter stands, put together from what is declared and what workers have.

Owns the entries and the finding about all of them. Must not do I/O. A worker that was not asked yet since this process
started is told of as before: not to know is not to have lost.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tidegate_api.adapters import MOST_PODS, AdapterPhase, AdapterPodState
from tidegate_operator.adapters.declared import Declared
from tidegate_operator.adapters.pods import answers, path_in, serves_adapters
from tidegate_operator.adapters.state import WorkerAdapters
from tidegate_operator.conditions.chain import Finding
from tidegate_operator.facts import Manifest

_MOST_WORDS: Final = 512
_ORDER: Final = {"Failed": 0, "Waiting": 1, "Loading": 2, "Loaded": 3}


@dataclass(frozen=True, slots=True)
class Standing:
    """One adapter on one worker."""

    pod: str
    state: AdapterPodState
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """One adapter: its entry in the status, and what is to be said of it, None once all workers have it."""

    entry: Mapping[str, Any]
    finding: Finding | None


def reports(
    adapters: Sequence[Declared],
    pods: Iterable[Manifest],
    known: Mapping[str, WorkerAdapters],
    before: Mapping[str, Any] | None,
) -> list[Report]:
    """Return how each adapter stands; `known` is by uid of the Pod, `before` the status as it is."""
    workers = sorted((pod for pod in pods if answers(pod)), key=lambda pod: str(pod["metadata"]["name"]))
    told = {entry["name"]: entry for entry in (before or {}).get("adapters") or ()}
    return [_report(one, workers, known, told.get(one.name) or {}) for one in adapters]


def _report(
    adapter: Declared,
    workers: Sequence[Manifest],
    known: Mapping[str, WorkerAdapters],
    before: Mapping[str, Any],
) -> Report:
    old = {one["name"]: one for one in before.get("pods") or ()}
    standings = [_standing(adapter, pod, known.get(_uid(pod)), old) for pod in workers]
    loaded = sum(one.state == "Loaded" for one in standings)
    phase, finding = _phase(adapter, standings, loaded)
    entry = {
        "name": adapter.name,
        "phase": phase,
        "loaded": f"{loaded}/{len(standings)}",
        **({"revision": adapter.revision} if adapter.revision else {}),
        **({"message": _clipped(finding.message, 2 * _MOST_WORDS)} if finding is not None else {}),
        **({"pods": _entries(standings)} if standings else {}),
    }
    return Report(entry, finding)


def _phase(
    adapter: Declared, standings: Sequence[Standing], loaded: int
) -> tuple[AdapterPhase, Finding | None]:
    if adapter.obstacle is not None:
        return adapter.obstacle.phase, adapter.obstacle.finding
    if not standings:
        words = f"adapter {adapter.name!r}: no worker answers that could load it; it is loaded as soon as one does"
        return "Pending", Finding("AdapterPending", words)
    if loaded == len(standings):
        return "Ready", None
    refused = next((one for one in standings if one.state == "Failed" and one.finding is not None), None)
    if refused is not None and refused.finding is not None:
        where = f"{loaded} of {len(standings)} workers have it"
        words = f"adapter {adapter.name!r} on Pod {refused.pod!r} ({where}): {refused.finding.message}"
        return "Failed", Finding(refused.finding.reason, words)
    waiting = next((one.finding.message for one in standings if one.finding is not None), None)
    words = f"adapter {adapter.name!r}: {loaded} of {len(standings)} workers have it"
    return "Loading", Finding("AdapterLoading", f"{words}; {waiting}" if waiting else words)


def _standing(
    adapter: Declared, pod: Manifest, known: WorkerAdapters | None, old: Mapping[str, Mapping[str, Any]]
) -> Standing:
    name = pod["metadata"]["name"]
    if adapter.obstacle is not None:
        has = known is not None and adapter.name in known.has and not adapter.obstacle.forbids
        return Standing(name, "Loaded" if has else "Waiting")
    path = path_in(pod, adapter.place) if adapter.place is not None else None
    if not serves_adapters(pod) or path is None:
        words = (
            f"Pod {name!r} is of a version before it, without its volume or any adapters; it will be replaced"
        )
        return Standing(name, "Waiting", Finding("AdapterLoading", words))
    if known is None:
        state = old.get(name, {}).get("state", "Waiting")
        return Standing(name, state if state in ("Loaded", "Loading") else "Waiting")
    if known.has.get(adapter.name) == path:
        return Standing(name, "Loaded")
    return _lacking(adapter.name, name, path, known)


def _lacking(adapter: str, pod: str, path: str, known: WorkerAdapters) -> Standing:
    """Return how an adapter stands on a worker that was asked and does not have it as it is declared."""
    refused = known.refused.get(adapter)
    if refused is not None and refused.path == path:
        rest = "; the one before it goes on answering" if adapter in known.has else ""
        return Standing(pod, "Failed", Finding(refused.reason, f"{refused.message}{rest}"))
    if known.unread is not None:
        words = f"Pod {pod!r} cannot be asked for its adapters: {known.unread}"
        return Standing(pod, "Waiting", Finding("AdapterLoading", words))
    return Standing(pod, "Loading")


def _entries(standings: Sequence[Standing]) -> list[dict[str, Any]]:
    told = sorted(standings, key=lambda one: (_ORDER[one.state], one.pod))[:MOST_PODS]
    return [
        {
            "name": one.pod,
            "state": one.state,
            **({"message": _clipped(one.finding.message, _MOST_WORDS)} if one.finding is not None else {}),
        }
        for one in sorted(told, key=lambda one: one.pod)
    ]


def _uid(pod: Manifest) -> str:
    return str(pod["metadata"].get("uid", ""))


def _clipped(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
