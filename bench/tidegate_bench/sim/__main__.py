"""`python -m tidegate_bench.sim --port 8000 [--port 8001 ...]`: simulated engines in one process.

Prints `ready` once all listen.
"""

import argparse
import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop

from tidegate_bench.sim.profile import Profile, load
from tidegate_bench.sim.server import SimEngine


async def serve(profile: Profile, host: str, ports: list[int], drain_seconds: float) -> None:
    """Serve until SIGTERM, then finish what runs for at most so long; until killed, if that is 0."""
    ended = asyncio.Event()
    if drain_seconds:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with AsyncExitStack() as stack:
        engines = [
            await stack.enter_async_context(SimEngine(profile, host=host, port=port, keep=0))
            for port in ports
        ]
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await ended.wait()
        await asyncio.gather(*(engine.drain(drain_seconds) for engine in engines))


def main() -> None:
    """Read the command line, and serve."""
    parser = argparse.ArgumentParser(prog="tidegate_bench.sim", description=__doc__)
    parser.add_argument("--port", type=int, action="append", required=True, help="one engine for each")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--profile", type=Path, help="a JSON file with fields of Profile")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="change one field")
    parser.add_argument("--faster", type=float, default=1.0, help="divide all times by this")
    parser.add_argument(
        "--shutdown-timeout",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="after SIGTERM, how long what runs may go on (vLLM's flag); 0: end at once",
    )
    words = parser.parse_args()
    try:
        profile = load(words.profile, words.set).faster(words.faster)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    uvloop.run(serve(profile, words.host, words.port, words.shutdown_timeout))


if __name__ == "__main__":
    main()
