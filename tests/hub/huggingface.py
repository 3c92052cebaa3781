"""huggingface.co as its clients see it: models, trees, files, searches, and how it says no.

Owns paths, fields, headers and error codes of that protocol. Must not send anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from hub.answers import Address, Answer, Caller, Question
from hub.repos import File, Repo, Revision, Shelf

# Text files are answered from here, one hop behind the address that clients ask.
RESOLVED = "/api/resolve-cache/models/"
POINTER_BYTES = 134
SORTS: Mapping[str, str] = {"downloads": "downloads", "likes": "likes", "trendingScore": "likes"}


def answer(question: Question, caller: Caller, shelf: Shelf, address: Address, front: str) -> Answer | None:
    """Return the answer, or None where the path is none of this protocol's."""
    path = question.path
    if path == "/api/models":
        return refused_token(caller) or Answer(200, search(question.query, caller, shelf))
    if path == "/api/whoami-v2":
        return (
            Answer(200, {"type": "user", "name": "user"})
            if caller.known
            else error(401, "", "Invalid username or password.")
        )
    name = r"(?P<id>[^/]+/[^/]+)"
    routes: tuple[tuple[str, Callable[[Repo, Revision, str], Answer]], ...] = (
        (
            rf"{RESOLVED}{name}/(?P<rev>[0-9a-f]{{40}})/(?P<file>.+)",
            text_file,
        ),
        (
            rf"/api/models/{name}/tree/(?P<rev>[^/]+)(?:/(?P<file>.*))?",
            lambda repo, rev, file: tree(rev, file, question.query),
        ),
        (
            rf"/api/models/{name}(?:/revision/(?P<rev>.+))?",
            lambda repo, rev, _: info(repo, rev, "blobs" in question.query),
        ),
        (
            rf"/{name}/(?:resolve|raw)/(?P<rev>[^/]+)/(?P<file>.+)",
            lambda repo, rev, file: resolve(repo, rev, file, address),
        ),
    )
    for pattern, route in routes:
        if found := re.fullmatch(pattern, path):
            words = found.groupdict()
            contents = not path.startswith("/api/") or path.startswith(RESOLVED)
            return guarded(
                words["id"], words.get("rev"), caller, shelf, front, contents=contents
            ) or found_in(shelf, words, route)
    return None


def found_in(
    shelf: Shelf, words: Mapping[str, str | None], route: Callable[[Repo, Revision, str], Answer]
) -> Answer:
    repo = shelf.repo(words["id"] or "")
    revision = repo.at(words.get("rev")) if repo else None
    assert repo is not None and revision is not None, "guarded() let it through"
    return route(repo, revision, words.get("file") or "")


def guarded(
    name: str, wanted: str | None, caller: Caller, shelf: Shelf, front: str, *, contents: bool
) -> Answer | None:
    """Return how the Hub says no, or None: what is missing and what is secret look alike to those without a token."""
    if no := refused_token(caller):
        return no
    repo = shelf.repo(name)
    if repo is None or (repo.settings.get("private") and not caller.may_read(repo)):
        if caller.known:
            return error(404, "RepoNotFound", "Repository not found")
        return error(401, "RepoNotFound", "Invalid username or password.")
    if repo.settings.get("disabled"):
        return error(403, "", "Access to this resource is disabled.")
    # Anybody may list what is gated, but for those repositories that hide it.
    if (contents or repo.settings.get("listing_gated")) and (no := gate(repo, caller, front)):
        return no
    return None if repo.at(wanted) else error(404, "RevisionNotFound", f"Invalid rev id: {wanted}")


def gate(repo: Repo, caller: Caller, front: str) -> Answer | None:
    """Return what keeps a caller from the content of a gated repository, if anything."""
    if not repo.settings.get("gated") or caller.may_read(repo):
        return None
    if not caller.known:
        words = "You must have access to it and be authenticated to access it. Please log in."
        return error(401, "GatedRepo", f"Access to model {repo.id} is restricted. {words}")
    words = f"and you are not in the authorized list. Visit {front}/{repo.id} to ask for access."
    return error(403, "GatedRepo", f"Access to model {repo.id} is restricted {words}")


def refused_token(caller: Caller) -> Answer | None:
    if caller.has_token and not caller.known:
        return error(401, "", "Invalid credentials in Authorization header")
    return None


def error(status: int, code: str, message: str) -> Answer:
    headers = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {})}
    return Answer(status, {"error": message}, headers)


