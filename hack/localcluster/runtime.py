"""The container runtime of the node: its image store, spoken to with ``ctr``. Starts no container."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from localcluster.errors import ClusterError
from localcluster.machine import Machine
from localcluster.oci import Image, archive, lacking
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

    def tag(self, ref: str, name: str) -> None:
        run(self._ctr("images", "tag", "--force", ref, name))

    def load(self, image: Image, ref: str) -> int:
        """Bring an image in; only what containerd lacks is sent. Returns the bytes sent."""
        travel = lacking(image, self.blobs())
        self._import(archive(image, ref, travel), ref)
        return sum(each.size for each in travel)

    def _import(self, stream: Iterable[bytes], ref: str) -> None:
        with tempfile.TemporaryFile() as said:
            child = subprocess.Popen(
                self._ctr("images", "import", "-"),
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
            try:
                # It may end before it has read everything; what it says then counts, not the broken pipe.
                with suppress(BrokenPipeError):
                    _feed(child, stream)
            except BaseException:
                child.kill()
                raise
            finally:
                status = child.wait()
            said.seek(0)
            words = said.read().decode(errors="replace").strip()
        if status:
            raise ClusterError(f"containerd did not take {ref}: {words[-1000:]}")


def _feed(child: subprocess.Popen[bytes], stream: Iterable[bytes]) -> None:
    pipe = child.stdin
    if pipe:
        with pipe:
            for piece in stream:
                pipe.write(piece)
