"""What `status.startup` says: the last starts, and the median of each part.

Owns which starts are kept. Must not do I/O or read a clock: it is made of what the status said before, and of what
was asked since.
"""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Final

from tidegate_api.startup import KEPT_STARTS
from tidegate_operator.conditions import pods as of_pod
from tidegate_operator.facts import Manifest
from tidegate_operator.startups.parts import milliseconds, ready_at

_START: Final = ("pod", "at", "milliseconds")


def startup(
    before: Mapping[str, Any] | None, pods: Sequence[Manifest], engines: Mapping[str, Mapping[str, float]]
) -> dict[str, Any] | None:
    """Return the starts, None while there was none; `engines` is what those that were asked told, by uid of the Pod."""
    known = [dict(one) for one in (before or {}).get("recent") or ()]
    names = {one["pod"] for one in known}
    asked = [pod for pod in pods if pod["metadata"].get("uid") in engines and of_pod.name(pod) not in names]
    new = [
        dict(zip(_START, (of_pod.name(pod), ready_at(pod), found), strict=True))
        for pod in asked
        if (found := milliseconds(pod, engines[pod["metadata"]["uid"]])) is not None
    ]
    recent = sorted([*known, *new], key=lambda one: (str(one["at"]), str(one["pod"])))[-KEPT_STARTS:]
    return {"medianMilliseconds": _medians(recent), "recent": recent} if recent else None


def is_to_ask(before: Mapping[str, Any] | None, pod: Manifest) -> bool:
    """Return whether a worker has started that the status does not know: no older than the oldest it keeps."""
    at = ready_at(pod)
    if at is None or not of_pod.is_live(pod):
        return False
    known = (before or {}).get("recent") or ()
    if any(one["pod"] == of_pod.name(pod) for one in known):
        return False
    return len(known) < KEPT_STARTS or at > min(str(one["at"]) for one in known)


def _medians(starts: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return the median of each part over the starts that have it."""
    names = list(dict.fromkeys(name for one in starts for name in one["milliseconds"]))
    told = (
        (name, [one["milliseconds"][name] for one in starts if name in one["milliseconds"]]) for name in names
    )
    return {name: round(median(values)) for name, values in told}
