"""What is measured of one size: the operator, then a script that writes the same children, each on a plane of its own.

Owns the order of the steps and the waiting. Must not judge.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from tidegate_bench.cost import cpu_seconds
from tidegate_bench.operator import audit, objects, plane, process
from tidegate_bench.operator.client import AT_ONCE, Client, all_of, connect
from tidegate_bench.operator.objects import DEPLOYMENTS, POOLS, SERVICES, Object
from tidegate_bench.operator.plane import Plane
from tidegate_bench.operator.process import Operator
from tidegate_bench.sim.stage import Watch

POLL_SECONDS: Final = 1.0
QUIET_SECONDS: Final = 30.0
MOST_SECONDS: Final = 3600.0
CHANGES: Final = 30
BURST: Final = 100


@dataclass(frozen=True, slots=True)
class Times:
    """How long steady state is watched, in seconds, and which parts are measured besides the way to Ready."""

    steady: float = 300.0
    quiet: float = QUIET_SECONDS


@dataclass(slots=True)
class Measured:
    """All that was measured of one size; memory in MiB, times in seconds."""

    services: int
    children: int = 0
    script_seconds: float = 0.0
    script_stored_bytes: int = 0
    ready_seconds: float = 0.0
    # From the first service on until nothing was written any more.
    settled_seconds: float = 0.0
    settled_cpu_seconds: float = 0.0
    calls: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    rss_empty: float = 0.0
    rss_full: float = 0.0
    stored_bytes: int = 0
    steady_seconds: float = 0.0
    steady_cores: float = 0.0
    steady_calls: dict[str, int] = field(default_factory=dict)
    idle_delays: list[float] = field(default_factory=list)
    burst_delays: list[float] = field(default_factory=list)
    restart_seconds: float = 0.0
    restart_cpu_seconds: float = 0.0
    restart_calls: dict[str, int] = field(default_factory=dict)
    rss_restarted: float = 0.0
    # Cores that anybody else used meanwhile, by step.
    foreign_cores: dict[str, float] = field(default_factory=dict)
    # CPU seconds of each program of the control plane until all was settled.
    plane_cpu_seconds: dict[str, float] = field(default_factory=dict)


def say(words: str) -> None:
    """Tell how far it is."""
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


async def until(what: str, check: Callable[[], Awaitable[bool]], poll: float = POLL_SECONDS) -> float:
    """Wait for something, and return how many seconds that took; raises TimeoutError."""
    began = time.monotonic()
    while not await check():
        if time.monotonic() - began > MOST_SECONDS:
            raise TimeoutError(f"not within {MOST_SECONDS:.0f} s: {what}")
        await asyncio.sleep(poll)
    return time.monotonic() - began


async def all_are(client: Client, path: str, column: str, value: str, count: int) -> bool:
    """Return whether there are so many of a kind, and all say so."""
    found = await client.column(path, column)
    return len(found) == count and all(one == value for one in found)


async def measure(
    count: int, times: Times, program: Sequence[str] = (), *, with_script: bool = True
) -> Measured:
    """Measure one size."""
    measured = Measured(count)
    with plane.started() as made:
        async with connect(made.bench) as client:
            sample = await _operator(made, client, measured, times, program)
    if with_script:
        with plane.started() as made:
            async with connect(made.bench) as client:
                await _script(made, client, sample, measured)
    return measured


async def _prepare(client: Client, count: int) -> None:
    for name in [objects.GATEWAY_NAMESPACE, *objects.namespaces(count)]:
        await client.create("/api/v1/namespaces", objects.namespace(name))
    slices = objects.collection("discovery.k8s.io/v1", "EndpointSlice", objects.GATEWAY_NAMESPACE)
    await client.create(slices, objects.gateway())


async def _operator(
    made: Plane, client: Client, measured: Measured, times: Times, program: Sequence[str]
) -> list[Object]:
    """Measure the operator, and return the children of the first service."""
    count, watch = measured.services, Watch(list(made.pids.values()))
    await _prepare(client, count)
    async with process.running(made, "operator-0", program) as operator:
        await until("the operator leads", operator.is_ready)
        await asyncio.sleep(2)
        measured.rss_empty = operator.rss_mib
        await _make(made, client, operator, measured, times)
        measured.foreign_cores["ready"] = watch.lap()
        sample = await _children(client, measured)
        await _steady(made, operator, measured, times)
        measured.foreign_cores["steady"] = watch.lap()
        await _changes(made, client, operator, measured, times)
        measured.foreign_cores["changes"] = watch.lap()
    await _restart(made, measured, times, program)
    measured.foreign_cores["restart"] = watch.lap()
    return sample


async def _make(made: Plane, client: Client, operator: Operator, measured: Measured, times: Times) -> None:
    """Create all services, and wait until they are Ready and nothing is written any more."""
    count, start, cpu = measured.services, audit.end(made.audit_log), operator.cpu_seconds
    began = time.monotonic()
    paths = (
        objects.collection("serving.tidegate.dev/v1alpha1", "LLMService", objects.place(n)[0])
        for n in range(count)
    )
    await all_of(partial(client.create, path, objects.service(n)) for n, path in enumerate(paths))
    say(f"{count} services are there after {time.monotonic() - began:.1f} s")

    async def are_ready() -> bool:
        operator.require_alive()
        return await all_are(client, SERVICES, "ready", f"{POOLS}/{POOLS}", count)

    await until("all are Ready", are_ready)
    measured.ready_seconds = time.monotonic() - began
    say(f"{count} services are Ready after {measured.ready_seconds:.1f} s")
    await settle(made, operator, times)
    measured.settled_seconds = time.monotonic() - began - times.quiet
    measured.settled_cpu_seconds = operator.cpu_seconds - cpu
    measured.plane_cpu_seconds = {name: cpu_seconds(pid) for name, pid in made.pids.items()}
    found = audit.of_operator(audit.calls(made.audit_log, start))
    measured.calls = audit.counted(one for one in found if one.code < 400)
    measured.refused = audit.counted(one for one in found if one.code >= 400)
    measured.rss_full = operator.rss_mib
    measured.stored_bytes = made.stored_bytes
    say(f"settled; {operator.rss_mib:.0f} MiB, {measured.settled_cpu_seconds:.1f} s of CPU, {measured.calls}")


async def settle(made: Plane, operator: Operator, times: Times) -> None:
    """Wait until the operator has written nothing for a while."""
    quiet_since, seen = time.monotonic(), audit.end(made.audit_log)

    async def is_quiet() -> bool:
        nonlocal quiet_since, seen
        operator.require_alive()
        now = audit.end(made.audit_log)
        if any(one.is_write for one in audit.of_operator(audit.calls(made.audit_log, seen))):
            quiet_since = time.monotonic()
        seen = now
        return time.monotonic() - quiet_since >= times.quiet

    await until("nothing is written any more", is_quiet)


async def _children(client: Client, measured: Measured) -> list[Object]:
    """Return the children of the first service, as a script would write them; counts those of all."""
    namespace, name = objects.place(0)
    kinds = [
        ("v1", "ServiceAccount"),
        ("networking.k8s.io/v1", "NetworkPolicy"),
        ("v1", "Service"),
        ("apps/v1", "ControllerRevision"),
        ("policy/v1", "PodDisruptionBudget"),
        ("apps/v1", "Deployment"),
    ]
    found = []
    for api_version, kind in kinds:
        listed = await client.ask("GET", objects.collection(api_version, kind, namespace))
        for item in listed["items"]:
            if any(owner["name"] == name for owner in item["metadata"].get("ownerReferences") or ()):
                found.append(objects.plain({"apiVersion": api_version, "kind": kind, **item}))
    measured.children = len(found)
    return found


async def _steady(made: Plane, operator: Operator, measured: Measured, times: Times) -> None:
    start, cpu, began = audit.end(made.audit_log), operator.cpu_seconds, time.monotonic()
    await asyncio.sleep(times.steady)
    measured.steady_seconds = time.monotonic() - began
    measured.steady_cores = (operator.cpu_seconds - cpu) / measured.steady_seconds
    measured.steady_calls = audit.counted(audit.of_operator(audit.calls(made.audit_log, start)))
    say(f"steady: {measured.steady_cores:.4f} cores, {measured.steady_calls}")


async def _changes(made: Plane, client: Client, operator: Operator, measured: Measured, times: Times) -> None:
    """Change services, first one at a time and then many at once."""
    count = measured.services
    single = [n * count // CHANGES for n in range(min(CHANGES, count // 2))]
    start = audit.end(made.audit_log)
    for number in single:
        await _change(client, number)
        await asyncio.sleep(1.0)
    await settle(made, operator, times)
    measured.idle_delays = audit.delays(audit.calls(made.audit_log, start))
    rest = [n for n in range(count) if n not in set(single)]
    start = audit.end(made.audit_log)
    await all_of([partial(_change, client, number) for number in rest[:BURST]], AT_ONCE)
    await settle(made, operator, times)
    measured.burst_delays = audit.delays(audit.calls(made.audit_log, start))
    say(f"changes: {max(measured.idle_delays):.2f} s at most, {max(measured.burst_delays):.2f} s in a burst")


async def _change(client: Client, number: int) -> None:
    namespace, name = objects.place(number)
    path = objects.collection("serving.tidegate.dev/v1alpha1", "LLMService", namespace)
    await client.patch(f"{path}/{name}", {"spec": {"replicas": 2}})


async def _restart(made: Plane, measured: Measured, times: Times, program: Sequence[str]) -> None:
    start = audit.end(made.audit_log)
    async with process.running(made, "operator-1", program) as operator:
        await until("all was looked at", partial(operator.is_idle, measured.services), 0.25)
        measured.restart_seconds = time.monotonic() - operator.began
        measured.restart_cpu_seconds = operator.cpu_seconds
        await asyncio.sleep(times.quiet)
        measured.rss_restarted = operator.rss_mib
    measured.restart_calls = audit.counted(audit.of_operator(audit.calls(made.audit_log, start)))
    say(
        f"restart: {measured.restart_seconds:.1f} s, {measured.rss_restarted:.0f} MiB, {measured.restart_calls}"
    )


async def _script(made: Plane, client: Client, sample: Sequence[Object], measured: Measured) -> None:
    """Write the same children without an operator, and wait until all their workers are ready."""
    count, watch = measured.services, Watch(list(made.pids.values()))
    await _prepare(client, count)
    deployments = sum(child["kind"] == "Deployment" for child in sample)
    old = objects.place(0)[1]
    began = time.monotonic()
    await all_of(
        partial(
            client.create, objects.collection(child["apiVersion"], child["kind"], objects.place(n)[0]), child
        )
        for n in range(count)
        for child in objects.renamed(sample, old, n)
    )
    say(f"a script has written {count * len(sample)} objects after {time.monotonic() - began:.1f} s")
    ready = partial(all_are, client, DEPLOYMENTS, "ready", "1/1", count * deployments)
    await until("all Deployments are ready", ready)
    measured.script_seconds = time.monotonic() - began
    measured.script_stored_bytes = made.stored_bytes
    measured.foreign_cores["script"] = watch.lap()
    say(f"all Deployments of the script are ready after {measured.script_seconds:.1f} s")
