"""The gateway as a process, with a directory from its arguments instead of a cluster.

PORT ADMIN_PORT DIGEST ENGINE_PORT: where it listens, the one key that it knows, the one worker. LOG_LEVEL and TRACES of
the environment are how much it logs, and where spans go.
"""

import asyncio
import os
import sys

from tidegate_gateway.__main__ import run
from tidegate_gateway.directory import Caller, Directory, Model, Worker
from tidegate_gateway.gateway import Gateway
from tidegate_gateway.settings import Settings


async def publish_and_wait(gateway: Gateway) -> None:
    """Know one model, one worker, one key."""
    digest, engine = sys.argv[3], int(sys.argv[4])
    worker = Worker("uid", "ns", "m-svc", "pod", "127.0.0.1", engine)
    gateway.publish(
        Directory(
            {digest: Caller(digest, "ns", "tenant", "high", -100, None)},
            {"ns": {"m": Model("m", "ns", "m-svc", 1.0)}},
            {("ns", "m-svc"): (worker,)},
        )
    )
    await asyncio.Event().wait()


if __name__ == "__main__":
    told = Settings(
        "127.0.0.1",
        int(sys.argv[1]),
        int(sys.argv[2]),
        access_log=True,
        log_level=os.environ.get("LOG_LEVEL", "info"),
        traces_endpoint=os.environ.get("TRACES", ""),
        is_gen_ai_traced=True,
    )
    run(told, publish_and_wait)
