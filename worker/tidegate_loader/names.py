"""Which name means which place: of a model on a hub, of its folder in the cache, of a file in that folder.

Owns the layout `SCHEME/ORG--NAME/COMMIT/FILE`. Pure: whether a name is safe is decided by its letters alone, and
`storage.py` makes sure of it once more where it writes.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from tidegate_loader.failure import LoadFailed

Scheme = Literal["hf", "ms"]

# Characters that both hubs allow; neither `..` nor `--` occurs in their names.
MODEL_URI: Final = re.compile(
    r"(hf|ms)://([A-Za-z0-9_][A-Za-z0-9._-]{0,95})/([A-Za-z0-9_][A-Za-z0-9._-]{0,95})"
)
REVISION: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?")
COMMIT: Final = re.compile(r"[0-9a-f]{40}")
# ModelScope gives the beginning of a commit where it gives no more.
FOLDER: Final = re.compile(r"(hf|ms)/[A-Za-z0-9_][A-Za-z0-9._-]*--[A-Za-z0-9_][A-Za-z0-9._-]*/[0-9a-f]{8,64}")
# Ours, inside a model's folder.
OWN: Final = ".tidegate"
MAX_PART_BYTES: Final = 255
MAX_NAME_BYTES: Final = 1024


@dataclass(frozen=True, slots=True)
class ModelName:
    """A model of a hub."""

    scheme: Scheme
    org: str
    name: str

    @property
    def uri(self) -> str:
        return f"{self.scheme}://{self.org}/{self.name}"

    @property
    def repository(self) -> str:
        return f"{self.org}/{self.name}"

    @property
    def folder(self) -> str:
        """Return the folder of all its revisions, relative to the cache."""
        return f"{self.scheme}/{self.org}--{self.name}"

    def path(self, commit: str) -> str:
        """Return the folder of one revision, relative to the cache."""
        return f"{self.folder}/{commit}"


def parse(uri: str) -> ModelName:
    """Return the model that a URI names; raise LoadFailed where it names none."""
    found = MODEL_URI.fullmatch(uri)
    if not found or ".." in uri or "--" in uri:
        raise LoadFailed("ModelNotFound", f"{uri:.200} names no model: use hf://ORG/NAME or ms://ORG/NAME.")
    return ModelName("hf" if found[1] == "hf" else "ms", found[2], found[3])


def revision_problem(revision: str) -> str | None:
    """Return what is wrong with the name of a branch, tag or commit."""
    if REVISION.fullmatch(revision) and ".." not in revision and "//" not in revision:
        return None
    return f"{revision!r:.200} is no branch, tag or commit"


def is_model_path(path: str) -> bool:
    """Return whether this is the folder of one model in a cache, as `ModelName.path` names it."""
    return FOLDER.fullmatch(path) is not None and ".." not in path


def file_problem(name: str) -> str | None:
    """Return why a file of this name would not stay inside its model's folder, or None."""
    parts = name.split("/")
    if not name or name.startswith("/") or "\\" in name or not name.isprintable():
        return "is no plain relative name"
    if any(part in ("", ".", "..") for part in parts):
        return "leads elsewhere"
    if parts[0] == OWN:
        return "is a name of the cache itself"
    if len(name.encode()) > MAX_NAME_BYTES or any(len(part.encode()) > MAX_PART_BYTES for part in parts):
        return "is too long"
    return None


def names_problem(names: Iterable[str]) -> str | None:
    """Return why these names cannot be the files of one folder, or None."""
    seen: set[str] = set()
    for name in names:
        if problem := file_problem(name):
            return f"{name!r:.200} {problem}"
        if name in seen:
            return f"{name!r:.200} occurs twice"
        seen.add(name)
    for name in seen:
        parts = name.split("/")
        above = next((top for end in range(1, len(parts)) if (top := "/".join(parts[:end])) in seen), None)
        if above:
            return f"{above!r:.200} is a file and a folder"
    return None
