"""Where simulated workers run: each a process of its own, forked in a few milliseconds, known by its address.

Owns their processes, from this side and, run as `python -m streams.node JSON`, from theirs. Whoever stops answering is
not started again here: that is the kubelet's part.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from streams.engine import Pace, serve


class Node:
    """The process that forks workers, and what is known of those it has forked."""

    def __init__(self, folder: Path, *, token_seconds: float, prefill_seconds: float) -> None:
        told = {
            "folder": str(folder),
            "token_seconds": token_seconds,
            "prefill_seconds": prefill_seconds,
        }
        self.folder = folder
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "streams.node", json.dumps(told)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def start(self, host: str, port: int) -> int:
        """Start a worker, and return its process; it listens by then. Raises OSError if the address is taken."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{host} {port}\n".encode())
        self._process.stdin.flush()
        said = self._process.stdout.readline().decode().strip()
        if not said.isdecimal():
            raise OSError(f"no worker on {host}:{port}: {said or 'the node has ended'}")
        return int(said)

    def arrivals(self) -> list[tuple[str, str]]:
        """Return who was asked what, in the order of asking: names of workers, and prompts."""
        written = (self.folder / "arrivals").read_text().splitlines()
        return [(name, prompt) for name, _, prompt in (line.partition("\t") for line in written)]

    def close(self) -> None:
        """End the node, and with it all its workers."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def is_alive(process: int) -> bool:
    """Tell whether a worker still runs; one that its node has not buried yet does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        # The second, if it goes while it is being looked at.
        return False


async def has_ended(process: int) -> None:
    """Wait until a worker has ended."""
    while is_alive(process):  # noqa: ASYNC110 - another process' child cannot be waited for
        await asyncio.sleep(0.01)


def signal_to(process: int, number: signal.Signals) -> None:
    """Send a worker a signal, if it is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


def main(told: dict[str, Any]) -> None:
    """Fork a worker for each line of standard input, `HOST PORT`; say its process, or why there is none."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    pace = Pace(Path(told.pop("folder")), **told)
    workers = []
    while line := sys.stdin.readline():
        host, port = line.split()
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, int(port)))
            listening.listen(1024)
        except OSError as error:
            print(error, flush=True)
            listening.close()
            continue
        process = os.fork()
        if process == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            # The child must neither read the next lines nor keep the answers open.
            os.dup2(os.open(os.devnull, os.O_RDWR), 0)
            os.dup2(0, 1)
            serve(listening, pace, f"{host}:{port}/{os.getpid()}")
            os._exit(0)
        listening.close()
        workers.append(process)
        print(process, flush=True)
    for process in workers:
        signal_to(process, signal.SIGKILL)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
