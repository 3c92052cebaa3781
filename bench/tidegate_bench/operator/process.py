"""The operator as a process, and what it says of itself.

Owns its life. Must not judge.
"""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidegate_bench.cost import cpu_seconds, rss_bytes
from tidegate_bench.operator.objects import GATEWAY_NAMESPACE
from tidegate_bench.operator.plane import Plane
from tidegate_bench.processes import free_port

MIB: Final = 2**20
START_SECONDS: Final = 600
_LINE: Final = re.compile(r"^(\S+?)(?:\{[^}]*\})? (\S+)$", re.M)


@dataclass(frozen=True, slots=True)
class Operator:
    """A running operator."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    began: float

    @property
    def rss_mib(self) -> float:
        """Return its resident memory."""
        return rss_bytes(self.process.pid) / MIB

    @property
    def cpu_seconds(self) -> float:
        """Return the CPU time it has used."""
        return cpu_seconds(self.process.pid)

    def get(self, path: str) -> tuple[int, str]:
        """Ask its admin port; status 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, ""
        except OSError:
            return 0, ""

    def metric(self, name: str) -> float:
        """Return the sum of all lines of a metric."""
        return sum(float(value) for found, value in _LINE.findall(self.get("/metrics")[1]) if found == name)

    def require_alive(self) -> None:
        """Raise RuntimeError where it has ended, as it does when the machine is too busy for it to keep its Lease."""
        if self.process.poll() is not None:
            raise RuntimeError(f"the operator has ended: {self.log.read_text(errors='replace')[-2000:]}")

    async def is_ready(self) -> bool:
        """Return whether it leads and has read everything."""
        self.require_alive()
        return self.metric("tidegate_operator_leader") == 1 and self.get("/readyz")[0] == 200

    async def is_idle(self, count: int) -> bool:
        """Return whether it leads, has looked at so many services, and none waits."""
        if not await self.is_ready():
            return False
        done = self.metric("tidegate_operator_reconciles_total")
        return done >= count and self.metric("tidegate_operator_queue_depth") == 0


def _start(argv: Sequence[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(argv, env=environment, stdout=output, stderr=output)


@asynccontextmanager
async def running(plane: Plane, name: str, program: Sequence[str] = ()) -> AsyncIterator[Operator]:
    """Run the operator until the block ends; it hands on its Lease."""
    port, log = free_port(), plane.spec.home / f"{name}.log"
    environment = {
        **{key: os.environ[key] for key in ("PATH", "PYTHONPATH", "HOME") if key in os.environ},
        "KUBECONFIG": str(plane.operator),
        "TIDEGATE_ADMIN_PORT": str(port),
        "POD_NAMESPACE": GATEWAY_NAMESPACE,
        "POD_NAME": name,
    }
    argv = [
        "setpriv",
        "--pdeathsig",
        "KILL",
        sys.executable,
        *(program or ("-m", "tidegate_operator", "run")),
    ]
    began = time.monotonic()
    process = _start(argv, environment, log)
    try:
        yield Operator(process, port, log, began)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(process.wait, 30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
