"""The container runtime of the node: its image store, spoken to with ``ctr``. Starts no container."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from localcluster.errors import ClusterError
from localcluster.machine import Machine
from localcluster.oci import Descriptor, OciLayout, lacking, write_archive
from localcluster.shell import run
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

    def blobs(self) -> set[str]:
        return set(run(self._ctr("content", "list", "--quiet")).split())

    def load(self, layout: OciLayout, manifest: Descriptor, ref: str) -> int:
        """Bring an image in; only what containerd lacks is sent. Returns the bytes sent."""
        travel = lacking(layout.blobs(manifest), self.blobs())
        argv = self._ctr("images", "import", "--digests=false", "-")
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
            assert child.stdin and child.stdout  # noqa: S101 - they are pipes, as asked two lines above
            broken = False
            try:
                write_archive(layout, manifest, ref, travel, child.stdin)
                child.stdin.close()
            except BrokenPipeError:
                broken = True
            said = child.stdout.read().decode(errors="replace")
        if child.returncode or broken:
            raise ClusterError(f"containerd did not take {ref}: {said.strip()[-1000:]}")
        return sum(int(blob["size"]) for blob in travel)
