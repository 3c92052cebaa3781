"""The processes of a benchmark: started, pinned to a core, awaited, ended.

Owns their lives. Must not measure.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

READY_SECONDS: Final = 90
END_SECONDS: Final = 3


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def launched(
    argv: Sequence[str], cores: set[int], log: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program on some cores until the block ends, its children with it."""
    pinned = ["taskset", "--cpu-list", ",".join(map(str, sorted(cores))), *argv]
    with log.open("wb") as output:
        process = subprocess.Popen(
            pinned, stdout=output, stderr=output, env={**os.environ, **(env or {})}, start_new_session=True
        )
    try:
        yield process
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
        # Its session is its own: nothing but its children is left in there.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def running(argv: Sequence[str], port: int, cores: set[int], log: Path) -> Iterator[int]:
    """Run a program until the block ends; it is entered, with its id, once `port` takes connections."""
    with launched(argv, cores, log) as process:
        await_port(process, port, log)
        yield process.pid


def await_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until a program listens; raise RuntimeError with the end of its output if it does not."""
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    told = log.read_text(errors="replace")[-1000:]
    raise RuntimeError(f"{process.args!r} did not listen on {port}; it said: {told}")


async def await_answer(port: int, request: bytes) -> None:
    """Wait until a gateway answers a request with 200: it may listen long before it knows its workers."""
    until = time.monotonic() + READY_SECONDS
    line = b""
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            line = await reader.readline()
            writer.close()
            if line.startswith(b"HTTP/1.1 200"):
                return
        await asyncio.sleep(0.2)
    raise RuntimeError(f"no answer with status 200 on port {port} within {READY_SECONDS} s, but {line!r}")


def split_cores() -> tuple[set[int], set[int]]:
    """Return a core for the gateway under test, and those for load and engine."""
    cores = sorted(os.sched_getaffinity(0))
    return ({cores[0]}, set(cores[1:])) if len(cores) > 1 else (set(cores), set(cores))


def python_module(name: str, *words: object) -> list[str]:
    """Return the command of one of our modules."""
    return [sys.executable, "-m", name, *map(str, words)]
