"""The container runtime of the node: its image store, spoken to with ``ctr``. Starts no container."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import ClusterError
from localcluster.machine import Machine
from localcluster.oci import Image, archive, chain
from localcluster.shell import run, succeeds
from localcluster.tools import tool

NAMESPACE = "k8s.io"


@dataclass(frozen=True, slots=True)
class Runtime:
    """containerd on one machine."""

    machine: Machine

    def _ctr(self, *arguments: str) -> list[str]:
        return [*self.machine.inside(), str(tool("ctr")), "--namespace", NAMESPACE, *arguments]

    def images(self) -> set[str]:
        return set(run(self._ctr("images", "list", "--quiet")).split())

    def tag(self, ref: str, name: str) -> None:
        run(self._ctr("images", "tag", "--force", ref, name))

    def load(self, image: Image, ref: str) -> int:
        """Bring an image in, with those of its layers that are not there; returns how many were not."""
        placed = self._place(image)
        done = subprocess.run(
            self._ctr("images", "import", "-"), input=archive(image, ref), capture_output=True, check=False
        )
        if done.returncode:
            words = done.stderr.decode(errors="replace").strip()
            raise ClusterError(f"containerd did not take {ref}: {words[-1000:]}")
        return placed

    def _place(self, image: Image) -> int:
        present, placed, parent = self._snapshots(), 0, ""
        for name, layer in chain(image):
            if layer.folder and name not in present:
                self._place_layer(name, parent, layer.folder)
                placed += 1
            parent = name
        return placed

    def _snapshots(self) -> set[str]:
        lines = run(self._ctr("snapshots", "list")).splitlines()
        return {line.split()[0] for line in lines if line.strip()}

    def _place_layer(self, name: str, parent: str, folder: Path) -> None:
        """Make a snapshot whose files are the layer's own: no byte is copied where links can be made."""
        draft = f"draft-{os.getpid()}-{name}"
        told = run(self._ctr("snapshots", "prepare", "--mounts", draft, *([parent] if parent else [])))
        target = self.machine.on_host(writable_folder(json.loads(told)))
        link = ["--link"] if target.stat().st_dev == folder.stat().st_dev else []
        try:
            run(["cp", "--archive", *link, f"{folder}/.", f"{target}/"])
            run(self._ctr("snapshots", "commit", name, draft))
        except ClusterError:
            succeeds(self._ctr("snapshots", "remove", draft))
            raise


def writable_folder(mounts: list[dict[str, object]]) -> Path:
    """Where the files of a snapshot under construction go: the upper folder, or all of it without a parent."""
    mount = {str(key).lower(): value for key, value in mounts[0].items()}
    options = mount.get("options")
    words = options if isinstance(options, list) else []
    upper = [str(word).removeprefix("upperdir=") for word in words if str(word).startswith("upperdir=")]
    return Path(upper[0] if upper else str(mount["source"]))
