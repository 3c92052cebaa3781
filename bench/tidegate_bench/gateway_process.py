"""Our gateway as a process of its own, all features on, with a directory from its arguments.

Run as `python -m tidegate_bench.gateway_process PORT ADMIN_PORT DIGEST ENGINE_PORT...`.
"""

import asyncio
import sys
from collections.abc import Sequence
from typing import Final

from tidegate_api.names import PRIORITY_BY_CLASS, engine_priority
from tidegate_gateway.__main__ import run
from tidegate_gateway.directory import (
    DEFAULT_CLASSES,
    Caller,
    ClassPolicy,
    Directory,
    Model,
    TenantLimits,
    Worker,
)
from tidegate_gateway.gateway import Gateway
from tidegate_gateway.settings import Settings

# So high that they are checked and settled for each request, and refuse none.
LIMITS: Final = TenantLimits(
    requests_per_minute=10**9, tokens_per_minute=10**12, concurrency=10**6, budget_tokens=10**15
)
# A thousand requests at once are to wait for credits, not to be refused.
MAX_QUEUE: Final = 10_000


def directory(digest: str, engine_ports: Sequence[int]) -> Directory:
    """Return what the gateway knows: one key with limits of every kind, one model, its workers."""
    priority = engine_priority(PRIORITY_BY_CLASS["high"])
    caller = Caller(
        digest,
        "bench",
        "tenant",
        "high",
        priority,
        None,
        salt="bench",
        limits=LIMITS,
        services=frozenset({"m"}),
    )
    classes = {
        name: ClassPolicy(policy.pool, policy.min_share, MAX_QUEUE, policy.queue_timeout_seconds)
        for name, policy in DEFAULT_CLASSES.items()
    }
    workers = tuple(Worker(f"uid-{p}", "bench", "m", f"pod-{p}", "127.0.0.1", p) for p in engine_ports)
    models = {"bench": {"m": Model("m", "bench", "m", 1.0, classes)}}
    return Directory({digest: caller}, models, {("bench", "m"): workers})


async def publish_and_wait(gateway: Gateway) -> None:
    """Know what the arguments say."""
    gateway.publish(directory(sys.argv[3], [int(word) for word in sys.argv[4:]]))
    await asyncio.Event().wait()


if __name__ == "__main__":
    run(Settings("127.0.0.1", int(sys.argv[1]), int(sys.argv[2]), log_level="warning"), publish_and_wait)
