"""A folder of repositories, and what git and Git LFS would say about its files.

Owns hashes, commits and which names mean which. Must not know HTTP.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SETTINGS = ".hub.json"
# What the default .gitattributes of a model repository sends to Git LFS; larger files go there in any case.
LFS_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".onnx", ".h5", ".model", ".msgpack")
LFS_BYTES = 10_000_000
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class File:
    """One file of a revision; `text` stands for those that are in no folder."""

    name: str
    size: int
    sha256: str
    blob: str
    lfs: bool
    path: Path | None = None
    text: bytes = b""

    def chunks(self, begin: int, end: int, size: int) -> Iterator[bytes]:
        """Yield the bytes from `begin` up to `end`."""
        if self.path is None:
            yield self.text[begin:end]
            return
        with self.path.open("rb") as file:
            file.seek(begin)
            while begin < end and (chunk := file.read(min(size, end - begin))):
                begin += len(chunk)
                yield chunk


@dataclass(frozen=True, slots=True)
class Revision:
    """The files of a repository at one commit."""

    name: str
    commit: str
    files: Mapping[str, File]


@dataclass(frozen=True, slots=True)
class Repo:
    """A repository with all its branches and tags; the first is the default one."""

    id: str
    settings: Mapping[str, Any]
    revisions: tuple[Revision, ...]

    @property
    def default(self) -> Revision:
        return self.revisions[0]

    def at(self, name: str | None) -> Revision | None:
        """Return the revision with this name or commit; the default branch has the names of both hubs."""
        if name in (None, "", "main", "master", "HEAD"):
            return self.default
        return next((r for r in self.revisions if name in (r.name, r.commit)), None)


@dataclass
class Shelf:
    """All repositories below a folder; hashes are kept as long as a file keeps its size and time."""

    root: Path
    _known: dict[tuple[str, int, int], tuple[str, str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ids(self) -> list[str]:
        """Return the names of all repositories."""
        folders = (
            folder for org in sorted(self.root.iterdir()) if org.is_dir() for folder in sorted(org.iterdir())
        )
        return [f"{f.parent.name}/{f.name}" for f in folders if f.is_dir() and "@" not in f.name]

    def repo(self, name: str) -> Repo | None:
        """Return the repository ORG/NAME as the folder has it now."""
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", name) or ".." in name or not (self.root / name).is_dir():
            return None
        folder = self.root / name
        file = folder / SETTINGS
        settings = json.loads(file.read_text()) if file.exists() else {}
        others = sorted(folder.parent.glob(f"{folder.name}@*"))
        with self._lock:
            revisions = [self._revision("main", folder, settings)]
            revisions += [self._revision(other.name.partition("@")[2], other, {}) for other in others]
        return Repo(name, settings, tuple(revisions))

    def _revision(self, name: str, folder: Path, settings: Mapping[str, Any]) -> Revision:
        paths = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != SETTINGS)
        files = [self._file(str(path.relative_to(folder)), path) for path in paths]
        files += [of_text(n, text.encode()) for n, text in settings.get("names", {}).items()]
        listing = "".join(f"{file.name} {file.sha256}\n" for file in files)
        commit = hashlib.sha1(listing.encode(), usedforsecurity=False).hexdigest()
        return Revision(name, commit, {file.name: file for file in files})

    def _file(self, name: str, path: Path) -> File:
        status = path.stat()
        key = (str(path), status.st_size, status.st_mtime_ns)
        if key not in self._known:
            self._known[key] = hashes(path, status.st_size)
        sha256, blob = self._known[key]
        lfs = is_lfs(name, status.st_size)
        return File(
            name, status.st_size, sha256, pointer_blob(sha256, status.st_size) if lfs else blob, lfs, path
        )


def is_lfs(name: str, size: int) -> bool:
    return name.endswith(LFS_SUFFIXES) or size > LFS_BYTES


def of_text(name: str, text: bytes) -> File:
    return File(name, len(text), hashlib.sha256(text).hexdigest(), git_blob(text), False, None, text)


def hashes(path: Path, size: int) -> tuple[str, str]:
    """Return the SHA-256 of a file, and the id that git gives to its content."""
    sha256 = hashlib.sha256()
    blob = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            sha256.update(chunk)
            blob.update(chunk)
    return sha256.hexdigest(), blob.hexdigest()


def git_blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def pointer_blob(sha256: str, size: int) -> str:
    """Return the id of the small file that git itself holds for a file in LFS."""
    return git_blob(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
    )
