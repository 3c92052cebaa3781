"""Images as their parts: manifest, configuration, layers; and an archive of those that someone lacks.

Pure: blobs are streams of bytes, wherever they come from. Talks to no runtime and runs no build.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
IMAGE_NAME = "io.containerd.image.name"
TAR_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Blob:
    """Content by its digest; ``read`` gives its bytes piece by piece, anew at every call."""

    digest: str
    size: int
    read: Callable[[], Iterable[bytes]]

    def descriptor(self, kind: str) -> dict[str, object]:
        return {"mediaType": kind, "digest": self.digest, "size": self.size}


@dataclass(frozen=True, slots=True)
class Image:
    """What a runtime needs to run it. Layers are uncompressed: they travel a few centimetres."""

    config: Blob
    layers: Sequence[Blob]

    @property
    def manifest(self) -> Blob:
        body = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.config.descriptor(CONFIG),
            "layers": [layer.descriptor(LAYER) for layer in self.layers],
        }
        return blob(json.dumps(body).encode())


def blob(content: bytes) -> Blob:
    """A blob held in memory."""
    return Blob("sha256:" + hashlib.sha256(content).hexdigest(), len(content), lambda: [content])


def lacking(image: Image, present: Collection[str]) -> list[Blob]:
    """What must travel. Manifest and configuration always do: they are small, and name the rest."""
    layers = {layer.digest: layer for layer in image.layers if layer.digest not in present}
    return [image.manifest, image.config, *layers.values()]


def archive(image: Image, ref: str, travel: Iterable[Blob]) -> Iterator[bytes]:
    """A tar of the chosen blobs, with an index that gives the image its name."""
    entry = {**image.manifest.descriptor(MANIFEST), "annotations": {IMAGE_NAME: ref}}
    index = {"schemaVersion": 2, "manifests": [entry]}
    yield from _tar_entry("oci-layout", blob(b'{"imageLayoutVersion":"1.0.0"}'))
    yield from _tar_entry("index.json", blob(json.dumps(index).encode()))
    for each in travel:
        yield from _tar_entry(f"blobs/{each.digest.replace(':', '/')}", each)
    yield bytes(2 * TAR_BLOCK)


def _tar_entry(name: str, content: Blob) -> Iterator[bytes]:
    header = tarfile.TarInfo(name)
    header.size = content.size
    yield header.tobuf()
    yield from content.read()
    yield bytes(-content.size % TAR_BLOCK)


def program_image(program: Path) -> Image:
    """An image of one static program and nothing else."""
    layer = blob(_program_layer(program))
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": [f"/{program.name}"]},
        "rootfs": {"type": "layers", "diff_ids": [layer.digest]},
    }
    return Image(blob(json.dumps(config).encode()), [layer])


def _program_layer(program: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        entry = tarfile.TarInfo(program.name)
        entry.mode, entry.size = 0o755, program.stat().st_size
        with program.open("rb") as content:
            layer.addfile(entry, content)
    return buffer.getvalue()
