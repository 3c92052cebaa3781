"""A service with workers in processes of their own, behind a gateway in another.

Owns the processes, and what the gateway is told of them. A worker comes and goes as a kubelet lets it: known once it
listens; when it is to go, first known as terminating, then asked to end, then gone.
"""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

from tidegate_bench.processes import await_answer, await_port, free_port, python_module
from tidegate_bench.rollout.gateway_process import Told
from tidegate_bench.rollout.pods import SERVICE, pod, service, tenant
from tidegate_bench.sim.load import chat_request
from tidegate_bench.sim.profile import Profile

# Of the five seconds that a real one has: the gateway is told at once here.
PRE_STOP_SECONDS: Final = 0.5
DRAIN_SECONDS: Final = 60.0


@dataclass
class Worker:
    """One Pod."""

    name: str
    port: int
    revision: str
    is_canary: bool
    process: subprocess.Popen[bytes]
    is_terminating: bool = False

    async def end(self) -> None:
        """Ask it to end, and wait until it has."""
        self.process.terminate()
        await asyncio.to_thread(self.process.wait, DRAIN_SECONDS)


@dataclass
class Cluster:
    """The workers there are, and the gateway that is told of them."""

    key: str
    port: int
    admin_port: int
    gateway: subprocess.Popen[bytes]
    folder: Path
    rollout: dict[str, Any] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)
    # All that were ever started, and those of them that listen already and are not known to the gateway yet.
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    spare: list[tuple[str, int, subprocess.Popen[bytes]]] = field(default_factory=list)

    def tell(self) -> None:
        """Tell the gateway what is there."""
        pods = [
            pod(w.name, w.port, w.revision, is_canary=w.is_canary, is_terminating=w.is_terminating)
            for w in self.workers
        ]
        told = Told([service(self.rollout)], [tenant(self.key)], pods)
        if self.gateway.stdin is None:
            raise RuntimeError("the gateway cannot be told anything")
        self.gateway.stdin.write(msgspec.json.encode(told) + b"\n")
        self.gateway.stdin.flush()

    def announce(self, **rollout: object) -> None:
        """Say in the service's status how far its rollout is."""
        self.rollout = rollout
        self.tell()

    async def add(self, revision: str, *, is_canary: bool = False) -> Worker:
        """Let a worker become ready."""
        if not self.spare:
            await self.start()
        name, port, process = self.spare.pop(0)
        worker = Worker(name, port, revision, is_canary, process)
        self.workers.append(worker)
        self.tell()
        return worker

    async def start(self) -> None:
        """Start a worker that is ready once it is added: how long a start takes has no part in what is looked at."""
        name, port = f"{SERVICE}-{len(self.processes)}", free_port()
        words = (
            "--port",
            port,
            "--profile",
            self.folder / "profile.json",
            "--shutdown-timeout",
            DRAIN_SECONDS,
        )
        log = self.folder / f"{name}.log"
        process = _launch(python_module("tidegate_bench.sim", *words), log)
        self.processes.append(process)
        await asyncio.to_thread(await_port, process, port, log)
        self.spare.append((name, port, process))

    async def remove(self, worker: Worker) -> None:
        """Let a worker go once its streams have ended."""
        worker.is_terminating = True
        self.tell()
        await asyncio.sleep(PRE_STOP_SECONDS)
        await worker.end()
        self.workers.remove(worker)
        self.tell()

    async def kill(self, worker: Worker) -> None:
        """Let a worker die with all that it has."""
        worker.process.kill()
        await asyncio.to_thread(worker.process.wait)
        self.workers.remove(worker)
        self.tell()

    async def state(self) -> dict[str, Any]:
        """Return what the gateway tells the operator."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.admin_port}/state") as answer,
        ):
            told: dict[str, Any] = await answer.json()
        return told

    async def counts(self) -> dict[str, Any]:
        """Return what the gateway has counted of the two versions; nothing without a canary."""
        found: list[dict[str, Any]] = (await self.state())["services"]
        return found[0]["canary"] if found else {}


@asynccontextmanager
async def cluster(folder: Path, key: str, profile: Profile, replicas: int) -> AsyncIterator[Cluster]:
    """Run a service of version r1 behind a gateway until the block ends."""
    port, admin_port = free_port(), free_port()
    (folder / "profile.json").write_bytes(msgspec.json.encode(profile))
    log = folder / "gateway.log"
    command = python_module("tidegate_bench.rollout.gateway_process", port, admin_port)
    gateway = _launch(command, log)
    made = Cluster(key, port, admin_port, gateway, folder)
    try:
        await asyncio.to_thread(await_port, gateway, port, log)
        # As many again, and one that is tried.
        await asyncio.gather(*(made.start() for _ in range(2 * replicas + 1)))
        for _ in range(replicas):
            await made.add("r1")
        body = {"model": SERVICE, "messages": [{"role": "user", "content": "warm"}], "max_tokens": 1}
        await await_answer(port, chat_request(key, json.dumps(body).encode()))
        yield made
    finally:
        for process in (gateway, *made.processes):
            process.kill()
            process.communicate()


def _launch(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output)
