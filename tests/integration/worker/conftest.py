"""A real vLLM on the CPU with a tiny model: made once, kept in the cache, started once per session."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.worker.workers import ROOT, Worker


@pytest.fixture(scope="session")
def vllm_python() -> Path:
    """Return the interpreter of the vLLM environment that the lockfile describes."""
    script = [sys.executable, str(ROOT / "hack" / "vllm_env.py")]
    made = subprocess.run(script, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return Path(made.stdout.strip())


@pytest.fixture(scope="session")
def tiny_model(vllm_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a real model of 0.4 million parameters."""
    target = tmp_path_factory.mktemp("models") / "tiny"
    subprocess.run([vllm_python, ROOT / "hack" / "tiny_model.py", target], capture_output=True, check=True)
    return target


@pytest.fixture(scope="module")
def worker(vllm_python: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """Return a worker that serves the tiny model, as the first process of its own process namespace."""
    running = Worker.start(vllm_python, tiny_model, tmp_path_factory.mktemp("worker"))
    try:
        running.wait_until_healthy()
        yield running
    finally:
        running.kill()
