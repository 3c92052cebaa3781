"""`python -m tidegate_bench profile`: where the gateway's CPU goes, per request or per chunk.

Three passes under the same load, since each way of looking slows what it looks at: by the system's own account
(nothing attached), under strace (how many system calls), under py-spy (which functions, C included).
"""

import asyncio
import shutil
import signal
import tempfile
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvloop

from tidegate_api.keys import new_key
from tidegate_bench import peers
from tidegate_bench.client import Load, run_load
from tidegate_bench.cost import Usage, cpu_seconds, usage
from tidegate_bench.gateway.arms import OURS, staged
from tidegate_bench.gateway.loads import INTERVAL_MS, LOADS
from tidegate_bench.gateway.samples import (
    Share,
    by_module,
    by_origin,
    read_stacks,
    read_syscalls,
    shares,
    weighted,
)

PY_SPY: Final = "py-spy==0.4.3"
SAMPLES_PER_SECOND: Final = 500
MODULES: Final = 20
# Attaching takes a moment, in which the process stands still.
ATTACH_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Subject:
    """The gateway that is looked at, and what it is asked."""

    pid: int
    port: int
    key: str
    load: Load

    @property
    def unit(self) -> str:
        """Name what costs are divided by."""
        return "chunk" if self.load.stream else "request"


def main(load_name: str, seconds: float, lines: bool, top: int) -> int:
    """Run the three passes and print what they show."""
    with (
        tempfile.TemporaryDirectory() as name,
        staged((), new_key(), INTERVAL_MS, Path(name)) as stage,
    ):
        ours = stage.arm(OURS)
        subject = Subject(ours.pid or 0, ours.port, stage.key, LOADS[load_name])
        uvloop.run(_passes(subject, seconds, lines, top, Path(name)))
    return 0


async def _passes(subject: Subject, seconds: float, lines: bool, top: int, logs: Path) -> None:
    await _units_while(subject, asyncio.sleep(1))
    cost, units = await _account(subject, seconds)
    print(
        f"{units} {subject.unit}s, µs each: {cost.seconds / units * 1e6:.1f} "
        f"(user {cost.user / units * 1e6:.0f}, system {cost.system / units * 1e6:.0f}), "
        f"waits each {cost.waits / units:.3f}"
    )
    await _trace(subject, seconds, logs / "strace")
    busy = await _sample(subject, seconds, lines, logs / "stacks")
    stacks = weighted(read_stacks(_text(logs / "stacks")), busy, cost.system / cost.seconds)
    show_functions(shares(stacks), subject.unit, cost.seconds / units * 1e6, top)


async def _units_while(subject: Subject, ending: Awaitable[object]) -> int:
    """Keep up the load until something ends, and return how many requests, or chunks, were answered."""
    task = asyncio.ensure_future(ending)
    units = 0
    while not task.done():
        outcome = await run_load(subject.port, subject.load, subject.key)
        if outcome.wrong:
            raise RuntimeError(f"{outcome.wrong} of {outcome.answers} answers were wrong")
        units += outcome.tokens if subject.load.stream else outcome.answers
    await task
    return units


async def _account(subject: Subject, seconds: float) -> tuple[Usage, int]:
    before = usage(subject.pid)
    units = await _units_while(subject, asyncio.sleep(seconds))
    return usage(subject.pid) - before, units


async def _trace(subject: Subject, seconds: float, table: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        print("no strace: system calls are not counted")
        return
    tracer = await asyncio.create_subprocess_exec(
        strace, "-f", "-c", "-q", "-p", str(subject.pid), "-o", str(table)
    )
    await asyncio.sleep(ATTACH_SECONDS)
    units = await _units_while(subject, asyncio.sleep(seconds))
    tracer.send_signal(signal.SIGINT)
    await tracer.wait()
    show_syscalls(subject.unit, units, table)


def _text(path: Path) -> str:
    return path.read_text()


def show_syscalls(unit: str, units: int, table: Path) -> None:
    """Print what strace counted."""
    print(f"\nsystem calls per {unit}")
    for row in read_syscalls(table.read_text())[:8]:
        print(f"  {row.calls / units:8.3f}  {row.name}")


async def _sample(subject: Subject, seconds: float, lines: bool, stacks: Path) -> float:
    """Write stacks; return the share of the time in which the process ran."""
    sampler = await asyncio.create_subprocess_exec(
        str(peers.environment(PY_SPY) / "bin" / "py-spy"),
        *("record", "--native", "--idle", "--format", "raw", "--rate", str(SAMPLES_PER_SECOND)),
        *(() if lines else ("--function",)),
        *("--duration", str(max(1, round(seconds))), "--pid", str(subject.pid), "--output", str(stacks)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    ended = asyncio.ensure_future(sampler.communicate())
    before, began = cpu_seconds(subject.pid), time.perf_counter()
    await _units_while(subject, ended)
    busy = (cpu_seconds(subject.pid) - before) / (time.perf_counter() - began)
    if sampler.returncode:
        raise RuntimeError(f"py-spy failed: {ended.result()[1].decode(errors='replace')}")
    return min(1.0, busy)


def show_functions(rows: list[Share], unit: str, microseconds: float, top: int) -> None:
    """Print where py-spy saw the process, as shares of what a unit costs."""
    print(f"\nwhere own time is spent, of {microseconds:.1f} µs per {unit}")
    for origin, share in by_origin(rows).items():
        print(f"  {share:6.1%} {share * microseconds:6.1f} µs  {origin}")
    print("\n  by module of ours")
    for module, share in list(by_module(rows).items())[:MODULES]:
        print(f"  {share:6.1%} {share * microseconds:6.1f} µs  {module}")
    print(f"\n  {'own':>6} {'own µs':>7} {'with callees':>13}  function")
    for row in rows[:top]:
        told = f"{row.own:6.1%} {row.own * microseconds:7.2f} {row.inclusive:13.1%}"
        print(f"  {told}  {row.function}")
