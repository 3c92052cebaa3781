"""Why an LLMService has the replicas that it has, as lines for a terminal.

Owns the words. Must not ask a cluster, read the clock, or decide anything: all of it stands in the status.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

Json = Mapping[str, Any]
# What becomes of the number that was decided.
_MODES: Final[Mapping[str, str]] = {
    "Auto": "the operator sets the replicas",
    "Advise": "nothing is changed: this is what would be done",
    "External": "whoever writes the Deployment's scale sets the replicas, such as KEDA or an HPA",
    "Off": "the replicas stay as they are",
}


def lines(service: Json, now: datetime) -> list[str]:
    """Return all there is to say about the replicas of a service, pool by pool."""
    status = service.get("status") or {}
    decided: Sequence[Json] = status.get("scaling") or ()
    said = [*_condition(status)]
    if not decided:
        return [*said, _undecided(service.get("spec") or {})]
    counts = {pool["name"]: pool for pool in status.get("pools") or ()}
    for one in decided:
        said += [*([""] if said else []), *_pool(one, counts.get(one["pool"]), now)]
    return said


def _undecided(spec: Json) -> str:
    if spec.get("scaling") is None:
        return f"Replicas are fixed at {spec.get('replicas', 1)}: spec.scaling is not set."
    return "Nothing has been decided yet."


def _condition(status: Json) -> Iterator[str]:
    for one in status.get("conditions") or ():
        if one["type"] == "ScalingActive":
            yield f"ScalingActive is {one['status']}: {one['reason']}: {one['message']}"


def _pool(decision: Json, counts: Json | None, now: datetime) -> Iterator[str]:
    mode = decision.get("mode", "Auto")
    yield f"POOL {decision['pool']}: {_size(decision, counts)}"
    yield _fact("mode", f"{mode}: {_MODES[mode]}" if mode in _MODES else mode)
    yield _fact("because", ": ".join(filter(None, (decision.get("binding"), decision.get("message")))))
    if at := decision.get("decidedAt"):
        yield _fact("decided", f"{at}{_ago(at, now)}")
    for clamp in decision.get("clamps") or ():
        yield _fact("clamped", f"{clamp['reason']}: {clamp.get('message', '')}")
    if cold := decision.get("coldStartSeconds"):
        yield _fact(
            "cold start", f"{_number(cold['p50'])} s usually, {_number(cold['p90'])} s at the 90th percentile"
        )
    yield from _terms(decision.get("terms") or (), decision.get("binding"))
    yield from _history(decision.get("history") or ())


def _size(decision: Json, counts: Json | None) -> str:
    wanted = f"{decision['wanted']} wanted"
    return wanted if counts is None else f"{wanted}, {counts['desired']} asked for, {counts['ready']} ready"


def _fact(name: str, words: str) -> str:
    return f"  {name:<12}{words}"


def _terms(terms: Sequence[Json], binding: str | None) -> Iterator[str]:
    if not terms:
        return
    yield ""
    yield f"  {'TERM':<24}{'MEASURED':>12}{'TARGET':>12}{'REPLICAS':>12}"
    for term in terms:
        mark = "  <- binding" if term["name"] == binding else ""
        cells = "".join(f"{_number(term.get(key)):>12}" for key in ("value", "target", "replicas"))
        yield f"  {term['name']:<24}{cells}{mark}"


def _history(history: Sequence[Json]) -> Iterator[str]:
    if not history:
        return
    yield ""
    yield f"  {'CHANGED AT':<24}{'REPLICAS':<12}BECAUSE"
    for change in history:
        because = ": ".join(filter(None, (change.get("binding"), change.get("message"))))
        yield f"  {change['at']:<24}{change['from']} -> {change['to']:<7}{because}".rstrip()


def _number(value: Any) -> str:
    """Return a number as it was written, without needless digits; a dash for one that was not told."""
    if value is None or value == "":
        return "-"
    try:
        return f"{float(value):.4g}"
    except (TypeError, ValueError):
        return str(value)


def _ago(at: str, now: datetime) -> str:
    try:
        then = datetime.fromisoformat(at)
    except ValueError:
        return ""
    seconds = (now - (then if then.tzinfo else then.replace(tzinfo=UTC))).total_seconds()
    return f", {seconds:.0f} s ago" if 0 <= seconds < 600 else ""
