"""`python -m tidegate_gateway`: the process.

Owns start and end: signals, event loop, exit status.
"""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine

import uvloop

from tidegate_gateway import logs
from tidegate_gateway.admin import start_admin
from tidegate_gateway.gateway import Gateway
from tidegate_gateway.limits.peers import Peers
from tidegate_gateway.limits.shares import Shares
from tidegate_gateway.routing.signals import Signals
from tidegate_gateway.settings import Settings, read_settings

# New objects until the collector looks: as many as some hundred open requests have.
GARBAGE_OBJECTS = 20_000

# Fills a gateway's directory for as long as it runs.
Source = Callable[[Gateway], Coroutine[None, None, None]]


async def serve(settings: Settings, source: Source) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in progress."""
    loop = asyncio.get_running_loop()
    gateway = Gateway(settings, loop)
    ended = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, ended.set)
    signals = Signals(gateway.report, gateway.rng)
    gateway.on_publish = lambda: signals.update(gateway.endpoints())
    if settings.traces_endpoint:
        from tidegate_gateway.tracing import connect  # noqa: PLC0415 - only where it is used: 15 MB

        gateway.tracing = connect(
            settings.traces_endpoint, gateway.instance, is_gen_ai=settings.is_gen_ai_traced
        )
    others = _meet_others(gateway) if settings.pod_uid else None
    talking = None if others is None else loop.create_task(others.run())
    admin = await start_admin(gateway, settings.admin_port, others, settings.host)
    port = await gateway.start()
    knowing = loop.create_task(source(gateway))
    knowing.add_done_callback(lambda _: ended.set())
    gateway.log.info("listening", port=port, admin_port=settings.admin_port)
    # What is there now stays, and requests leave no cycles behind: the collector is needed now and then only.
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS, 20, 20)
    await ended.wait()
    failed = knowing.done()
    # Idle connections close first: what others take over is not admitted here any more.
    await asyncio.gather(gateway.drain(), *(() if others is None else (others.leave(),)))
    ending = [task for task in (knowing, talking) if task is not None]
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
    await signals.close()
    if gateway.tracing is not None:
        await asyncio.to_thread(gateway.tracing.close)
    await admin.cleanup()
    if failed:
        raise RuntimeError("the watch of the cluster ended") from knowing.exception()


def _meet_others(gateway: Gateway) -> Peers:
    """Return the conversation with the gateways that the directory names."""
    shares = Shares(gateway.ledger)
    gateway.knows_its_share = lambda: shares.is_settled
    return Peers(shares, lambda: gateway.directory.peers if gateway.is_published else None, gateway.rng)


def run(settings: Settings, source: Source) -> None:
    """Run the gateway to its end in this thread."""
    logs.configure(settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, source))


def main() -> int:
    """Run the gateway of this Pod."""
    from tidegate_gateway.watch import watch_cluster  # noqa: PLC0415 - a second of imports, not needed elsewhere

    try:
        settings = read_settings(os.environ)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    run(settings, watch_cluster)
    return 0


if __name__ == "__main__":
    sys.exit(main())
