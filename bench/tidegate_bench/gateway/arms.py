"""The arms of a benchmark: an engine, no gateway, ours, and others, each in a process of its own.

Owns who runs where: gateways share one core and are asked in turns; load and engine have the other.
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
from tidegate_bench.peers import Peer, PeerAbsent, Place
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


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to the engine; without a process of its own when it is direct."""

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
    """All arms before one engine, ready to be asked."""

    arms: tuple[Arm, ...]
    engine_pid: int
    key: str
    # Peers that this machine cannot have, with the reason.
    absent: tuple[tuple[str, str], ...]

    def arm(self, name: str) -> Arm:
        """Return an arm that is there."""
        return next(arm for arm in self.arms if arm.name == name)

    @property
    def pids(self) -> list[int]:
        """Return the processes that a benchmark itself keeps busy."""
        return [os.getpid(), self.engine_pid, *(arm.pid for arm in self.arms if arm.pid)]


@contextmanager
def staged(names: Sequence[str], key: str, interval_ms: float, logs: Path) -> Iterator[Stage]:
    """Run an engine, our gateway and these peers; all answer when the block is entered."""
    under_test, rest = split_cores()
    os.sched_setaffinity(0, rest)
    try:
        with ExitStack() as stack:
            engine_port = free_port()
            words = python_module("tidegate_bench.engine", engine_port, interval_ms)
            engine = stack.enter_context(running(words, engine_port, rest, logs / "engine.log"))
            chosen = [peers.by_name(name) for name in names]
            yield _raise_arms(stack, chosen, key, engine_port, engine, under_test, logs)
    finally:
        os.sched_setaffinity(0, under_test | rest)


def _raise_arms(  # noqa: PLR0917 - what a process needs to run
    stack: ExitStack,
    chosen: Sequence[Peer],
    key: str,
    engine_port: int,
    engine: int,
    cores: set[int],
    logs: Path,
) -> Stage:
    """Start all at once, since some take long, then wait for each."""
    started: list[tuple[Arm, subprocess.Popen[bytes], Path]] = []
    absent = []
    for peer in chosen:
        home = logs / peer.name
        home.mkdir()
        place = Place(free_port(), free_port(), (engine_port,), key, home)
        log = logs / f"{peer.name}.log"
        try:
            words = peer.command(place)
        except PeerAbsent as reason:
            absent.append((peer.name, str(reason)))
            continue
        process = stack.enter_context(launched(words, cores, log, peer.env))
        started.append((Arm(peer.name, place.port, process.pid, peer.verbatim, peer.slow), process, log))
    port, admin = free_port(), free_port()
    words = python_module("tidegate_bench.gateway_process", port, admin, digest(key), engine_port)
    process = stack.enter_context(launched(words, cores, logs / "ours.log"))
    started.insert(0, (Arm(OURS, port, process.pid), process, logs / "ours.log"))
    for arm, process, log in started:
        await_port(process, arm.port, log)
        asyncio.run(await_answer(arm.port, request_bytes(key, stream=False)))
    arms = (Arm(DIRECT, engine_port, None), *(arm for arm, _, _ in started))
    return Stage(arms, engine, key, tuple(absent))
