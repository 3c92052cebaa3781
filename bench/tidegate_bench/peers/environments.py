"""Where other people's programs live: environments of their own below the cache, made when they are absent.

Owns installing. Nothing here touches the project's environment or the system's packages.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path


class PeerAbsent(Exception):
    """A peer cannot be had on this machine; the message says why."""


def cache() -> Path:
    """Return where environments are kept."""
    base = os.environ.get("TIDEGATE_CACHE") or str(
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tidegate"
    )
    return Path(base) / "bench"


def environment(requirement: str, overrides: Sequence[str] = ()) -> Path:
    """Return the directory of a virtual environment that has a pinned requirement from PyPI, made when absent.

    `overrides` replace what the requirement asks of others. Raises PeerAbsent if it cannot be installed.
    """
    home = cache() / re.sub(r"[^A-Za-z0-9.]+", "-", requirement)
    done = home / ".complete"
    if done.exists():
        return home
    uv = shutil.which("uv") or str(cache().parent / "uv" / "bin" / "uv")
    if not Path(uv).exists():
        raise PeerAbsent(f"{requirement} needs uv to be installed: run `make setup`")
    shutil.rmtree(home, ignore_errors=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    _run([uv, "venv", "--quiet", "--python", sys.executable, str(home)], requirement)
    ruled = home / "overrides.txt"
    ruled.write_text("\n".join(overrides))
    words = [uv, "pip", "install", "--quiet", "--python", str(home / "bin" / "python")]
    _run([*words, "--override", str(ruled), requirement], requirement)
    done.touch()
    return home


def debian_program(package: str) -> Path:
    """Return a daemon's program: the machine's own, or else Debian's, unpacked below the cache and not installed.

    Raises PeerAbsent where there is neither.
    """
    own = shutil.which(package)
    if own is not None:
        return Path(own)
    home = cache() / f"{package}-debian"
    program = home / "usr" / "sbin" / package
    if not program.exists():
        if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            raise PeerAbsent(f"{package} is neither installed nor to be had from Debian's packages here")
        _unpack(package, home)
    return program


def _unpack(package: str, home: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        download = ["apt-get", "download", package]
        if subprocess.run(download, cwd=place, capture_output=True, check=False).returncode:
            # The lists may never have been read on this machine.
            _run(["apt-get", "update"], package)
            _run(download, package, Path(place))
        (archive,) = Path(place).glob("*.deb")
        home.mkdir(parents=True, exist_ok=True)
        _run(["dpkg-deb", "--extract", str(archive), str(home)], package)


def _run(words: Sequence[str], what: str, cwd: Path | None = None) -> None:
    ended = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise PeerAbsent(f"{what} could not be installed: {ended.stderr.strip()[-500:]}")
