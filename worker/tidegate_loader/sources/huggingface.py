"""huggingface.co and its mirrors: where models and files are, and what is said about them.

Owns that protocol's addresses and fields. Files without a hash of their own are what Git holds, so that they are
checked as Git names them.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from tidegate_loader.failure import LoadFailed
from tidegate_loader.listing import Listing, RemoteFile
from tidegate_loader.names import ModelName
from tidegate_loader.verdict import Said, said_by_huggingface
from tidegate_loader.web import Web

ENDPOINT: Final = "https://huggingface.co"
DEFAULT_REVISION: Final = "main"


def listing(web: Web, endpoint: str, model: ModelName, revision: str) -> Listing:
    """Return the files of a model at the commit that a revision means now."""
    url = f"{endpoint}/api/models/{model.repository}/revision/{quote(revision, safe='')}"
    return read_listing(web.document(url, {"blobs": "true"}), model)


def file_url(endpoint: str, model: ModelName, commit: str, name: str) -> str:
    """Return where the content of a file is asked for."""
    return f"{endpoint}/{model.repository}/resolve/{commit}/{quote(name)}"


def reading(status: int, headers: Mapping[str, str], _body: Any) -> Said:
    return said_by_huggingface(status, headers)


def read_listing(content: Any, model: ModelName) -> Listing:
    """Return what the hub says of a model; raise LoadFailed where it says too little to check a file."""
    match content:
        case {"sha": str(commit), "siblings": list(siblings)}:
            files = tuple(read_file(entry, model) for entry in siblings)
            return Listing(commit, files, license_of(content))
    raise LoadFailed("LoaderFailed", f"the hub's answer about {model.uri} has no commit or no list of files.")


def read_file(entry: Any, model: ModelName) -> RemoteFile:
    match entry:
        case {"rfilename": str(name), "lfs": {"sha256": str(digest), "size": int(size)}}:
            return RemoteFile(name, size, "sha256", digest)
        case {"rfilename": str(name), "size": int(size), "blobId": str(digest)}:
            return RemoteFile(name, size, "git-sha1", digest)
    raise LoadFailed(
        "LoaderFailed", f"the hub's answer about {model.uri} lacks size or hash of {entry!s:.200}."
    )


def license_of(content: Mapping[str, Any]) -> str | None:
    """Return the licence as the model's card names it."""
    card = content.get("cardData")
    named = card.get("license") if isinstance(card, dict) else None
    if isinstance(named, list):
        named = ", ".join(str(name) for name in named)
    return str(named)[:200] if named else None
