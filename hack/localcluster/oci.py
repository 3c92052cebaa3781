"""Images as their parts: manifest, configuration, layers; and an archive that brings them to a runtime.

Pure. A layer is either held here as bytes, or lies unpacked in a folder and is then no part of the archive.
Talks to no runtime and runs no build.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
IMAGE_NAME = "io.containerd.image.name"


@dataclass(frozen=True, slots=True)
class Blob:
    """Content by its digest, with the bytes themselves or with the folder they are unpacked in."""

    digest: str
    size: int
    content: bytes | None = None
    folder: Path | None = None

    def descriptor(self, kind: str) -> dict[str, object]:
        return {"mediaType": kind, "digest": self.digest, "size": self.size}


@dataclass(frozen=True, slots=True)
class Image:
    """What a runtime needs to run it: its configuration and its uncompressed layers, lowest first."""

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
    return Blob("sha256:" + hashlib.sha256(content).hexdigest(), len(content), content)


def chain(image: Image) -> list[tuple[str, Blob]]:
    """Each layer with the name of all layers up to it, which is how runtimes call what they unpacked."""
    found: list[tuple[str, Blob]] = []
    for layer in image.layers:
        name = layer.digest
        if found:
            name = "sha256:" + hashlib.sha256(f"{found[-1][0]} {layer.digest}".encode()).hexdigest()
        found.append((name, layer))
    return found


def archive(image: Image, ref: str) -> bytes:
    """A tar of all that is held in memory, with an index that gives the image its name."""
    entry = {**image.manifest.descriptor(MANIFEST), "annotations": {IMAGE_NAME: ref}}
    index = {"schemaVersion": 2, "manifests": [entry]}
    files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": json.dumps(index).encode()}
    for each in (image.manifest, image.config, *image.layers):
        if each.content is not None:
            files[f"blobs/{each.digest.replace(':', '/')}"] = each.content
    return b"".join(_tar(files))


def _tar(files: dict[str, bytes]) -> Iterator[bytes]:
    for name, content in files.items():
        header = tarfile.TarInfo(name)
        header.size = len(content)
        yield header.tobuf() + content + bytes(-len(content) % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)


def program_image(program: Path, user: str = "") -> Image:
    """An image of one static program and nothing else, run by ``user`` (UID:GID; none is root)."""
    layer = blob(_program_layer(program))
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": [f"/{program.name}"], "User": user},
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
