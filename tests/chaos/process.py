"""The unmodified operator as a process that is there at once, and who brings it back when it has ended.

Owns processes. A process is forked from one that has imported the operator's modules and run nothing of them: what
takes a second of the machine otherwise. Must not know trials.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Any

from chaos import planted
from integration.operator.rig import Operator, kill
from ports import free_port

_fork = multiprocessing.get_context("forkserver")
_fork.set_forkserver_preload(["tidegate_operator.runtime", "tidegate_operator.logs"])
_starting = threading.Lock()
RESTART_SECONDS = 0.1


class Forked:
    """As much of `subprocess.Popen` as is asked of an operator."""

    def __init__(self, process: BaseProcess) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return its exit code, None while it runs."""
        return self._process.exitcode

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code when it has ended."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise TimeoutError(f"it runs on after {timeout} s")
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Signal it."""
        os.kill(self.pid, number)


@dataclass
class ForkedOperator(Operator):
    """`python -m tidegate_operator run`, forked; `bug` is planted first (`planted.BUGS`)."""

    bug: str | None = None

    def start(self) -> Operator:
        """Start it; return without waiting."""
        with _starting:
            self.port = free_port()
            words: Any = (self.environment(), str(self.log), self.bug)
            process = _fork.Process(target=planted.run, args=words, daemon=True)
            process.start()
        self.process = Forked(process)  # type: ignore[assignment]
        return self


class Keeper:
    """Starts the operator again whenever it has ended, as a kubelet does."""

    def __init__(self, operator: Operator) -> None:
        self._operator, self._stop = operator, threading.Event()
        self._thread = threading.Thread(target=self._keep)
        self.restarts = 0

    def kill(self) -> None:
        """End the operator as a crash would."""
        process = self._operator.process
        if process is not None:
            process.kill()

    def leave(self) -> None:
        """Start it no more, as if its node were gone."""
        self._stop.set()

    def said(self) -> str:
        """Return all that the operator has logged."""
        log = self._operator.log
        return log.read_text(errors="replace") if log.exists() else ""

    def __enter__(self) -> Keeper:
        self._operator.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        kill(self._operator)

    def _keep(self) -> None:
        while not self._stop.wait(RESTART_SECONDS):
            process = self._operator.process
            if process is not None and process.poll() is not None:
                self.restarts += 1
                self._operator.start()
