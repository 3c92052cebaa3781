"""The processes of a benchmark with simulated engines: one process of engines, gateways before them, and control.

Owns their start and what the engines are asked between runs. Gateways share one core; engines and load the other.
"""

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tidegate_api.keys import digest
from tidegate_bench.cost import busy_seconds, cpu_seconds
from tidegate_bench.processes import (
    await_answer,
    await_port,
    free_port,
    launched,
    python_module,
    running,
    split_cores,
)
from tidegate_bench.sim.gateway_process import Told, ToldCaller
from tidegate_bench.sim.load import chat_request
from tidegate_bench.sim.profile import Profile
from tidegate_gateway.directory import Strategy


@dataclass(frozen=True, slots=True)
class Engines:
    """Simulated engines in one process."""

    ports: tuple[int, ...]
    pid: int

    async def states(self) -> list[dict[str, Any]]:
        """Return what each engine has counted."""
        return [await _control(port, "GET", "/sim/state") for port in self.ports]

    async def reset(self) -> None:
        """Wait until nothing runs, then empty all caches and counts."""
        async with asyncio.timeout(60):
            while any(s["running"] or s["waiting"] for s in await self.states()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        for port in self.ports:
            await _control(port, "POST", "/sim/reset")

    def cpu_seconds(self) -> float:
        """Return the CPU time that all engines together have used."""
        return cpu_seconds(self.pid)


async def _control(port: int, method: str, path: str) -> dict[str, Any]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    found: dict[str, Any] = json.loads(await reader.readexactly(size))
    writer.close()
    return found


@contextmanager
def cores() -> Iterator[tuple[set[int], set[int]]]:
    """Keep this process off the gateways' core; yield that core, and those for engines and load."""
    under_test, rest = split_cores()
    os.sched_setaffinity(0, rest)
    try:
        yield under_test, rest
    finally:
        os.sched_setaffinity(0, under_test | rest)


@contextmanager
def engines(profile: Profile, count: int, where: set[int], logs: Path) -> Iterator[Engines]:
    """Run engines of a profile."""
    ports = tuple(free_port() for _ in range(count))
    file = logs / "profile.json"
    file.write_bytes(msgspec.json.encode(profile))
    words = [word for port in ports for word in ("--port", port)]
    command = python_module("tidegate_bench.sim", *words, "--profile", file)
    with running(command, ports[-1], where, logs / "engines.log") as pid:
        yield Engines(ports, pid)


@dataclass(frozen=True, slots=True)
class Started:
    """A gateway that takes connections, or soon will."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    async def ready(self, key: str, model: str = "m") -> None:
        """Wait until it answers."""
        await asyncio.to_thread(await_port, self.process, self.port, self.log)
        body = {"model": model, "messages": [{"role": "user", "content": "warm"}], "max_tokens": 1}
        await await_answer(self.port, chat_request(key, json.dumps(body).encode()))


def start(
    stack: ExitStack,
    name: str,
    command: Sequence[str],
    port: int,
    *,
    where: set[int],
    logs: Path,
    env: dict[str, str] | None = None,
) -> Started:
    """Start a gateway that runs until the stack is closed."""
    log = logs / f"{name}.log"
    return Started(name, port, stack.enter_context(launched(command, where, log, env)), log)


def ours(
    engine_ports: Sequence[int],
    callers: Sequence[ToldCaller],
    strategy: Strategy = "Auto",
    **fields: Any,
) -> tuple[list[str], int]:
    """Return the command of our gateway, and its port."""
    port = free_port()
    told = Told(port, free_port(), list(engine_ports), list(callers), strategy=strategy, **fields)
    words = python_module("tidegate_bench.sim.gateway_process", msgspec.json.encode(told).decode())
    return words, port


def caller(key: str, tenant: str, qos_class: Any) -> ToldCaller:
    """Return who holds a key."""
    return ToldCaller(digest(key), tenant, qos_class)


class Watch:
    """Tells how many cores were used by anyone but the benchmark."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self._begin = self._now()

    def _now(self) -> tuple[float, float, float]:
        own = sum(map(cpu_seconds, self._pids)) + time.process_time()
        return time.perf_counter(), busy_seconds(), own

    def lap(self) -> float:
        """Return the cores that others used since the last lap."""
        before, self._begin = self._begin, self._now()
        wall, busy, own = (after - then for after, then in zip(self._begin, before, strict=True))
        return max(0.0, (busy - own) / wall)
