"""How the tests run a worker: like a container does, with its own process namespace, and talk to it."""

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from ports import free_port

ROOT = Path(__file__).resolve().parents[3]
MODEL = "tiny"
CONTEXT = 2048
# Other tests may use the processors meanwhile.
DRAIN_SECONDS = 300


def environment(home: Path) -> dict[str, str]:
    """Return what the operator and the image set, with `home` as the only place to write."""
    places = {name: str(home) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "VLLM_CACHE_ROOT")}
    return {
        **os.environ,
        **places,
        # The path of a socket has a hundred characters, and a test's own folder may have more.
        "VLLM_RPC_BASE_PATH": gettempdir(),
        "PYTHONPATH": f"{ROOT / 'worker'}:{ROOT / 'crds'}",
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        # As the image says: what vLLM would compile at the first request needs more than a compiler.
        "TORCH_COMPILE_DISABLE": "1",
    }


def serve(python: Path, model: Path, message: Path, *engine: str) -> list[str]:
    """Return the command of a worker, as the operator writes it."""
    options = [
        f"--model-path={model}",
        f"--drain-seconds={DRAIN_SECONDS}",
        f"--termination-message={message}",
    ]
    return [str(python), "-m", "tidegate_worker", "serve", *options, "--", "--model", str(model), *engine]


@dataclass
class Worker:
    """A running worker."""

    # Started as a first process needs a parent outside: unshare.
    outer: subprocess.Popen[bytes]
    port: int
    log: Path

    @classmethod
    def start(cls, python: Path, model: Path, home: Path, *words: str, **variables: str) -> "Worker":
        """Start one; `words` are more of vLLM's flags, `variables` more of its environment."""
        port, log = free_port(), home / "log"
        engine = ["--served-model-name", MODEL, "--host", "127.0.0.1", "--port", str(port)]
        engine += ["--scheduling-policy", "priority", "--enforce-eager"]
        engine += ["--max-model-len", str(CONTEXT), "--max-num-seqs", "8", *words]
        own = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
        if os.geteuid() != 0:
            own[1:1] = ["--user", "--map-root-user"]
        with log.open("wb") as out:
            outer = subprocess.Popen(
                [*own, *serve(python, model, home / "termination", *engine)],
                env={**environment(home), **variables},
                cwd=home,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        return cls(outer, port, log)

    @property
    def first_process(self) -> int:
        """Return the process that is number one inside."""
        children = Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children").read_text().split()
        return int(children[0])

    def wait_until_healthy(self) -> None:
        while True:
            assert self.outer.poll() is None, self.log.read_text()[-4000:]
            try:
                with self.open("/health"):
                    return
            except OSError:
                time.sleep(0.25)

    def open(self, path: str, body: Mapping[str, Any] | None = None) -> HTTPResponse:
        data = None if body is None else json.dumps({"model": MODEL, **body}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data, {"content-type": "application/json"}
        )
        response: HTTPResponse = urllib.request.urlopen(request)
        return response

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        with self.open(path, body) as response:
            answer: dict[str, Any] = json.load(response)
            return answer

    def refused(self) -> bool:
        """Return whether a new request gets no answer."""
        try:
            self.post("/v1/completions", {"prompt": "a", "max_tokens": 1})
        except (urllib.error.HTTPError, OSError):
            return True
        return False

    def terminate(self) -> None:
        os.kill(self.first_process, signal.SIGTERM)

    def kill(self) -> None:
        self.outer.kill()
        self.outer.wait()
