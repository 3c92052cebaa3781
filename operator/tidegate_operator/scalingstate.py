"""What is known of one pool from one look to the next: what the law remembers, and how to compare counters.

Owns the state and how a sample is made from it. All of it is measured anew, or recalled from status, after a restart.
Must not do I/O, read a clock, or decide.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from tidegate_operator.conditions import pods as of_pod
from tidegate_operator.demand import Counted, Heard
from tidegate_operator.engines import Read
from tidegate_operator.facts import Manifest
from tidegate_operator.pace import Pace, step, worker
from tidegate_operator.remarks import Unread
from tidegate_operator.scaling import coldstart, law
from tidegate_operator.scaling.facts import ColdStart, Sample
from tidegate_operator.scaling.memory import Memory
from tidegate_operator.scaling.replay import Record
from tidegate_operator.supply import start_seconds

# One hour of looks every ten seconds.
_RECORDS: Final = 360
# Nobody waits longer for a start to tell something of the next one.
_LONGEST_START: Final = 7200.0
_STARTS: Final = "starts"
_NOT_ASKED: Final = "it was not ready when the others were read"


@dataclass(slots=True)
class PoolState:
    """What is known of one pool; `records` are decisions, each with what was remembered when it was made."""

    since: float
    memory: Memory = law.EMPTY
    starts: list[float] = field(default_factory=list)
    counted: Counted | None = None
    paces: dict[str, Pace] = field(default_factory=dict)
    starting: set[str] = field(default_factory=set)
    ready: set[str] = field(default_factory=set)
    # By uid.
    unread: dict[str, Unread] = field(default_factory=dict)
    # Since when not every gateway and worker could be read, in Unix time.
    incomplete_since: float | None = None
    sample: Sample | None = None
    records: deque[tuple[Record, Memory]] = field(default_factory=lambda: deque(maxlen=_RECORDS))

    @property
    def cold_start(self) -> ColdStart:
        """Return how long workers take to start, as far as is known."""
        return coldstart.percentiles(self.starts)

    @property
    def learned(self) -> dict[str, Any]:
        """Return what a restart should not have to learn again."""
        starts = {_STARTS: [round(one) for one in self.starts]} if self.starts else {}
        return {**law.remember(self.memory), **starts}


def recalled(learned: Mapping[str, Any] | None, now: float) -> PoolState:
    """Return the state with what a status has kept."""
    kept = learned or {}
    starts = [float(one) for one in kept.get(_STARTS) or () if isinstance(one, int | float)]
    return PoolState(since=now, memory=law.recall(kept), starts=starts)


def note_starts(state: PoolState, live: Iterable[Manifest]) -> None:
    """Note how long workers took that have become ready since the last look.

    One that was ready before this process looked at it tells nothing: since then it may have been unready and ready.
    """
    known = {str(pod["metadata"]["uid"]): pod for pod in live}
    for uid, pod in known.items():
        if not of_pod.is_ready(pod):
            state.starting.add(uid)
            continue
        if uid not in state.ready and (uid in state.starting or _created(pod) > state.since):
            seconds = start_seconds(pod)
            if seconds is not None and 0 < seconds <= _LONGEST_START:
                state.starts.append(seconds)
        state.ready.add(uid)
    del state.starts[: -coldstart.NEWEST]
    state.starting &= known.keys()
    state.ready &= known.keys()
    state.paces = {uid: pace for uid, pace in state.paces.items() if uid in known}


def take_sample(  # noqa: PLR0917 - what is known, heard, there, read
    state: PoolState,
    heard: Heard,
    serving: Sequence[Manifest],
    read: Read,
    now: float,
    patience_seconds: float,
    *,
    is_counted_only: bool = False,
) -> Sample:
    """Return the sample of this look, and keep it; `serving` are the workers that should have said something.

    Those that have not for `patience_seconds` are silent. Of engines without metrics nothing is expected.
    """
    if is_counted_only:
        serving = ()
    seconds = heard.seconds if heard.demand is not None else _since(state.sample, now)
    state.unread = _unread(state.unread, serving, read, now)
    workers = []
    for pod in serving:
        uid = str(pod["metadata"]["uid"])
        figures = read.figures.get(uid)
        if figures is not None:
            state.paces[uid] = step(state.paces.get(uid), figures)
            workers.append(worker(of_pod.name(pod), state.paces[uid], figures, seconds))
    sources = {} if heard.demand is not None else {"demand": heard.missing}
    if state.unread:
        sources["workers"] = "; ".join(f"{one.pod}: {one.why}" for one in list(state.unread.values())[:3])
    if heard.demand is not None and not state.unread:
        state.incomplete_since = None
    elif state.incomplete_since is None:
        state.incomplete_since = now
    state.counted = heard.counted
    state.sample = Sample(
        at=now,
        interval_seconds=seconds,
        demand=heard.demand,
        workers=tuple(workers) if workers or not serving else None,
        sources=sources,
        silent=tuple(one.pod for one in state.unread.values() if now - one.since >= patience_seconds),
        is_counted_only=is_counted_only,
    )
    return state.sample


def _unread(
    before: Mapping[str, Unread], serving: Iterable[Manifest], read: Read, now: float
) -> dict[str, Unread]:
    found = {}
    for pod in serving:
        uid = str(pod["metadata"]["uid"])
        if uid not in read.figures:
            since = before[uid].since if uid in before else now
            found[uid] = Unread(of_pod.name(pod), since, read.missing.get(uid, _NOT_ASKED))
    return found


def _since(sample: Sample | None, now: float) -> float:
    return 0.0 if sample is None else max(now - sample.at, 0.0)


def _created(pod: Manifest) -> float:
    created = pod["metadata"].get("creationTimestamp")
    return datetime.fromisoformat(created).timestamp() if created else 0.0
