"""Campaign `infra`: a part of the control plane is gone for a while, in the midst of many workloads at a time.

Owns the outages, and a control plane of its own for them. Every workload does its deed, then all wait while a part is
killed, stays away and comes back; each end is compared with runs without an outage. Must not judge by anything else.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import groupby

from chaos.runner import Clean, Verdict, judged
from chaos.workloads import WORKLOADS
from chaos.world import CONVERGE_SECONDS, Ground, live, plane, staged
from localcluster import controlplane, processes

WORDS = "kube-apiserver or etcd is killed, the controller manager too, and stays away for 5 or 30 s"
PART = "infra"
PARTS = ("kube-apiserver", "etcd", "kube-controller-manager")
AWAY_SECONDS = (5, 30)
# After an outage the API server, the controllers and the operator are up again one after the other.
PATIENCE_SECONDS = CONVERGE_SECONDS + 60.0


def trials(workloads: Sequence[str]) -> list[tuple[str, str]]:
    """Return all trials: a workload, and an outage; those of one outage together."""
    outages = [f"{part}-away-{seconds}s" for part in PARTS for seconds in AWAY_SECONDS]
    lived = [name for name in workloads if not WORKLOADS[name].has_engines]
    return [(workload, outage) for outage in outages for workload in lived]


def verdicts(asked: Sequence[tuple[str, str]], against: Mapping[str, Clean], jobs: int) -> Iterator[Verdict]:
    """Yield how each trial ended, in their order."""
    # What starts a process here must outlive it: a control plane ends with the thread that started it.
    with ThreadPoolExecutor(1, thread_name_prefix="outage") as hand, plane() as on:
        for outage, together in groupby(asked, key=lambda trial: trial[1]):
            names = [workload for workload, _ in together]
            for first in range(0, len(names), jobs):
                yield from _at_once(on, names[first : first + jobs], outage, against, hand)


def _at_once(
    on: Ground, names: Sequence[str], outage: str, against: Mapping[str, Clean], hand: ThreadPoolExecutor
) -> Iterator[Verdict]:
    part, _, rest = outage.partition("-away-")
    seconds = float(rest.removesuffix("s"))
    barrier = threading.Barrier(
        len(names), lambda: hand.submit(_strike, on, part, seconds).result(), timeout=2 * CONVERGE_SECONDS
    )

    def one(name: str) -> Verdict:
        try:
            with staged(on, WORKLOADS[name]) as stage:
                run = live(
                    replace(stage, patience=PATIENCE_SECONDS),
                    WORKLOADS[name],
                    during=lambda _: void(barrier.wait()),
                )
        except Exception as error:
            barrier.abort()
            return Verdict(PART, name, outage, False, (f"the rig: {error!r}"[:1500],), 0.0, 0)
        return Verdict(PART, name, outage, True, tuple(judged(run, against[name])), run.seconds, run.restarts)

    with ThreadPoolExecutor(len(names), thread_name_prefix="trial") as pool:
        found: list[Future[Verdict]] = [pool.submit(one, name) for name in names]
        yield from (verdict.result() for verdict in found)


def void(_: int) -> None:
    """Let a call return nothing."""


def _strike(on: Ground, part: str, seconds: float) -> None:
    """Kill a part of the control plane, wait, and start it again on the same port, with the same data."""
    home = on.api.plane.home
    processes.stop(home / "run" / f"{part}.pid", grace=0)
    time.sleep(seconds)
    known = json.loads(on.api.plane.kubeconfig.read_text())
    port = int(known["clusters"][0]["cluster"]["server"].rsplit(":", 1)[1])
    launcher = ("setpriv", "--pdeathsig", "KILL")
    controlplane.launch(controlplane.Spec(home, port=port, controllers=True, launcher=launcher))
