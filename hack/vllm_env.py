"""One vLLM (CPU) environment for what the lockfile says of it, made by uv and kept in the cache.

Owns where it lives and when it is made. Must not know what it is used for. Standard library only.
`python hack/vllm_env.py` prints its interpreter.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MARK = ".complete"
KEEP = 2
# The CPU worker and the example model, without our own packages.
WANTED = ("--frozen", "--no-dev", "--extra", "worker-cpu", "--extra", "example-model")


def cache_dir() -> Path:
    """Return the directory that may survive everything."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("TIDEGATE_CACHE") or base / "tidegate")


def find_uv() -> str:
    """Return uv: the one named by UV, on PATH, or put into the cache by hack/bootstrap.sh."""
    ours = cache_dir() / "uv" / "bin" / "uv"
    found = os.environ.get("UV") or shutil.which("uv") or (str(ours) if ours.exists() else None)
    if found is None:
        raise SystemExit("uv was not found: run `make setup`, or put uv on PATH")
    return found


def interpreter() -> Path:
    """Return the environment's Python, made first where it is missing (hardlinks from uv's cache)."""
    contents = requirements() + (ROOT / "worker" / "prune.sh").read_bytes()
    digest = hashlib.sha256(contents).hexdigest()[:12]
    home = cache_dir() / f"vllm-env-{digest}"
    if not (home / MARK).exists():
        sync(home)
        # The same cuts and the same bytecode as in the image.
        for script in ("prune.sh", "compile.sh"):
            subprocess.run(["sh", str(ROOT / "worker" / script), str(home)], check=True)
        (home / MARK).touch()
        forget_old(home)
    return home / "bin" / "python"


def requirements() -> bytes:
    """Return what is installed, with hashes: other changes of the lockfile make no new environment."""
    words = ["export", "--quiet", "--no-emit-project", "--no-header", "--no-annotate", *WANTED]
    return subprocess.run([find_uv(), *words], cwd=ROOT, check=True, capture_output=True).stdout


def sync(home: Path) -> None:
    """Install it."""
    print(f"making a vLLM environment in {home} (5.8 GB, shared with uv's cache)", file=sys.stderr)
    subprocess.run(
        [find_uv(), "sync", "--quiet", "--no-install-project", *WANTED],
        cwd=ROOT,
        env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(home)},
        check=True,
    )


def forget_old(current: Path) -> None:
    """Remove environments of older lockfiles; the one before stays for switching branches."""
    homes = sorted(current.parent.glob("vllm-env-*"), key=lambda home: home.stat().st_mtime, reverse=True)
    for home in [home for home in homes if home != current][KEEP - 1 :]:
        shutil.rmtree(home)


if __name__ == "__main__":
    print(interpreter())
