"""Files from a hub onto the disk, each checked by its hash before it gets its name.

Owns partial files, what is asked again and when it is given up. Must not choose files or judge models.
"""

import hashlib
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from tidegate_loader.cache import PARTS, inside, size_or_none
from tidegate_loader.failure import LoadFailed
from tidegate_loader.listing import RemoteFile
from tidegate_loader.names import OWN, ModelName
from tidegate_loader.sources import Source
from tidegate_loader.verdict import Asked, unreachable, verdict
from tidegate_loader.web import Refused, Unreachable

# What one request asks for: content networks refuse to send more than 50 GB at once.
SEGMENT_BYTES: Final = 8 * 1024**3
READ_BYTES: Final = 4 * 1024 * 1024
PARALLEL: Final = 4
NOT_SATISFIABLE: Final = 416


@dataclass(frozen=True, slots=True)
class Patience:
    """How often in a row a hub may fail without sending a byte, and how long to wait, in seconds."""

    failures: int = 6
    first_wait: float = 1.0
    longest_wait: float = 30.0

    def wait(self, failures: int, asked_for: float | None) -> float:
        """Return the seconds before the next try: doubled each time, or as the hub asks, within limits."""
        own = min(self.longest_wait, self.first_wait * 2.0 ** (failures - 1))
        return min(self.longest_wait, max(own, asked_for or 0.0))


class Listener(Protocol):
    """Who is told how far it is."""

    def bytes_came(self, count: int) -> None:
        """Count bytes; with a minus, those that have to come again."""

    def file_checked(self) -> None:
        """Count a file that is there and checked."""


class Stopped(Exception):
    """Another file failed, so this one is left as it is."""


@dataclass(frozen=True, slots=True)
class Job:
    """One model on its way: from where, at which commit, into which folder."""

    source: Source
    model: ModelName
    commit: str
    folder: Path
    patience: Patience
    listener: Listener
    stop: threading.Event

    @property
    def asked(self) -> Asked:
        return self.source.asked(self.model, self.commit)

    def part(self, file: RemoteFile) -> Path:
        """Return where a file grows; by its hash, which is the same for all that have this content."""
        return self.folder / OWN / PARTS / file.hash

    def place(self, file: RemoteFile) -> Path:
        """Return where a file belongs; raise LoadFailed where a link would lead it elsewhere."""
        place = self.folder / file.name
        if not inside(place.parent, self.folder):
            raise LoadFailed(
                "UnsafeFormat", f"{file.name!r:.200} of {self.model.uri} leads out of the cache."
            )
        return place


def present_bytes(job: Job, files: Sequence[RemoteFile]) -> int:
    """Return how many bytes of these files are there, checked or in part."""
    return sum(there(job, file) for file in files)


def there(job: Job, file: RemoteFile) -> int:
    if is_checked(job, file):
        return file.size
    return min(size_or_none(job.part(file)) or 0, file.size)


def is_checked(job: Job, file: RemoteFile) -> bool:
    """Return whether a file has its name already: it got it after it was checked."""
    return size_or_none(job.place(file)) == file.size


def fetch_all(job: Job, files: Sequence[RemoteFile], parallel: int = PARALLEL) -> None:
    """Bring these files into the folder, several at once. Raises LoadFailed, OSError; what is there stays."""
    (job.folder / OWN / PARTS).mkdir(parents=True, exist_ok=True)
    # Files of one content share what they have in part, so they come one after the other.
    chains: dict[str, list[RemoteFile]] = {}
    for file in files:
        if not is_checked(job, file):
            chains.setdefault(file.hash, []).append(file)
    with ThreadPoolExecutor(parallel, thread_name_prefix="fetch") as pool:
        futures = [pool.submit(fetch_chain, job, chain) for chain in chains.values()]
    errors = [error for future in futures if (error := future.exception())]
    if errors:
        raise next((error for error in errors if not isinstance(error, Stopped)), errors[0])


