"""Daemons by pid file: found again, never mistaken, stopped as a whole."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from localcluster import processes
from localcluster.errors import ClusterError
from localcluster.processes import Daemon, Process

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


def test_a_running_daemon_is_not_started_twice(tmp_path: Path) -> None:
    daemon = Daemon("sleeper", SLEEPER, tmp_path)
    try:
        assert daemon.start()
        assert not Daemon("sleeper", SLEEPER, tmp_path).start()
        assert daemon.running()
    finally:
        processes.stop_all(tmp_path, grace=0)
    assert not daemon.running()
    assert not daemon.pidfile.exists()


def test_a_reused_pid_is_not_ours(tmp_path: Path) -> None:
    daemon = Daemon("gone", SLEEPER, tmp_path)
    daemon.pidfile.parent.mkdir()
    daemon.pidfile.write_text(f"{os.getpid()} 1\n")
    assert not daemon.running()
    processes.stop(daemon.pidfile, grace=0)
    assert not daemon.pidfile.exists()


def test_a_process_that_never_was_is_not_alive() -> None:
    assert not Process(2**22 + 1, "1").alive


def test_a_daemon_that_dies_says_its_last_words(tmp_path: Path) -> None:
    daemon = Daemon("broken", [sys.executable, "-c", "print('no such flag'); raise SystemExit(3)"], tmp_path)
    daemon.start()
    with pytest.raises(ClusterError, match=r"(?s)broken ended while starting.*no such flag.*broken\.log"):
        daemon.await_ready(lambda: False, 60)
    processes.stop_all(tmp_path, grace=0)
    assert not daemon.pidfile.exists()


def test_a_daemon_that_never_answers_is_reported(tmp_path: Path) -> None:
    daemon = Daemon("silent", SLEEPER, tmp_path)
    daemon.start()
    try:
        with pytest.raises(ClusterError, match="not ready"):
            daemon.await_ready(lambda: False, 0)
    finally:
        processes.stop_all(tmp_path, grace=0)


def test_a_pid_file_with_nonsense_is_no_process(tmp_path: Path) -> None:
    (tmp_path / "x.pid").write_text("nonsense")
    assert processes.read_pidfile(tmp_path / "x.pid") is None
