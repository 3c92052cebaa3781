"""What a real vLLM reports of its KV cache, for models that are a config.json and made-up weights."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from integration.worker.workers import environment
from ports import free_port

_LABEL = re.compile(r'(\w+)="([^"]*)"')
_PATIENCE_SECONDS = 240


def made_up(folder: Path, like: Path, config: Mapping[str, Any]) -> Path:
    """Write a model of this config.json, with the tokenizer of another one and no weights at all."""
    folder.mkdir(parents=True)
    for file in like.glob("*token*"):
        shutil.copy(file, folder)
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def cache_report(python: Path, model: Path, home: Path, kv_gib: int, *flags: str) -> dict[str, str]:
    """Start the engine, return the labels of its `vllm:cache_config_info`, and stop it."""
    home.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), home / "log"
    words = ["--model", str(model), "--host", "127.0.0.1", "--port", str(port), "--enforce-eager", *flags]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(python), "-m", "tidegate_worker.engine", *words],
            env={**environment(home), "VLLM_CPU_KVCACHE_SPACE": str(kv_gib)},
            cwd=home,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return _labels(_metrics(process, port, log))
    finally:
        # The engine's own processes with it: the next one needs their memory.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _metrics(process: "subprocess.Popen[bytes]", port: int, log: Path) -> str:
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()[-4000:]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                return str(answer.read().decode())
        except OSError:
            time.sleep(0.25)
    raise AssertionError(f"it did not start: {log.read_text()[-4000:]}")


def _labels(text: str) -> dict[str, str]:
    line = next(line for line in text.splitlines() if line.startswith("vllm:cache_config_info{"))
    return dict(_LABEL.findall(line))
