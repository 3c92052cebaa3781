"""The arms of a benchmark: engines, no gateway, ours, and others, each in a process of its own.

Owns who runs where: gateways share one core and are asked in turns; load and engines have the other.
"""

import asyncio
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidegate_api.keys import digest
from tidegate_bench import peers
from tidegate_bench.client import request_bytes
from tidegate_bench.cost import cpu_seconds
from tidegate_bench.peers import PeerAbsent, Place
from tidegate_bench.processes import (
    await_answer,
    await_port,
    free_port,
    launched,
    python_module,
    running,
    split_cores,
)

DIRECT: Final = "direct"
OURS: Final = "ours"
# Behind every gateway, so that it has to choose.
ENGINES: Final = 2


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to an engine; without a process of its own when it is direct."""

    name: str
    port: int
    pid: int | None
    verbatim: bool = True
    slow: bool = False

    def cpu_seconds(self) -> float:
        """Return the CPU time it has used; none when it is direct."""
        return cpu_seconds(self.pid) if self.pid else 0.0


@dataclass(frozen=True, slots=True)
class Stage:
    """All arms before the same engines, ready to be asked."""

    arms: tuple[Arm, ...]
    engine_pid: int
    key: str
    # Peers that this machine cannot have, with the reason.
    absent: dict[str, str]

    def arm(self, name: str) -> Arm:
        """Return an arm that is there."""
        return next(arm for arm in self.arms if arm.name == name)

    @property
    def pids(self) -> list[int]:
        """Return the processes that a benchmark itself keeps busy, but its own."""
        return [self.engine_pid, *(arm.pid for arm in self.arms if arm.pid)]


@dataclass(frozen=True, slots=True)
class _Started:
    arm: Arm
    process: subprocess.Popen[bytes]
    log: Path


@contextmanager
def staged(names: Sequence[str], key: str, interval_ms: float, logs: Path) -> Iterator[Stage]:
    """Run engines, our gateway and these peers; all answer when the block is entered."""
    under_test, rest = split_cores()
    os.sched_setaffinity(0, rest)
    try:
        with ExitStack() as stack:
            ports = tuple(free_port() for _ in range(ENGINES))
            words = python_module("tidegate_bench.engine", interval_ms, *ports)
            engine = stack.enter_context(running(words, ports[-1], rest, logs / "engine.log"))
            # All are started at once, since some take long, and then waited for.
            started = [_start_ours(stack, key, ports, logs, under_test)]
            absent: dict[str, str] = {}
            for name in names:
                try:
                    started.append(_start(stack, name, _place(name, key, ports, logs), under_test))
                except PeerAbsent as reason:
                    absent[name] = str(reason)
            arms = (Arm(DIRECT, ports[0], None), *(_ready(one, key) for one in started))
            yield Stage(arms, engine, key, absent)
    finally:
        os.sched_setaffinity(0, under_test | rest)


def _place(name: str, key: str, engine_ports: tuple[int, ...], logs: Path) -> Place:
    home = logs / name
    home.mkdir()
    return Place(free_port(), free_port(), engine_ports, key, home)


def _start(stack: ExitStack, name: str, place: Place, cores: set[int]) -> _Started:
    peer = peers.by_name(name)
    log = place.home / "log"
    process = stack.enter_context(launched(peer.command(place), cores, log, peer.env))
    return _Started(Arm(name, place.port, process.pid, peer.verbatim, peer.slow), process, log)


def _start_ours(
    stack: ExitStack, key: str, engine_ports: tuple[int, ...], logs: Path, cores: set[int]
) -> _Started:
    port, log = free_port(), logs / "ours.log"
    words = python_module("tidegate_bench.gateway_process", port, free_port(), digest(key), *engine_ports)
    process = stack.enter_context(launched(words, cores, log))
    return _Started(Arm(OURS, port, process.pid), process, log)


def _ready(started: _Started, key: str) -> Arm:
    await_port(started.process, started.arm.port, started.log)
    asyncio.run(await_answer(started.arm.port, request_bytes(key, stream=False)))
    return started.arm