def summary(repo: Repo) -> dict[str, Any]:
    """Return what a search says about a model."""
    known = repo.settings
    license_tags = [f"license:{known['license']}"] if known.get("license") else []
    weights = any(name.endswith(".safetensors") for name in repo.default.files)
    return {
        "_id": repo.default.commit[:24],
        "id": repo.id,
        "modelId": repo.id,
        "likes": known.get("likes", 0),
        "trendingScore": known.get("likes", 0),
        "private": bool(known.get("private")),
        "gated": known.get("gated", False),
        "downloads": known.get("downloads", 0),
        "tags": [*(["safetensors"] if weights else []), *known.get("tags", []), *license_tags],
        "pipeline_tag": known.get("pipeline_tag", "text-generation"),
        "library_name": "transformers",
        "createdAt": "2026-01-01T00:00:00.000Z",
    }


def info(repo: Repo, revision: Revision, blobs: bool) -> Answer:
    """Return a model at a revision; with `blobs`, its files with sizes and hashes."""
    known = repo.settings
    body = {
        **summary(repo),
        "author": repo.id.partition("/")[0],
        "sha": revision.commit,
        "lastModified": "2026-01-02T00:00:00.000Z",
        "disabled": False,
        "cardData": {"license": known["license"]} if known.get("license") else {},
        "siblings": [sibling(file, blobs) for file in revision.files.values()],
        "usedStorage": sum(file.size for file in revision.files.values()),
    }
    return Answer(200, body)


def sibling(file: File, blobs: bool) -> dict[str, Any]:
    if not blobs:
        return {"rfilename": file.name}
    entry: dict[str, Any] = {"rfilename": file.name, "blobId": file.blob, "size": file.size}
    if file.lfs:
        entry["lfs"] = {"sha256": file.sha256, "size": file.size, "pointerSize": POINTER_BYTES}
    return entry


def tree(revision: Revision, folder: str, query: Mapping[str, str]) -> Answer:
    """Return the entries of a folder, or of all below it."""
    prefix = f"{folder.rstrip('/')}/" if folder else ""
    below = [file for name, file in revision.files.items() if name.startswith(prefix)]
    deep = query.get("recursive", "").lower() in ("1", "true")
    shown = [file for file in below if deep or "/" not in file.name.removeprefix(prefix)]
    folders = {str(file.name.removeprefix(prefix)).partition("/")[0] for file in below if file not in shown}
    entries: list[dict[str, Any]] = [
        {"type": "directory", "path": prefix + name, "size": 0} for name in sorted(folders)
    ]
    for file in shown:
        entry: dict[str, Any] = {"type": "file", "oid": file.blob, "size": file.size, "path": file.name}
        if file.lfs:
            entry["lfs"] = {"oid": file.sha256, "size": file.size, "pointerSize": POINTER_BYTES}
        entries.append(entry)
    return Answer(200, entries) if entries or not folder else error(404, "EntryNotFound", "Entry not found")


def resolve(repo: Repo, revision: Revision, name: str, address: Address) -> Answer:
    """Return where a file's content is: large ones elsewhere, small ones one hop further here."""
    file = revision.files.get(name)
    if file is None:
        return error(404, "EntryNotFound", "Entry not found")
    headers = {"X-Repo-Commit": revision.commit}
    if not file.lfs:
        location = quote(f"{RESOLVED}{repo.id}/{revision.commit}/{name}")
        return Answer(307, None, {**headers, "ETag": f'"{file.blob}"', "Location": location})
    linked = {"X-Linked-Size": str(file.size), "X-Linked-ETag": f'"{file.sha256}"'}
    return Answer(302, None, {**headers, **linked, "Location": address(repo, revision.commit, file)})


def text_file(repo: Repo, revision: Revision, name: str) -> Answer:
    """Return a small file."""
    file = revision.files.get(name)
    if file is None:
        return error(404, "EntryNotFound", "Entry not found")
    return Answer(200, headers={"X-Repo-Commit": revision.commit, "ETag": f'"{file.blob}"'}, file=file)


def search(query: Mapping[str, str], caller: Caller, shelf: Shelf) -> list[dict[str, Any]]:
    """Return the models that fit, as `/api/models` filters, sorts and cuts them."""
    repos = [repo for name in shelf.ids() if (repo := shelf.repo(name))]
    seen = [summary(repo) for repo in repos if not repo.settings.get("private") or caller.may_read(repo)]
    words = query.get("search", "").lower()
    wanted = [word for word in query.get("filter", "").split(",") if word]
    kind, author = query.get("pipeline_tag"), query.get("author")
    fitting = [
        entry
        for entry in seen
        if words in entry["id"].lower()
        and all(word in entry["tags"] or word == entry["pipeline_tag"] for word in wanted)
        and (kind is None or entry["pipeline_tag"] == kind)
        and (author is None or entry["id"].startswith(f"{author}/"))
    ]
    if order := SORTS.get(query.get("sort", "")):
        fitting.sort(key=lambda entry: entry[order], reverse=query.get("direction", "-1") == "-1")
    return fitting[: int(query.get("limit", 1000))]
