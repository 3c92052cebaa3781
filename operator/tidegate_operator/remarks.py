"""What concerns a pool and is no number: what cannot be read, and workers that are late.

Owns the sentences, as clamps that change nothing. Must not decide.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tidegate_api.names import WORKER_PORT
from tidegate_operator.scaling.facts import Clamp, Decision

UNREAD = "WorkerUnread"
HELD = "HeldMissingMetrics"
# As many are named.
_MOST = 3


@dataclass(frozen=True, slots=True)
class Unread:
    """A worker that could not be read: since when (Unix time), and why."""

    pod: str
    since: float
    why: str


def unread(
    workers: Collection[Unread], silent: Collection[str], wanted: int, *, is_any_read: bool
) -> list[Clamp]:
    """Return what is to be said of the workers of these that are `silent`: they could not be read for long."""
    found = [one for one in workers if one.pod in silent]
    if not found:
        return []
    named = "; ".join(f"Pod {one.pod!r}: {one.why}" for one in found[:_MOST])
    more = f"; and {len(found) - _MOST} more" if len(found) > _MOST else ""
    so = "counts as full" if is_any_read else "keeps all as they are"
    words = (
        f"what a worker does that could not be read for long is not known, so it {so} ({named}{more}): let the "
        f"operator and Prometheus reach port {WORKER_PORT} of the workers (a NetworkPolicy?), or delete the Pod"
    )
    return [Clamp(UNREAD, words, wanted, wanted)]


def incomplete(decision: Decision) -> list[Clamp]:
    """Return what is to be said where something could not be measured, even if no fewer replicas were asked for."""
    why = "; ".join(decision.missing[name] for name in ("demand", "workers") if name in decision.missing)
    if not why or any(one.reason == HELD for one in decision.clamps):
        return []
    return [Clamp(HELD, why, decision.wanted, decision.wanted)]


def late(words: Sequence[str], wanted: int) -> list[Clamp]:
    """Return what is to be said of workers that start, and are late."""
    if not words:
        return []
    more = f"; and {len(words) - 1} more" if len(words) > 1 else ""
    return [Clamp("SlowStart", f"{words[0]}{more}", wanted, wanted)]
