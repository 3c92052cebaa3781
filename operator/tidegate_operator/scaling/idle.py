"""Whether nobody asks for a pool, and whether somebody has just asked for one that sleeps.

Owns the evidence for going to zero and for coming back. Silence of a gateway is no evidence that nobody asks. Must not
count replicas.
"""

from dataclasses import dataclass, replace

from tidegate_operator.scaling import window
from tidegate_operator.scaling.case import Case
from tidegate_operator.scaling.facts import Demand
from tidegate_operator.scaling.tuning import Tuning


@dataclass(frozen=True, slots=True)
class Idleness:
    """What is remembered of requests: since when there have been none, the newest wake mark, and the last wake.

    Marks are times of a gateway's clock and compared with each other only; all else are times of our own.
    """

    heard_at: float | None = None
    quiet_since: float | None = None
    mark: float | None = None
    mark_seen_at: float | None = None
    woken_at: float | None = None
    # Whether the pool has been ready since it woke.
    was_ready: bool = True


def note(idle: Idleness, case: Case, mark: float | None, is_first: bool) -> Idleness:
    """Return what is known of requests after one more sample, and with the newest mark."""
    idle = _note_mark(idle, mark, case.now, is_first, case.tuning)
    if case.supply.ready and not idle.was_ready:
        idle = replace(idle, was_ready=True)
    seen = case.seen
    if seen.demand is None:
        return idle
    quiet = None
    if not is_asked_for(idle, case):
        # What came while a gateway was not heard is in its counters when it is heard again.
        gapless = idle.heard_at is not None and seen.at - seen.interval_seconds <= idle.heard_at + 1.0
        quiet = idle.quiet_since if gapless and idle.quiet_since is not None else seen.at
    return replace(idle, heard_at=seen.at, quiet_since=quiet)


def _note_mark(idle: Idleness, mark: float | None, now: float, is_first: bool, tuning: Tuning) -> Idleness:
    if mark is None or mark == idle.mark:
        return idle
    is_old = is_first and abs(now - mark) > tuning.mark_seconds
    return replace(idle, mark=mark, mark_seen_at=idle.mark_seen_at if is_old else now)


def wake(idle: Idleness, now: float) -> Idleness:
    """Return what is known once a pool is woken."""
    return replace(idle, woken_at=now, was_ready=False, quiet_since=None)


def is_marked(idle: Idleness, case: Case) -> bool:
    """Return whether a gateway holds requests for want of a worker: its mark is renewed while it does."""
    return idle.mark_seen_at is not None and case.now - idle.mark_seen_at <= case.tuning.stale_seconds


def is_asked_for(idle: Idleness, case: Case) -> bool:
    """Return whether there is evidence that somebody asks for the pool."""
    demand = case.seen.demand
    return is_marked(idle, case) or (demand is not None and _asks(demand))


def _asks(demand: Demand) -> bool:
    return bool(demand.queued or demand.running or demand.arrived_requests)


def over_since(idle: Idleness, case: Case) -> float | None:
    """Return since when nobody asks, once that is so long ago that what came before is no reason to keep replicas."""
    quiet = idle.quiet_since
    if quiet is None or not case.seen.is_complete:
        return None
    span = window.down_seconds(case.policy.scale_down, case.start.p90, case.tuning)
    return quiet if case.now - quiet >= max(span, case.tuning.long_mean_seconds) else None


def ghosts(idle: Idleness, case: Case) -> frozenset[str]:
    """Return engines whose requests nobody holds any more: they make no progress, and no gateway has one."""
    seen, since = case.seen, idle.quiet_since
    if seen.demand is None or since is None or case.now - since < case.tuning.ghost_seconds:
        return frozenset()
    return frozenset(one.name for one in seen.workers if not one.output_tokens and not one.prompt_tokens)


def why_awake(idle: Idleness, case: Case, left: frozenset[str]) -> str:
    """Return what speaks against zero replicas; empty if nothing does. `left` are the engines that are `ghosts`."""
    seen, now = case.seen, case.now
    if not seen.is_complete or idle.quiet_since is None or is_marked(idle, case):
        return "that nobody asks for it is not certain"
    quiet, enough = now - idle.quiet_since, case.policy.idle_seconds
    if quiet < enough:
        return f"nobody has asked for it for {quiet:.0f} s, and idleSeconds is {enough:.0f}"
    # What cannot start without help, and nobody asks for, may as well not try.
    if case.supply.pending or not (idle.was_ready or case.supply.stuck):
        return "it is still starting"
    stays = case.tuning.wake_cold_starts * case.start.p90
    if idle.woken_at is not None and now - idle.woken_at < stays:
        return f"it was woken {now - idle.woken_at:.0f} s ago, and stays for {stays:.0f}"
    if any(one.name not in left and (one.running or one.waiting) for one in seen.workers):
        return "an engine still runs requests"
    return "what a worker does that cannot be read is not known" if seen.silent else ""
