"""A real vLLM on this machine's CPU, for the simulated one to be measured by.

Owns its environment, its model and its process.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.request import urlopen

from tidegate_bench.peers import cache
from tidegate_bench.processes import free_port, launched
from tidegate_bench.sim.profile import Profile

READY_SECONDS: Final = 300
OK: Final = 200
ROOT: Final = Path(__file__).parents[3]
SMALL: Final = "smollm2-135m-instruct"
MODEL: Final = "m"
# What both are told; the rest of a simulated engine's profile is fitted.
LIMITS: Final = Profile(
    model=MODEL,
    max_model_len=2048,
    max_num_seqs=16,
    max_num_batched_tokens=2048,
    num_gpu_blocks=2048,
    keep_alive_seconds=60.0,
)


@dataclass(frozen=True, slots=True)
class Running:
    """A vLLM that answers."""

    port: int
    pid: int
    # The name of the model's directory.
    model: str


def interpreter() -> Path:
    """Return the Python of the vLLM environment that the lockfile describes; made when absent."""
    script = [sys.executable, str(ROOT / "hack" / "vllm_env.py")]
    made = subprocess.run(script, capture_output=True, text=True, check=True)
    return Path(made.stdout.strip())


def small_model(python: Path) -> Path:
    """Return the directory of the example model, made once and kept; of a tiny random one where that cannot be had."""
    small = cache() / "models" / SMALL
    if (small / "config.json").exists():
        return small
    small.parent.mkdir(parents=True, exist_ok=True)
    prepare = ROOT / "examples" / "01-quickstart" / "prepare_model.py"
    if subprocess.run([python, prepare, small], capture_output=True, check=False).returncode == 0:
        return small
    return tiny_model(python)


def tiny_model(python: Path) -> Path:
    """Return the directory of a model of 0.4 million random parameters: what it measures is vLLM's own work."""
    tiny = cache() / "models" / "tiny"
    subprocess.run([python, ROOT / "hack" / "tiny_model.py", tiny], capture_output=True, check=True)
    return tiny


@contextmanager
def vllm(logs: Path, tiny: bool = False) -> Iterator[Running]:
    """Run the vLLM that a simulated engine is measured by, until the block ends."""
    python = interpreter()
    where = tiny_model(python) if tiny else small_model(python)
    words = [
        *("--max-model-len", str(LIMITS.max_model_len), "--max-num-seqs", str(LIMITS.max_num_seqs)),
        *("--max-num-batched-tokens", str(LIMITS.max_num_batched_tokens)),
        *("--scheduling-policy", "priority", "--disable-log-stats"),
    ]
    with serving(python, where, words, logs, "vllm") as running:
        yield running


@contextmanager
def serving(python: Path, model: Path, flags: Sequence[str], logs: Path, name: str) -> Iterator[Running]:
    """Run a vLLM with these flags until the block ends; its log is `name`.log."""
    port = free_port()
    words = [
        *(str(python), "-m", "vllm.entrypoints.openai.api_server", "--model", str(model)),
        *("--served-model-name", MODEL, "--host", "127.0.0.1", "--port", str(port), "--enforce-eager"),
        # The cache has a size of its own, and engines may stand side by side: none may want all memory at its start.
        *("--gpu-memory-utilization", "0.1"),
        *flags,
    ]
    env = {
        **{name: str(logs) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "VLLM_CACHE_ROOT")},
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_HTTP_TIMEOUT_KEEP_ALIVE": "60",
    }
    log = logs / f"{name}.log"
    with launched(words, os.sched_getaffinity(0), log, env) as process:
        _await_health(process, port, log)
        yield Running(port, process.pid, model.name)


def _await_health(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), urlopen(f"http://127.0.0.1:{port}/health") as answer:
            if answer.status == OK:
                return
        time.sleep(0.5)
    raise RuntimeError(f"vLLM did not come up; it said: {log.read_text(errors='replace')[-2000:]}")
