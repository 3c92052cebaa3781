"""Changes of a service's version while it is asked, each as its operator makes it.

Owns their steps. Must not send requests or judge answers.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

import aiohttp

from tidegate_bench.rollout.workers import Cluster, Worker

Change = Callable[[Cluster, float], Coroutine[Any, Any, Mapping[str, Any]]]
# Steps of a canary that is promoted, in percent.
STEPS: Final = (5, 25, 50, 100)
# Requests that the bad canary fails on: more than a gateway may retry of one that it cannot leave.
FAILURES: Final = 1000


async def rolling_update(cluster: Cluster, seconds: float) -> Mapping[str, Any]:
    """Replace the workers one by one, each new one before an old one goes, spread over so many seconds."""
    cluster.announce(phase="Promoting", revision="r1", canaryRevision="r2")
    old = list(cluster.workers)
    for worker in old:
        began = asyncio.get_running_loop().time()
        await cluster.add("r2")
        await cluster.remove(worker)
        elapsed = asyncio.get_running_loop().time() - began
        await asyncio.sleep(max(0.0, seconds / len(old) - elapsed))
    cluster.announce(phase="Stable", revision="r2")
    return {}


async def promoted_canary(cluster: Cluster, seconds: float) -> Mapping[str, Any]:
    """Try a version on a worker of its own by steps, then give it to all workers."""
    canary = await cluster.add("r2", is_canary=True)
    for weight in STEPS:
        cluster.announce(phase="Canary", revision="r1", canaryRevision="r2", weight=weight)
        await asyncio.sleep(seconds / 2 / len(STEPS))
    cluster.announce(phase="Promoting", revision="r1", canaryRevision="r2", weight=weight)
    old = [worker for worker in cluster.workers if worker is not canary]
    for worker in old:
        await cluster.add("r2")
        await cluster.remove(worker)
    counts = await cluster.counts()
    cluster.announce(phase="Stable", revision="r2")
    await cluster.remove(canary)
    return counts


async def rolled_back_canary(cluster: Cluster, seconds: float) -> Mapping[str, Any]:
    """Try a version that answers many requests with 500, and take it back."""
    canary = await cluster.add("r2", is_canary=True)
    for weight in (5, 50):
        cluster.announce(phase="Canary", revision="r1", canaryRevision="r2", weight=weight)
        await asyncio.sleep(seconds / 4)
        await _break(canary)
    await asyncio.sleep(seconds / 4)
    counts = await cluster.counts()
    cluster.announce(phase="RollingBack", revision="r1", canaryRevision="r2", weight=0)
    await cluster.remove(canary)
    return counts


async def careless_replacement(cluster: Cluster, seconds: float) -> Mapping[str, Any]:
    """Kill each worker as soon as there is a new one: what the others must not be like."""
    old = list(cluster.workers)
    for worker in old:
        await cluster.add("r2")
        await asyncio.sleep(seconds / 2 / len(old))
        await cluster.kill(worker)
    return {}


async def _break(worker: Worker) -> None:
    fault = {"kind": "status", "status": 500, "times": FAILURES}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://127.0.0.1:{worker.port}/sim/faults", json=fault) as answer,
    ):
        answer.raise_for_status()


CHANGES: Final[Mapping[str, Change]] = {
    "rolling update": rolling_update,
    "canary, promoted": promoted_canary,
    "canary, rolled back": rolled_back_canary,
}
CARELESS: Final = "workers killed"
