"""Builds the console's web app: `console/ui/dist`, from what its lockfile names.

Owns when npm has to fetch anew, and that only one process builds at a time. Node.js is the system's: it is asked for,
and never installed.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localcluster.errors import ClusterError
from localcluster.paths import CHECKOUT, cache_dir

UI = CHECKOUT / "console" / "ui"
DIST = UI / "dist"


def build() -> Path:
    """Return the directory of the built app; raises ClusterError where Node.js or a package is missing."""
    if not (shutil.which("node") and shutil.which("npm")):
        raise ClusterError(
            "node and npm are not installed", "install Node.js 20 or newer, such as Debian's `npm`"
        )
    with _alone():
        lock, installed = UI / "package-lock.json", UI / "node_modules" / ".package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
            _npm("ci", "--no-audit", "--no-fund")
            os.utime(installed)
        if not _is_current():
            _npm("run", "--silent", "build")
    return DIST


def check() -> str:
    """Run the app's own checks (types, lint, the tests of its pure parts); return how many tests passed."""
    began = time.monotonic()
    build()
    with _alone():
        said = _npm("run", "--silent", "check")
    passed = re.search(r"^# pass (\d+)$", said, re.MULTILINE)
    return f"{passed[1] if passed else 0} passed in {time.monotonic() - began:.0f} s"


def _is_current() -> bool:
    made = DIST / "index.html"
    sources = [UI / "build.mjs", UI / "package-lock.json", *UI.glob("src/**/*")]
    return made.exists() and all(one.stat().st_mtime <= made.stat().st_mtime for one in sources)


@contextmanager
def _alone() -> Iterator[None]:
    cache_dir().mkdir(parents=True, exist_ok=True)
    with (cache_dir() / "console-ui.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _npm(*words: str) -> str:
    done = subprocess.run(("npm", *words), cwd=UI, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).strip()[-4000:]
        raise ClusterError(f"npm {' '.join(words)} failed in {UI}:\n{said}", "correct what it names")
    return done.stdout


if __name__ == "__main__":
    try:
        print(check() if sys.argv[1:] == ["check"] else build())
    except ClusterError as error:
        sys.exit(f"error: {error}")
