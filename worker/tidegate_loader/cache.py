"""The cache on disk: which models lie in it, who holds them, and how they leave.

Owns locks, markers, measuring and removing below one root. Must not decide what leaves (room.py), and writes nothing
outside the root.

    SCHEME/ORG--NAME/COMMIT/…              a model's files, each under its own name once it has been checked
    …/COMMIT/.tidegate/complete.json       written last, when all of them are there
    …/COMMIT/.tidegate/coming.json         how many bytes it will have, while it is on its way
    …/COMMIT/.tidegate/parts/              what has not been checked yet
    …/COMMIT/.tidegate/used                its time is when the model was used last
    .tidegate/locks/                       one file per model; the kernel frees it with its process
    .tidegate/leaving/                     what is being removed
"""

import errno
import fcntl
import json
import os
import shutil
import time
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tidegate_loader.failure import LoadFailed
from tidegate_loader.names import OWN, is_model_path
from tidegate_loader.room import Stored

COMPLETE: Final = "complete.json"
COMING: Final = "coming.json"
USED: Final = "used"
PARTS: Final = "parts"
SCHEMES: Final = ("hf", "ms")
POLL_SECONDS: Final = 0.5
# A file system without locks: what is loaded twice at once is then caught by its hashes.
NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP})


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder of models."""

    root: Path

    def folder(self, path: str) -> Path:
        """Return a model's folder; raise LoadFailed where a link leads out of the cache."""
        folder = self.root / path
        if not is_model_path(path) or not inside(folder, self.root):
            raise LoadFailed("LoaderFailed", f"{path!r:.300} is no folder of a model in {self.root}.")
        return folder

    def prepare(self) -> None:
        """Make what is missing of the cache itself, and finish removals that were cut short."""
        for name in ("locks", "leaving"):
            (self.root / OWN / name).mkdir(parents=True, exist_ok=True)
        for left in (self.root / OWN / "leaving").iterdir():
            shutil.rmtree(left, ignore_errors=True)

    @contextmanager
    def locked(self, name: str, *, wait: bool = True, patience: float | None = None) -> Iterator[bool]:
        """Hold a lock of this name; without `wait`, give whether it was free."""
        file = self.root / OWN / "locks" / f"{name.replace('/', '--')}.lock"
        with file.open("a") as held:
            yield acquire(held.fileno(), wait=wait, patience=patience)

    @contextmanager
    def held(self, path: str, mine: str) -> Iterator[bool]:
        """Hold a model's lock if it is free or the caller's already; give whether it is."""
        folder = path.rpartition("/")[0]
        if folder == mine:
            yield True
            return
        with self.locked(folder, wait=False) as free:
            yield free

    def paths(self) -> list[str]:
        """Return the folders of all models, whole or not."""
        found = (
            str(f.relative_to(self.root)) for s in SCHEMES for f in (self.root / s).glob("*/*") if f.is_dir()
        )
        return sorted(path for path in found if is_model_path(path))

    def stored(self, in_use: Collection[str], mine: str) -> list[Stored]:
        """Return all models with their sizes; one that others load counts as used, and for all it will take.

        `mine` is the folder whose lock the caller holds.
        """
        return [self._stored(path, path in in_use, mine) for path in self.paths()]

    def _stored(self, path: str, in_use: bool, mine: str) -> Stored:
        folder = self.root / path
        held = size_of(folder)
        coming = read_json(folder / OWN / COMING)
        with self.held(path, mine) as free:
            pass
        still = max(0, int(coming.get("bytes", 0)) - held) if coming and not free else 0
        return Stored(path, held, last_used(folder), still, in_use or not free)

    def free_bytes(self) -> int:
        """Return what this user may still write to the volume."""
        status = os.statvfs(self.root)
        return status.f_bavail * status.f_frsize

    def remove(self, path: str) -> int:
        """Remove a model at once, as others see it; return the bytes that it had."""
        folder = self.folder(path)
        held = size_of(folder)
        leaving = self.root / OWN / "leaving" / uuid.uuid4().hex
        with suppress(FileNotFoundError):
            folder.rename(leaving)
        # What another process finds in there it removes as well.
        shutil.rmtree(leaving, ignore_errors=True)
        with suppress(OSError):
            folder.parent.rmdir()
        return held

    def marker(self, path: str) -> Mapping[str, Any] | None:
        """Return what was written about a complete model; None where it is not, by the size of its files."""
        folder = self.folder(path)
        content = read_json(folder / OWN / COMPLETE)
        if content is None:
            return None
        files = content.get("files", ())
        whole = all(size_or_none(folder / file["name"]) == file["size"] for file in files)
        return content if files and whole else None

    def touch(self, path: str) -> None:
        """Note that a model is used now; one that is not there is no error."""
        with suppress(OSError):
            (self.folder(path) / OWN / USED).touch()


def acquire(descriptor: int, *, wait: bool, patience: float | None) -> bool:
    """Return whether the lock is held now."""
    until = None if patience is None else time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError as error:
            if error.errno in NO_LOCKS:
                return True
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
        if not wait or (until is not None and time.monotonic() >= until):
            return False
        time.sleep(POLL_SECONDS)


def inside(path: Path, root: Path) -> bool:
    """Return whether a path, with all links followed, lies below a folder."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def size_of(folder: Path) -> int:
    """Return the bytes on disk below a folder; what vanishes meanwhile has none."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118 - as os.walk gives it
    return total


def size_or_none(file: Path) -> int | None:
    """Return the size of a plain file."""
    try:
        return file.stat().st_size
    except OSError:
        return None


def last_used(folder: Path) -> float:
    """Return when a model was used last; one that was never is as old as its folder."""
    for file in (folder / OWN / USED, folder):
        with suppress(OSError):
            return file.stat().st_mtime
    return 0.0


def read_json(file: Path) -> dict[str, Any] | None:
    """Return a JSON object of ours; None where there is none, or only part of one."""
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object so that it is there whole or not at all, also after a power failure."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.new")
    with draft.open("w", encoding="utf-8") as stream:
        json.dump(content, stream)
        stream.flush()
        os.fsync(stream.fileno())
    draft.rename(file)
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
