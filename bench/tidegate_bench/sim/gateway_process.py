"""Our gateway as a process, before any engines, with callers and policies from its argument.

Run as `python -m tidegate_bench.sim.gateway_process JSON`, the fields of Told.
"""

import asyncio
import sys

import msgspec

from tidegate_api.names import PRIORITY_BY_CLASS, QosClass, engine_priority
from tidegate_gateway.__main__ import run
from tidegate_gateway.directory import (
    DEFAULT_CLASSES,
    Caller,
    ClassPolicy,
    Directory,
    Model,
    Strategy,
    Worker,
)
from tidegate_gateway.gateway import Gateway
from tidegate_gateway.settings import Settings


class ToldCaller(msgspec.Struct):
    """Who holds a key."""

    digest: str
    tenant: str
    qos_class: QosClass


class Told(msgspec.Struct):
    """What the gateway is to be."""

    port: int
    admin_port: int
    engine_ports: list[int]
    callers: list[ToldCaller]
    host: str = "127.0.0.1"
    model: str = "m"
    strategy: Strategy = "Auto"
    # Instead of the defaults, for every class.
    max_queue: int | None = None


def directory_of(told: Told) -> Directory:
    """Return what the gateway knows: one model, its workers and the callers."""
    callers = {
        caller.digest: Caller(
            caller.digest,
            "bench",
            caller.tenant,
            caller.qos_class,
            engine_priority(PRIORITY_BY_CLASS[caller.qos_class]),
            None,
        )
        for caller in told.callers
    }
    classes = {
        name: ClassPolicy(
            policy.pool, policy.min_share, told.max_queue or policy.max_queue, policy.queue_timeout_seconds
        )
        for name, policy in DEFAULT_CLASSES.items()
    }
    model = Model(told.model, "bench", "m", 1.0, classes, told.strategy)
    workers = tuple(Worker(f"uid-{p}", "bench", "m", f"pod-{p}", told.host, p) for p in told.engine_ports)
    return Directory(callers, {"bench": {told.model: model}}, {("bench", "m"): workers})


def main() -> None:
    """Serve until killed."""
    told = msgspec.json.decode(sys.argv[1], type=Told)

    async def publish_and_wait(gateway: Gateway) -> None:
        gateway.publish(directory_of(told))
        await asyncio.Event().wait()

    run(Settings("127.0.0.1", told.port, told.admin_port, log_level="warning"), publish_and_wait)


if __name__ == "__main__":
    main()
