"""Campaign `election`: two operators and one Lease, of which something befalls the one that leads.

Owns the second operator, what is done to the first, and how long nobody leads. The end is compared with runs of one
operator that nothing befell, creations and deletions included: even while both believe to lead, nothing is made twice.
"""

from __future__ import annotations

import contextlib
import random
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from chaos.faults import Plan, Trace
from chaos.process import ForkedOperator, Keeper
from chaos.proxy import Proxy
from chaos.runner import Clean, Verdict, judged, side_by_side
from chaos.workloads import WORKLOADS
from chaos.world import POLL_SECONDS, Ground, Stage, live, staged, through, upstream
from integration.operator.rig import Operator

WORDS = "the leader of two is killed, stopped, frozen for longer than its Lease lasts, or cut off from the API server"
PART = "election"
# Longer than a Lease lasts, so that another has it when the first one wakes.
AWAY_SECONDS = 20.0
LATEST_TAKEOVER_SECONDS = 60.0
LEASE = "tidegate-operator"
_MOST_DELAY_SECONDS = 1.5


@dataclass(frozen=True)
class Two:
    """Both operators of a trial: who leads at first, and who is to take over."""

    stage: Stage
    second: Operator
    second_proxy: Proxy

    @property
    def leader(self) -> Operator:
        return self.stage.operator

    def holder(self) -> str:
        """Return the name of who has the Lease."""
        found = self.stage.api.get("Lease", self.stage.namespace, LEASE)
        return str(found["spec"]["holderIdentity"]) if found else ""


class BothProxies:
    """The two proxies as one: a write by either is a write."""

    def __init__(self, first: Proxy, second: Proxy) -> None:
        self._first, self._second = first, second
        self.struck = True

    def arm(self, plan: Plan | None) -> Trace:
        """Count from now on."""
        self._second.arm(None)
        return self._first.arm(plan)

    @property
    def quiet_seconds(self) -> float:
        return min(self._first.quiet_seconds, self._second.quiet_seconds)

    @property
    def last_writes(self) -> list[str]:
        return [*self._first.last_writes, *self._second.last_writes]


@dataclass(frozen=True)
class Either:
    """The two operators as one: somebody leads."""

    first: Operator
    second: Operator

    def leads(self) -> bool:
        return self.first.leads() or self.second.leads()


def killed(two: Two) -> None:
    """It dies and is started again at once, as by a kubelet: under its name, so that the Lease is still its own."""
    two.stage.keeper.kill()


def gone(two: Two) -> None:
    """It dies with its node: nobody starts it again."""
    two.stage.keeper.leave()
    two.stage.keeper.kill()


def told(two: Two) -> None:
    """It is told to end, as in a rollout of the operator: it hands the Lease on."""
    two.stage.keeper.leave()
    assert two.leader.process
    two.leader.process.send_signal(signal.SIGTERM)


def frozen(two: Two) -> None:
    """It stands still for longer than its Lease lasts, and goes on in the midst of what it did."""
    assert two.leader.process
    two.leader.process.send_signal(signal.SIGSTOP)
    time.sleep(AWAY_SECONDS)
    two.leader.process.send_signal(signal.SIGCONT)


def cut(two: Two) -> None:
    """It reaches the API server no more for longer than its Lease lasts."""
    two.stage.proxy.cut(True)
    time.sleep(AWAY_SECONDS)
    two.stage.proxy.cut(False)


DEEDS: Mapping[str, Callable[[Two], None]] = {one.__name__: one for one in (killed, gone, told, frozen, cut)}
# Whoever is started again under its own name has its Lease still.
STAYS = frozenset({"killed"})


def trials(workloads: Sequence[str]) -> list[tuple[str, str]]:
    """Return all trials: a workload, and what befalls the leader in it."""
    return [
        (workload, deed) for workload in workloads for deed in DEEDS if not WORKLOADS[workload].has_engines
    ]


def verdicts(
    on: Ground, asked: Sequence[tuple[str, str]], against: Mapping[str, Clean], jobs: int, seed: int
) -> Iterator[Verdict]:
    """Yield how each trial ended, in their order; print at last how long it took to take over."""
    seconds: dict[str, list[float]] = {}

    def one(trial: tuple[str, str]) -> Verdict:
        workload, deed = trial
        delay = random.Random(f"{seed} {workload} {deed}").uniform(0, _MOST_DELAY_SECONDS)
        try:
            return _lived(on, trial, delay, against[workload], seconds.setdefault(deed, []))
        except AssertionError as error:
            return Verdict(PART, workload, deed, False, (f"the rig: {error}"[:1500],), 0.0, 0)

    yield from side_by_side(one, asked, jobs)
    for deed, found in ((one, taken) for one, taken in seconds.items() if taken):
        print(f"{deed}: taken over after {_spread(found)}", flush=True)


def _lived(on: Ground, trial: tuple[str, str], delay: float, against: Clean, seconds: list[float]) -> Verdict:
    workload, deed = trial
    late: list[str] = []

    def befall(stage: Stage, two: Two) -> None:
        time.sleep(delay)
        began = time.monotonic()
        if deed in STAYS:
            DEEDS[deed](two)
            return
        with _meanwhile(lambda: _takeover(two, began)) as taken:
            DEEDS[deed](two)
        if taken[0] is None:
            late.append(f"nobody took over within {LATEST_TAKEOVER_SECONDS:g} s")
        else:
            seconds.append(taken[0])

    with staged(on, WORKLOADS[workload]) as stage, _joined(stage) as two:
        both: Stage = replace(
            stage,
            proxy=BothProxies(stage.proxy, two.second_proxy),  # type: ignore[arg-type]
            operator=Either(stage.operator, two.second),  # type: ignore[arg-type]
        )
        run = live(both, WORKLOADS[workload], during=lambda at: befall(at, two))
    return Verdict(PART, workload, deed, True, (*late, *judged(run, against)), run.seconds, run.restarts)


def _takeover(two: Two, began: float) -> float | None:
    while time.monotonic() - began < LATEST_TAKEOVER_SECONDS:
        if two.holder() == two.second.name:
            return time.monotonic() - began
        time.sleep(POLL_SECONDS)
    return None


@contextlib.contextmanager
def _meanwhile(does: Callable[[], float | None]) -> Iterator[list[float | None]]:
    """Do something beside the body; what it returned is in the list afterwards."""
    found: list[float | None] = []
    thread = threading.Thread(target=lambda: found.append(does()))
    thread.start()
    yield found
    thread.join()


@contextlib.contextmanager
def _joined(stage: Stage) -> Iterator[Two]:
    """Start the second operator behind a proxy of its own; it stands by."""
    with tempfile.TemporaryDirectory(prefix="tidegate-chaos-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        second = ForkedOperator(
            stage.operator.release,
            home,
            stage.namespace,
            [stage.namespace],
            name="operator-1",
            resync_seconds=stage.operator.resync_seconds,
        )
        keeper = Keeper(second)
        with Proxy(*upstream(stage.api), keeper.kill) as proxy:
            second.release = through(stage.operator.release, proxy.url, home)
            with keeper:
                yield Two(stage, second, proxy)


def _spread(seconds: Sequence[float]) -> str:
    found = sorted(seconds)
    at = [found[min(len(found) - 1, int(share * len(found)))] for share in (0.5, 0.95)]
    return f"{at[0]:.1f} s (half), {at[1]:.1f} s (95 %), {found[-1]:.1f} s (last) of {len(found)}"
