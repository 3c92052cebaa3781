"""Images as files: the OCI layout, what of it a runtime still lacks, and an archive of just that.

Pure file work; talks to no runtime and runs no build.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

Descriptor = dict[str, Any]
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
REF_NAME = "org.opencontainers.image.ref.name"
IMAGE_NAME = "io.containerd.image.name"


@dataclass(frozen=True, slots=True)
class OciLayout:
    """A directory in the OCI image layout, shared by all images so that equal layers are stored once."""

    folder: Path

    def blob(self, digest: str) -> Path:
        return self.folder / "blobs" / digest.replace(":", "/")

    def read(self, descriptor: Descriptor) -> Any:
        return json.loads(self.blob(descriptor["digest"]).read_bytes())

    def find(self, tag: str) -> Descriptor:
        """The manifest that a tag names."""
        index = json.loads((self.folder / "index.json").read_bytes())
        found = [m for m in index["manifests"] if m.get("annotations", {}).get(REF_NAME) == tag]
        if not found:
            raise KeyError(f"{tag} is not in {self.folder}")
        return dict(found[-1])

    def blobs(self, manifest: Descriptor) -> list[Descriptor]:
        """Everything the image needs: its manifest, its config and its layers."""
        body = self.read(manifest)
        return [manifest, body["config"], *body["layers"]]

    def write(self, content: bytes) -> str:
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        file = self.blob(digest)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return digest


def lacking(needed: list[Descriptor], present: Collection[str]) -> list[Descriptor]:
    """What must travel. Manifest and config always do: they are small, and name the rest."""
    return needed[:2] + [blob for blob in needed[2:] if blob["digest"] not in present]


def write_archive(layout: OciLayout, manifest: Descriptor, ref: str, travel: list[Descriptor], to: IO[bytes]) -> None:
    """A tar that holds the chosen blobs, under an index that gives the image its name."""
    entry = {key: manifest[key] for key in ("mediaType", "digest", "size")}
    index = {"schemaVersion": 2, "manifests": [{**entry, "annotations": {IMAGE_NAME: ref}}]}
    with tarfile.open(fileobj=to, mode="w|") as archive:
        _add(archive, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        _add(archive, "index.json", json.dumps(index).encode())
        for digest in dict.fromkeys(blob["digest"] for blob in travel):
            archive.add(layout.blob(digest), arcname=f"blobs/{digest.replace(':', '/')}", recursive=False)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def add_single_program(layout: OciLayout, program: Path) -> Descriptor:
    """An image of one static program and nothing else; returns its manifest."""
    layer = _program_layer(program)
    diff = layout.write(layer)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": [f"/{program.name}"]},
        "rootfs": {"type": "layers", "diff_ids": [diff]},
    }
    packed = json.dumps(config).encode()
    body = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": layout.write(packed), "size": len(packed)},
        "layers": [{"mediaType": LAYER, "digest": diff, "size": len(layer)}],
    }
    content = json.dumps(body).encode()
    return {"mediaType": MANIFEST, "digest": layout.write(content), "size": len(content)}


def _program_layer(program: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        entry = tarfile.TarInfo(program.name)
        entry.mode, entry.size = 0o755, program.stat().st_size
        with program.open("rb") as content:
            layer.addfile(entry, content)
    return buffer.getvalue()
