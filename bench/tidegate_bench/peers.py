"""Other people's gateways, from PyPI, each in an environment of its own below the cache.

Owns their versions and their settings: those that their documentation gives for production.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

VLLM_ROUTER: Final = "vllm-router==0.1.17"


def cache() -> Path:
    """Return where environments are kept."""
    base = os.environ.get("TIDEGATE_CACHE") or str(
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tidegate"
    )
    return Path(base) / "bench"


def environment(requirement: str) -> Path:
    """Return the directory of a virtual environment that has this requirement, made when it is absent."""
    home = cache() / requirement.replace("==", "-")
    done = home / ".complete"
    if done.exists():
        return home
    shutil.rmtree(home, ignore_errors=True)
    uv = shutil.which("uv") or str(cache().parent / "uv" / "bin" / "uv")
    if Path(uv).exists():
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(home)], check=True)
        install = [uv, "pip", "install", "--quiet", "--python", str(home / "bin" / "python"), requirement]
    else:
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        install = [str(home / "bin" / "pip"), "install", "--quiet", requirement]
    subprocess.run(install, check=True)
    done.touch()
    return home


def vllm_router(port: int, metrics_port: int, engine_port: int) -> list[str]:
    """Return the command that runs vllm-router in front of one engine."""
    return [
        str(environment(VLLM_ROUTER) / "bin" / "vllm-router"),
        *("--host", "127.0.0.1", "--port", str(port)),
        *("--prometheus-host", "127.0.0.1", "--prometheus-port", str(metrics_port)),
        *("--worker-urls", f"http://127.0.0.1:{engine_port}"),
        *("--policy", "cache_aware", "--log-level", "warning"),
    ]
