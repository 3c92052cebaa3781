"""Run by vLLM's own Python: `weigh.py MODEL` loads a model in this process and prints what it takes of memory.

Owns nothing but the look at its own process. On a CPU the engine packs weights into memory that no tensor shows, so
what is told is the process's own memory: what is not weights is the same for each form of a model, and falls out of a
difference. Must not import anything of ours: it is a script there.
"""

import ctypes
import os
import sys
from pathlib import Path

CACHE_BYTES = 64 * 2**20


def main() -> None:
    """Print the bytes of this process's own memory once the model is loaded."""
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    from vllm import LLM  # noqa: PLC0415 - reads the environment when it is imported

    engine = LLM(
        model=sys.argv[1],
        enforce_eager=True,
        max_model_len=256,
        gpu_memory_utilization=0.1,
        kv_cache_memory_bytes=CACHE_BYTES,
    )
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    print(f"bytes={own_memory()}", flush=True)
    del engine


def own_memory() -> int:
    """Return the anonymous memory of this process, in bytes: without pages of files, which weights come from."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (anonymous,) = (line.split()[1] for line in lines if line.startswith("RssAnon:"))
    return int(anonymous) * 1024


if __name__ == "__main__":
    main()
