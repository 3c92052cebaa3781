"""Where everything lives: one cache directory, and below it one state directory per checkout.

Pure: names and paths only, nothing is created here.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
TOOLCHAIN = CHECKOUT / "hack" / "toolchain"


def cache_dir() -> Path:
    """Everything that may survive ``down``: tools, images, downloads."""
    chosen = os.environ.get("TIDEGATE_CACHE")
    if chosen:
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base).absolute() / "tidegate"


def checkout_id(checkout: Path = CHECKOUT) -> str:
    """Short, stable, different for every checkout: the seed of all names that must not collide."""
    return hashlib.sha256(str(checkout.resolve()).encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class Layout:
    """The names and places of one checkout."""

    cache: Path
    id: str

    @property
    def state(self) -> Path:
        return self.cache / "state" / self.id

    @property
    def cluster(self) -> Path:
        """The full cluster: certificates, configs, logs, pid files, the node's disk."""
        return self.state / "cluster"

    @property
    def planes(self) -> Path:
        """Throwaway control planes, one directory each."""
        return self.state / "planes"

    @property
    def volumes(self) -> Path:
        return self.state / "volumes"

    @property
    def kubeconfig(self) -> Path:
        return self.cluster / "kubeconfig"

    @property
    def link(self) -> str:
        """The host's end of the node's network cable (interface names hold 15 characters)."""
        return f"tg{self.id}"

    @property
    def table(self) -> str:
        """The nftables table on the host that lets pods reach the outside."""
        return f"tidegate_{self.id}"

    @property
    def cgroup(self) -> str:
        return f"tidegate-{self.id}"


def layout(checkout: Path = CHECKOUT) -> Layout:
    return Layout(cache_dir(), checkout_id(checkout))
