"""What a hub says that a model consists of, as plain values.

Owns their shape, and what a hash looks like. Must not read anything.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

# As Git names content, "blob", size and all; or the plain hash of a file in Git LFS.
HashKind = Literal["sha256", "git-sha1"]
HASHES: Final = {"sha256": re.compile(r"[0-9a-f]{64}"), "git-sha1": re.compile(r"[0-9a-f]{40}")}


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a repository: its size in bytes and the hash that its content must have."""

    name: str
    size: int
    hash_kind: HashKind
    hash: str

    @property
    def can_be_checked(self) -> bool:
        """Return whether size and hash are what they claim to be; the hash also names a file on its way."""
        return self.size >= 0 and HASHES[self.hash_kind].fullmatch(self.hash) is not None


@dataclass(frozen=True, slots=True)
class Listing:
    """A repository at one commit."""

    commit: str
    files: tuple[RemoteFile, ...]
    license: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(file.name for file in self.files)


def total_bytes(files: tuple[RemoteFile, ...]) -> int:
    """Return how many bytes these files have together."""
    return sum(file.size for file in files)
