"""The web UI's files, read once at start.

Owns what is served and how long a browser keeps it. There is no path from a request to a file: what is not in the
table is not there.
"""

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

INDEX: Final = "/"
_HASHED: Final = "public, max-age=31536000, immutable"
_MOST_BYTES: Final = 16 << 20
_TEXT: Final = ("text/", "application/json", "image/svg")
_NOT_BUILT: Final = (
    "The web UI is not built here: run `npm ci && npm run build` in console/ui, and start the console with "
    "--static console/ui/dist. Its API answers below /api/v1.\n"
)


@dataclass(frozen=True, slots=True)
class File:
    """One file, as it is and compressed."""

    content: bytes
    packed: bytes | None
    kind: str
    caching: str
    tag: str


def read(folder: Path | None) -> dict[str, File]:
    """Return the files of a directory by the path that each is served at; raises ValueError where it has no page."""
    if folder is None:
        return {}
    found = {f"/{path.relative_to(folder).as_posix()}": path for path in folder.rglob("*") if path.is_file()}
    if "/index.html" not in found:
        raise ValueError(f"{folder} has no index.html: is it what `npm run build` in console/ui has made?")
    if sum(path.stat().st_size for path in found.values()) > _MOST_BYTES:
        raise ValueError(f"{folder} is larger than {_MOST_BYTES} bytes")
    files = {place: _file(path, place) for place, path in found.items()}
    return {INDEX: files["/index.html"], **files}


def answer(files: Mapping[str, File], request: web.Request) -> web.Response:
    """Return the file that a request is for."""
    file = files.get(request.path)
    if file is None:
        text = _NOT_BUILT if not files and request.path == INDEX else "There is no such page.\n"
        return web.Response(status=404, text=text, headers={"Cache-Control": "no-store"})
    headers = {"Cache-Control": file.caching, "ETag": file.tag, "Vary": "Accept-Encoding"}
    if request.headers.get("If-None-Match") == file.tag:
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = file.kind
    if file.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
        return web.Response(body=file.packed, headers={**headers, "Content-Encoding": "gzip"})
    return web.Response(body=file.content, headers=headers)


def _file(path: Path, place: str) -> File:
    content = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    is_text = kind.startswith(_TEXT)
    packed = gzip.compress(content, mtime=0) if is_text else None
    return File(
        content,
        packed if packed is not None and len(packed) < len(content) else None,
        f"{kind}; charset=utf-8" if is_text else kind,
        _HASHED if place.startswith("/assets/") else "no-store",
        f'"{hashlib.sha256(content).hexdigest()[:16]}"',
    )
