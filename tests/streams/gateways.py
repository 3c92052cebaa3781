"""The gateway as a process, told of its services and workers by its parent or by an API server.

Owns its life: started, awaited, told, asked for its metrics, ended. Run as `python -m streams.gateways JSON` it is that
process: `tidegate_gateway` with an address of its own, so that several run on one machine.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from adminpages import ask, value_of
from ports import free_port
from tidegate_api.keys import new_key
from tidegate_bench.processes import await_port
from tidegate_bench.rollout.gateway_process import Told, follow
from tidegate_bench.rollout.pods import pod, service, tenant
from tidegate_gateway.__main__ import run
from tidegate_gateway.settings import Limits, read_settings
from tidegate_gateway.watch import watch_cluster

HOST = "127.0.0.1"


class Gateway:
    """One gateway process."""

    def __init__(
        self,
        folder: Path,
        *,
        source: str,
        host: str = HOST,
        port: int = 0,
        admin_port: int = 0,
        limits: Mapping[str, float] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.host, self.port = host, port or free_port(host)
        self.admin_port = admin_port or free_port(host)
        told = {
            "source": source,
            "host": host,
            "port": self.port,
            "admin_port": self.admin_port,
            "limits": dict(limits or {}),
        }
        self.log = folder / f"gateway-{host}-{self.port}.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    "setpriv",
                    "--pdeathsig",
                    "KILL",
                    sys.executable,
                    "-m",
                    "streams.gateways",
                    json.dumps(told),
                ],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **(env or {})},
            )
        if host == HOST:
            await_port(self.process, self.port, self.log)

    def get(self, path: str) -> tuple[int, str]:
        """Ask its admin port; status 0 when nobody answers."""
        return ask(f"http://{self.host}:{self.admin_port}{path}")

    def metric(self, line: str) -> float:
        """Return the value of one line of /metrics; 0 where there is none yet."""
        return value_of(line, self.get("/metrics")[1]) or 0.0

    @property
    def rss_mb(self) -> float:
        """Return its memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def kill(self) -> None:
        """End it whatever state it is in."""
        self.process.kill()
        self.process.communicate()


class Alone(Gateway):
    """A gateway that its parent tells which workers there are: one service, one tenant, one key."""

    def __init__(self, folder: Path, ports: Sequence[int], limits: Mapping[str, float] | None = None) -> None:
        super().__init__(folder, source="told", limits=limits)
        self.key = new_key()
        self.tell(ports)

    def tell(self, ports: Sequence[int]) -> None:
        """Let it know of ready workers on these ports, and no others."""
        pods = [pod(f"m-{port}", port, "r1", is_canary=False, is_terminating=False) for port in ports]
        told = Told([service({"phase": "Stable", "revision": "r1"})], [tenant(self.key)], pods)
        assert self.process.stdin
        self.process.stdin.write(msgspec.json.encode(told) + b"\n")
        self.process.stdin.flush()

    def choose(self) -> tuple[str, int]:
        """Return where clients connect."""
        return self.host, self.port

    async def ready(self) -> None:
        """Wait until it takes requests."""
        async with asyncio.timeout(60):
            while (await asyncio.to_thread(self.get, "/readyz"))[0] != 200:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)


def main(told: dict[str, Any]) -> None:
    """Be a gateway."""
    source = {"told": follow, "cluster": watch_cluster}[told.pop("source")]
    limits = Limits(**told.pop("limits"))
    run(replace(read_settings(os.environ), limits=limits, **told), source)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
