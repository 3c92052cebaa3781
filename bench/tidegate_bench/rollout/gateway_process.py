"""Our gateway as a process that is told of services and Pods as it would be by the API server.

Run as `python -m tidegate_bench.rollout.gateway_process PORT ADMIN_PORT`. Reads a line of JSON from standard input for
each change: the objects of a `Told`, whole. Objects are read, and directories made of them, by the gateway's own code.
"""

import asyncio
import sys
from typing import Any

import msgspec

from tidegate_gateway.__main__ import run
from tidegate_gateway.gateway import Gateway
from tidegate_gateway.settings import Settings
from tidegate_gateway.store import Store


class Told(msgspec.Struct):
    """All objects there are."""

    services: list[dict[str, Any]]
    tenants: list[dict[str, Any]]
    pods: list[dict[str, Any]]


async def follow(gateway: Gateway) -> None:
    """Know what the last line says, until there are no more."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2**20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    store = Store()
    while line := await reader.readline():
        told = msgspec.json.decode(line, type=Told)
        store.services.replace(None, told.services)
        store.tenants.replace(None, told.tenants)
        store.workers.replace(None, told.pods)
        gateway.publish(store.directory())
    await asyncio.Event().wait()


if __name__ == "__main__":
    run(Settings("127.0.0.1", int(sys.argv[1]), int(sys.argv[2]), log_level="warning"), follow)
