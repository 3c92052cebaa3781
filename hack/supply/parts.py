"""What is locked, image by image: read from uv.lock, package-lock.json and requirement files; asks no network.

Owns which lockfile an image's parts come from. Must not know how a list of them is written.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any, Final

from localcluster.errors import ClusterError
from localcluster.paths import CHECKOUT, cache_dir

LOCK: Final = CHECKOUT / "uv.lock"
UI: Final = CHECKOUT / "console" / "ui"
CHART: Final = CHECKOUT / "charts" / "tidegate" / "Chart.yaml"
# Images whose Python comes from uv.lock: the extra of pyproject.toml has the image's name.
LOCKED: Final = ("operator", "gateway", "console", "loader", "worker-cpu", "example-model")
# Images whose Python comes from a file of requirements with hashes.
REQUIRED: Final = {
    "engine-llamacpp": CHECKOUT / "examples" / "13-other-engines" / "llamacpp" / "requirements.txt"
}
# Images that are nearly all somebody else's: the argument of the Dockerfile that names it.
BASED: Final = {"worker-cuda": "CUDA_BASE"}
Json = dict[str, Any]


def version() -> str:
    """Return the version of all that is ours."""
    return str(tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"])


def uv() -> str:
    """Return the path of uv; raises ClusterError where there is none."""
    ours = cache_dir() / "uv" / "bin" / "uv"
    found = shutil.which("uv") or (str(ours) if ours.exists() else None)
    if not found:
        raise ClusterError("uv is not there", "make setup")
    return found


def exported(extra: str, form: str) -> str:
    """Return what an image's part of uv.lock is, in one of uv's forms (`uv export --format`)."""
    argv = [
        uv(),
        "export",
        "--quiet",
        "--offline",
        "--frozen",
        "--no-dev",
        "--no-emit-project",
        "--no-header",
    ]
    said = subprocess.run(
        [*argv, "--extra", extra, "--format", form], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    if said.returncode:
        raise ClusterError(f"uv export of {extra} failed: {said.stderr.strip()[-500:]}")
    return said.stdout


def python_parts(extra: str) -> Json:
    """Return uv's own CycloneDX document of an extra."""
    document: Json = json.loads(exported(extra, "cyclonedx1.5"))
    return document


def web_lock() -> Json:
    """Return the lockfile of the console's pages."""
    lock: Json = json.loads((UI / "package-lock.json").read_text())
    return lock


def required(path: Path) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return version and SHA-256 digests by name, of a file of requirements with hashes."""
    found = {}
    for name, release, rest in re.findall(
        r"^([\w.-]+)==(\S+)((?:\s*\\\n.*)*)", path.read_text(), re.MULTILINE
    ):
        found[name] = (release, tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})", rest)))
    return found


def bases(text: str) -> dict[str, str]:
    """Return the arguments of a Dockerfile before its first stage, which name the images it stands on."""
    return dict(re.findall(r"^ARG (\w+)=(\S+)$", text.partition("\nFROM ")[0], re.MULTILINE))


def base(argument: str) -> str:
    """Return an image that ours stand on: as the environment pins it, else as the Dockerfile names it."""
    return os.environ.get(argument) or bases((CHECKOUT / "Dockerfile").read_text())[argument]
