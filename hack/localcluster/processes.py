"""Daemons by pid file: start, find again, wait until ready, stop.

A pid counts only together with its start time, so a reused pid is never signalled. Owns no flags and no
configuration of what it runs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import ClusterError

LOG_TAIL_LINES = 15
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Process:
    """A pid that cannot be mistaken for a later process with the same number."""

    pid: int
    started: str

    @property
    def alive(self) -> bool:
        state, started = _stat(self.pid)
        return started == self.started and state not in ("Z", "X", "")


@dataclass(frozen=True, slots=True)
class Daemon:
    """One long-running program: its pid file and log lie side by side in ``home``."""

    name: str
    argv: Sequence[str]
    home: Path

    @property
    def log(self) -> Path:
        return self.home / "logs" / f"{self.name}.log"

    @property
    def pidfile(self) -> Path:
        return self.home / "run" / f"{self.name}.pid"

    def running(self) -> Process | None:
        found = read_pidfile(self.pidfile)
        return found if found and found.alive else None

    def start(self) -> bool:
        """Start unless it runs already; true when this call started it."""
        if self.running():
            return False
        for folder in (self.log.parent, self.pidfile.parent):
            folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            child = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self.pidfile.write_text(f"{child.pid} {_stat(child.pid)[1]}\n")
        _children[child.pid] = child
        return True

    def await_ready(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait for the check; a dead process or a passed limit ends in an error with the end of the log."""
        limit = time.monotonic() + seconds
        while not ready():
            if not self.running():
                raise ClusterError(f"{self.name} ended while starting\n{self.tail()}", self._remedy())
            if time.monotonic() > limit:
                raise ClusterError(
                    f"{self.name} not ready after {seconds:.0f} s\n{self.tail()}", self._remedy()
                )
            time.sleep(POLL_SECONDS)

    def tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(f"  | {line}" for line in lines[-LOG_TAIL_LINES:])

    def _remedy(self) -> str:
        return f"read {self.log}, then `python -m localcluster down` and `up` again"


_children: dict[int, subprocess.Popen[bytes]] = {}


def _stat(pid: int) -> tuple[str, str]:
    """State letter and start time; empty when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "", ""
    fields = text.rpartition(")")[2].split()
    return fields[0], fields[19]


def read_pidfile(file: Path) -> Process | None:
    try:
        pid, started = file.read_text().split()
    except (OSError, ValueError):
        return None
    return Process(int(pid), started)


def children(pid: int) -> list[int]:
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def stop(pidfile: Path, grace: float = 5.0) -> None:
    """End the whole process group of a daemon: ask, wait, insist."""
    found = read_pidfile(pidfile)
    if found and found.alive:
        _signal_group(found.pid, signal.SIGTERM if grace else signal.SIGKILL)
        if not _gone(found, grace):
            _signal_group(found.pid, signal.SIGKILL)
            _gone(found, 5.0)
    elif found:
        _gone(found, 0)  # it ended by itself; as its parent we still have to be told
    pidfile.unlink(missing_ok=True)


def stop_all(home: Path, grace: float = 5.0) -> None:
    """End every daemon of a home directory, the last started first."""
    files = sorted((home / "run").glob("*.pid"), key=lambda f: f.stat().st_mtime, reverse=True)
    for file in files:
        stop(file, grace)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


def _gone(process: Process, seconds: float) -> bool:
    limit = time.monotonic() + seconds
    while process.alive and time.monotonic() < limit:
        time.sleep(POLL_SECONDS)
    if process.alive:
        return False
    if child := _children.pop(process.pid, None):
        child.wait()
    return True
