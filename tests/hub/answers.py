"""What a protocol is asked and what it answers, as plain values.

Owns their shape. Must not decide or send anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.repos import File, Repo


@dataclass(frozen=True, slots=True)
class Question:
    """A request; the path is decoded."""

    path: str
    query: Mapping[str, str]
    method: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: whether there was a token, whether it is one of ours, and which repositories it was granted."""

    has_token: bool
    known: bool
    granted: tuple[str, ...]

    def may_read(self, repo: Repo) -> bool:
        return repo.id in self.granted


@dataclass(frozen=True, slots=True)
class Answer:
    """A status with a JSON body, or a file."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    file: File | None = None
    ranges: bool = True


# Where the content of a large file is: of this repository, at this commit, this file.
Address = Callable[[Repo, str, File], str]
