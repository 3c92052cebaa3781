"""ModelScope: where models and files are, and what is said about them.

Owns that protocol's addresses and fields. It answers an unknown revision with an empty list, and names the commit of a
list only by its beginning: all of it stands beside the files which that commit changed.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

from tidegate_loader.failure import LoadFailed
from tidegate_loader.listing import Listing, RemoteFile
from tidegate_loader.names import COMMIT, ModelName
from tidegate_loader.verdict import Said, said_by_modelscope
from tidegate_loader.web import Refused, Web

ENDPOINT: Final = "https://www.modelscope.cn"
DEFAULT_REVISION: Final = "master"
# Older parts of its API know users by this cookie only.
COOKIE: Final = "m_session_id"
# A longer list is cut in silence.
MAX_FILES: Final = 3000


def listing(web: Web, endpoint: str, model: ModelName, revision: str) -> Listing:
    """Return the files of a model at the commit that a revision means now."""
    base = f"{endpoint}/api/v1/models/{model.repository}"
    answer = web.document(f"{base}/repo/files", {"Revision": revision, "Recursive": "True"})
    data = answer.get("Data") if isinstance(answer, dict) else None
    if isinstance(data, dict) and data.get("Files") is None:
        raise Refused(Said(404, "RevisionNotFound"))
    commit, files = read_listing(data, model, revision)
    described = web.document(base, {})
    return Listing(commit, files, license_of(described))


def file_url(endpoint: str, model: ModelName, commit: str, name: str) -> str:
    """Return where the content of a file is asked for."""
    words = urlencode({"Revision": commit, "FilePath": name}, quote_via=quote)
    return f"{endpoint}/api/v1/models/{model.repository}/repo?{words}"


def reading(status: int, headers: Mapping[str, str], body: Any) -> Said:
    return said_by_modelscope(status, headers, body)


def read_listing(data: Any, model: ModelName, revision: str) -> tuple[str, tuple[RemoteFile, ...]]:
    """Return the commit and its files; raise LoadFailed where the hub says too little to check a file."""
    match data:
        case {"Files": list(entries)}:
            blobs = [entry for entry in entries if isinstance(entry, dict) and entry.get("Type") != "tree"]
        case _:
            raise LoadFailed("LoaderFailed", f"the hub's answer about {model.uri} has no list of files.")
    if len(entries) >= MAX_FILES:
        message = f"{model.uri} has more files than the hub lists at once ({MAX_FILES})."
        raise LoadFailed("LoaderFailed", f"{message} Use a copy of the model without what is not needed.")
    files = tuple(read_file(entry, model) for entry in blobs)
    return commit_of(data.get("LatestCommitter"), blobs, model, revision), files


def read_file(entry: Mapping[str, Any], model: ModelName) -> RemoteFile:
    match entry:
        case {"Path": str(name), "Size": int(size), "Sha256": str(digest)} if digest:
            return RemoteFile(name, size, "sha256", digest.lower())
    raise LoadFailed(
        "LoaderFailed", f"the hub's answer about {model.uri} lacks size or hash of {entry!s:.200}."
    )


def commit_of(latest: Any, blobs: Sequence[Mapping[str, Any]], model: ModelName, revision: str) -> str:
    """Return the commit of a list: its whole id where the hub gives it, else its beginning."""
    if COMMIT.fullmatch(revision):
        return revision
    latest = latest if isinstance(latest, dict) else {}
    whole, begin = str(latest.get("Id") or ""), str(latest.get("ShortId") or "")
    if COMMIT.fullmatch(whole):
        return whole
    of_files = (str(entry.get("Revision") or "") for entry in blobs)
    found = next((c for c in of_files if begin and c.startswith(begin) and COMMIT.fullmatch(c)), begin)
    if len(found) >= 8 and all(letter in "0123456789abcdef" for letter in found):
        return found
    raise LoadFailed(
        "LoaderFailed", f"the hub does not say which commit {revision!r:.140} of {model.uri} is."
    )


def license_of(answer: Any) -> str | None:
    """Return the licence of a model."""
    data = answer.get("Data") if isinstance(answer, dict) else None
    named = data.get("License") if isinstance(data, dict) else None
    return str(named)[:200] if named else None
