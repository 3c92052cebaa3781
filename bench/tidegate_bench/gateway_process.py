"""Our gateway as a process of its own, all features on, with a directory from its arguments.

Run as `python -m tidegate_bench.gateway_process PORT ADMIN_PORT DIGEST ENGINE_PORT...`.
"""

import asyncio
import sys

from tidegate_api.names import PRIORITY_BY_CLASS, engine_priority
from tidegate_gateway.__main__ import run
from tidegate_gateway.directory import Caller, Directory, Model, Worker
from tidegate_gateway.gateway import Gateway
from tidegate_gateway.settings import Settings


async def publish_and_wait(gateway: Gateway) -> None:
    """Know one model, its workers and one key."""
    digest, ports = sys.argv[3], [int(word) for word in sys.argv[4:]]
    caller = Caller(digest, "bench", "tenant", "high", engine_priority(PRIORITY_BY_CLASS["high"]), None)
    workers = tuple(Worker(f"uid-{p}", "bench", "m", f"pod-{p}", "127.0.0.1", p) for p in ports)
    models = {"bench": {"m": Model("m", "bench", "m", 1.0)}}
    gateway.publish(Directory({digest: caller}, models, {("bench", "m"): workers}))
    await asyncio.Event().wait()


if __name__ == "__main__":
    run(Settings("127.0.0.1", int(sys.argv[1]), int(sys.argv[2]), log_level="warning"), publish_and_wait)
