"""Debian packages the node and the image builds need; installs only what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from localcluster.errors import ClusterError
from localcluster.report import step

CNI_PLUGINS = Path("/usr/lib/cni")
# Debian keeps some of these out of an ordinary user's path.
SEARCH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
NEEDED = {
    "runc": "runc",
    "nft": "nftables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "openssl": "openssl",
    "mount": "mount",
    "buildah": "buildah",
    "mmdebstrap": "mmdebstrap",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
}


# Another process may be installing something at the moment. Seconds.
LOCK = ("-o", "DPkg::Lock::Timeout=120")
# Only for tests of the console's pages; Playwright is given this one, and has none of its own.
BROWSER = {"chromium": "chromium"}


def missing(needed: Mapping[str, str] = NEEDED) -> list[str]:
    """The packages whose command is not there."""
    return [package for command, package in needed.items() if not _present(command)]


def _present(command: str) -> bool:
    return Path(command).exists() if command.startswith("/") else bool(shutil.which(command, path=SEARCH))


def ensure_browser() -> None:
    """Install the browser if it is missing."""
    ensure(BROWSER)


def ensure(needed: Mapping[str, str] = NEEDED) -> None:
    """Install what is missing, with a fresh package list only when the present one does not do."""
    wanted = missing(needed)
    if not wanted:
        return
    if not shutil.which("apt-get"):
        raise ClusterError(f"missing: {', '.join(wanted)}", "install them with this system's package manager")
    with step(f"install Debian packages: {', '.join(wanted)}"):
        if not _install(wanted):
            _apt("update")
            if not _install(wanted):
                raise ClusterError(
                    f"apt-get could not install {', '.join(wanted)}",
                    f"run `apt-get install {' '.join(wanted)}` to see why",
                )


def _install(packages: list[str]) -> bool:
    return _apt("install", "--yes", "--no-install-recommends", *packages)


def _apt(*arguments: str) -> bool:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return (
        subprocess.run(
            ["apt-get", "-qq", *LOCK, *arguments], env=env, capture_output=True, check=False
        ).returncode
        == 0
    )
