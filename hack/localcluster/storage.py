"""Reads built images where buildah keeps them, layer by layer, without exporting them first.

A layer is kept unpacked, beside a record of the tar stream it came from: headers as they were, and the names of
the files between them. Joining the two gives the very bytes that its digest stands for, so a layer that the
cluster has already never needs to be read. Writes nothing.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcluster.errors import ClusterError
from localcluster.oci import Blob, Image, blob

CHUNK = 1 << 20
FILE, SEGMENT = 1, 2


@dataclass(frozen=True, slots=True)
class Storage:
    """One image store of buildah (the overlay driver's)."""

    root: Path

    def image(self, image_id: str) -> Image:
        """The image of an id, or of the beginning of one."""
        record = next((i for i in self._records("images") if i["id"].startswith(image_id)), None)
        if not record:
            raise ClusterError(f"image {image_id} is not in {self.root}", "build it again")
        key = base64.b64encode(f"sha256:{record['id']}".encode()).decode()
        config = (self.root / "overlay-images" / record["id"] / f"={key}").read_bytes()
        return Image(blob(config), [self._layer(layer) for layer in self._chain(record["layer"])])

    def _records(self, kind: str) -> list[dict[str, Any]]:
        return list(json.loads((self.root / f"overlay-{kind}" / f"{kind}.json").read_bytes()))

    def _chain(self, top: str) -> list[dict[str, Any]]:
        """The layers below and including the top one, lowest first."""
        known = {layer["id"]: layer for layer in self._records("layers")}
        found: list[dict[str, Any]] = []
        name: str | None = top
        while name:
            found.insert(0, known[name])
            name = known[name].get("parent")
        return found

    def _layer(self, record: dict[str, Any]) -> Blob:
        digest, name = str(record["diff-digest"]), record["id"]
        files = self.root / "overlay" / name / "diff"
        tape = self.root / "overlay-layers" / f"{name}.tar-split.gz"
        return Blob(digest, int(record["diff-size"]), lambda: verified(digest, joined(_lines(tape), files)))


def _lines(tape: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(tape, "rt") as lines:
        for line in lines:
            yield json.loads(line)


def joined(entries: Iterable[dict[str, Any]], files: Path) -> Iterator[bytes]:
    """The tar stream: recorded segments, and between them the contents of the files they announce."""
    for entry in entries:
        if entry["type"] == SEGMENT:
            yield base64.b64decode(entry["payload"])
        elif entry.get("size"):
            yield from _contents(files / entry_name(entry))


def entry_name(entry: dict[str, Any]) -> str:
    """Names that are no UTF-8 are recorded apart; surrogates bring them through to the file system."""
    if "name_raw" in entry:
        return base64.b64decode(entry["name_raw"]).decode(errors="surrogateescape").lstrip("/")
    return str(entry["name"]).lstrip("/")


def _contents(file: Path) -> Iterator[bytes]:
    with file.open("rb") as content:
        while piece := content.read(CHUNK):
            yield piece


def verified(digest: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Pass the bytes on; fail at their end when they are not what the digest stands for."""
    total = hashlib.sha256()
    for piece in pieces:
        total.update(piece)
        yield piece
    if f"sha256:{total.hexdigest()}" != digest:
        raise ClusterError(f"layer {digest} is damaged in the cache", "python -m localcluster images clear")
