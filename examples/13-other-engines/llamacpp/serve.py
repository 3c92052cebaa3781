"""Serve a GGUF model with llama.cpp's own HTTP server, as a worker of an LLMService of `engine.type: Custom`.

`python serve.py [--context-tokens N] [--threads N]` reads from the environment what Tidegate says: MODEL_PATH,
MODEL_NAME, PORT, MAX_NUM_SEQS. On SIGTERM it goes on until no request is left: the server itself would cut them off.
"""

import argparse
import os
import re
import signal
import sys
import time
from pathlib import Path

import xllamacpp

LOOK_AGAIN_SECONDS = 0.5
# A stream that has just been given its last token is still being sent.
QUIET_SECONDS = 2.0
_UNDER_WAY = re.compile(r"^llamacpp:requests_(?:processing|deferred) (\S+)", re.MULTILINE)


def parameters(path: str, context_tokens: int, threads: int) -> "xllamacpp.CommonParams":
    """Return what the server is to be; `context_tokens` are those of one request."""
    found = xllamacpp.CommonParams()
    found.model.path = path
    found.model_alias = {os.environ["MODEL_NAME"]}
    found.hostnames = ["0.0.0.0"]  # noqa: S104 - the Pod's own address is not known before it runs
    found.port = int(os.environ["PORT"])
    found.n_parallel = int(os.environ.get("MAX_NUM_SEQS", "4"))
    found.n_ctx = context_tokens * found.n_parallel
    found.cpuparams.n_threads = found.cpuparams_batch.n_threads = threads
    found.endpoint_metrics = True
    found.ui = False
    # Prompts that no request uses any more would otherwise be kept in up to 8 GiB of memory.
    found.cache_ram_mib = 0
    return found


def drain(server: "xllamacpp.Server") -> None:
    """Return once nothing has been under way for a while."""
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < QUIET_SECONDS:
        if any(float(value) for value in _UNDER_WAY.findall(str(server.handle_metrics()))):
            quiet_since = time.monotonic()
        time.sleep(LOOK_AGAIN_SECONDS)


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--context-tokens", type=int, default=2048, help="prompt and answer of one request")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="threads that compute")
    asked = parser.parse_args()
    path = os.environ["MODEL_PATH"]
    if not Path(path).is_file():
        sys.exit(f"there is no file {path}: spec.model.uri must name the GGUF file itself")
    # Before the server has threads, so that all of them leave the signals to this one.
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    server = xllamacpp.Server(parameters(path, asked.context_tokens, asked.threads))
    print(f"serving {path} at {server.listening_address}", flush=True)
    signal.sigwait(signals)
    drain(server)
    # Nothing is left to save, and the server's threads need not be waited for.
    os._exit(0)


if __name__ == "__main__":
    main()
