"""Reads built images where buildah keeps them, without exporting them.

Its store and containerd's overlay snapshots keep an unpacked layer in the same form, so a layer is handed on as
the folder it lies in. Writes nothing.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcluster.errors import ClusterError
from localcluster.oci import Blob, Image, blob


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

    def unnamed(self) -> list[str]:
        """The ids of images that nobody gave a name: results and steps of builds."""
        return [record["id"] for record in self._records("images") if not record.get("names")]

    def containers(self) -> list[str]:
        """The ids of the containers that builds work in: of a build under way, or of one that was interrupted."""
        return [record["id"] for record in self._records("containers")]

    def _records(self, kind: str) -> list[dict[str, Any]]:
        file = self.root / f"overlay-{kind}" / f"{kind}.json"
        return list(json.loads(file.read_bytes())) if file.exists() else []

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
        folder = self.root / "overlay" / record["id"] / "diff"
        return Blob(record["diff-digest"], record["diff-size"], folder=folder)