def fetch_chain(job: Job, files: Sequence[RemoteFile]) -> None:
    try:
        for file in files:
            fetch_file(job, file)
    except BaseException:
        job.stop.set()
        raise


def fetch_file(job: Job, file: RemoteFile) -> None:
    """Bring one file, check it, and bring it once more if it is not what the hub says."""
    part = job.part(file)
    for attempt in (1, 2):
        download(job, file, part, fresh=attempt == 2)
        if hash_of(part, file, job.stop) == file.hash:
            settle(job, file, part)
            return
        part.unlink()
        job.listener.bytes_came(-file.size)
    what = f"{file.name} of {job.model.uri} at {job.commit} came twice with another content"
    message = f"{what} than {job.source.endpoint} says ({file.hash_kind} {file.hash})."
    raise LoadFailed("CorruptWeights", f"{message} Ask who runs that endpoint.")


def settle(job: Job, file: RemoteFile, part: Path) -> None:
    """Give a checked file its name, so that it has it only when its content will last."""
    with part.open("rb") as content:
        os.fsync(content.fileno())
    part.chmod(0o644)
    place = job.place(file)
    place.parent.mkdir(parents=True, exist_ok=True)
    part.rename(job.place(file))
    job.listener.file_checked()


def download(job: Job, file: RemoteFile, part: Path, *, fresh: bool) -> None:
    """Let a file grow until it has its size, going on where it stands, whatever interrupts."""
    failures = 0
    while (have := grown(part, file)) < file.size:
        try:
            receive(job, file, part, have, fresh=fresh)
        except (Refused, Unreachable) as error:
            failures = failures + 1 if (size_or_none(part) or 0) <= have else 1
            again(job, error, failures, part)


def grown(part: Path, file: RemoteFile) -> int:
    """Return how much of a file is there; one that is too long has never been this file."""
    have = size_or_none(part)
    if have is None or have > file.size:
        part.write_bytes(b"")
        return 0
    return have


def again(job: Job, error: Refused | Unreachable, failures: int, part: Path) -> None:
    """Wait before the next try, or raise LoadFailed where there is no use in one."""
    asked_for = None
    if isinstance(error, Refused):
        if error.said.status == NOT_SATISFIABLE:
            part.unlink(missing_ok=True)
        elif not error.said.passing or failures >= job.patience.failures:
            raise verdict(error.said, job.asked) from error
        asked_for = error.said.retry_after
    if failures >= job.patience.failures:
        raise unreachable(job.asked, str(error)) from error
    if job.stop.wait(job.patience.wait(failures, asked_for)):
        raise Stopped


def receive(job: Job, file: RemoteFile, part: Path, have: int, *, fresh: bool) -> None:
    """Append what one request brings. Raises Refused, Unreachable, Stopped, OSError."""
    url = job.source.file_url(job.model, job.commit, file.name)
    end = min(file.size, have + SEGMENT_BYTES)
    with job.source.web.content(url, have, end, fresh=fresh) as content, part.open("r+b") as stream:
        if content.begin < have:
            job.listener.bytes_came(content.begin - have)
        stream.truncate(content.begin)
        stream.seek(content.begin)
        room = file.size - content.begin
        for chunk in content.chunks:
            if job.stop.is_set():
                raise Stopped
            if len(chunk) > room:
                raise Unreachable("sent more of a file than it has")
            stream.write(chunk)
            room -= len(chunk)
            job.listener.bytes_came(len(chunk))


def hash_of(path: Path, file: RemoteFile, stop: threading.Event | None = None) -> str:
    """Return the hash of what lies on the disk, of the kind that the hub gave."""
    if file.hash_kind == "sha256":
        digest = hashlib.sha256()
    else:
        digest = hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
    with path.open("rb", buffering=0) as content:
        while block := content.read(READ_BYTES):
            if stop is not None and stop.is_set():
                raise Stopped
            digest.update(block)
    return digest.hexdigest()
