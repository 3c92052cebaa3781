"""ModelScope as its clients see it: models, files, and how it says no.

Owns paths, fields and codes of that protocol; it answers an unknown revision with an empty list, gives the full id of
a commit only beside the files that it changed, and ignores Range for small files. Must not send anything.
"""

from __future__ import annotations

import re
from typing import Any

from hub.answers import Address, Answer, Caller, Question
from hub.repos import Repo, Revision, Shelf

PREFIX = "/api/v1/models/"
NOT_FOUND, NOT_LOGGED_IN, NO_RIGHT = 10010205001, 10010106001, 10010205003


def answer(question: Question, caller: Caller, shelf: Shelf, address: Address, front: str) -> Answer | None:
    """Return the answer, or None where the path is none of this protocol's."""
    found = re.fullmatch(rf"{PREFIX}([^/]+/[^/]+)(/repo/files|/repo|/revisions)?", question.path)
    if not found:
        return None
    repo = shelf.repo(found[1])
    if no := refusal(repo, caller, contents=found[2] == "/repo"):
        return no
    assert repo is not None
    revision = repo.at(question.query.get("Revision"))
    if found[2] == "/repo":
        return file(repo, revision, question.query.get("FilePath", ""), address)
    if found[2] == "/repo/files":
        return said(listing(revision))
    if found[2] == "/revisions":
        return said({"RevisionMap": {"Branches": [{"Revision": r.name} for r in repo.revisions], "Tags": []}})
    org, _, name = repo.id.partition("/")
    return said(
        {"Path": org, "Name": name, "License": repo.settings.get("license", ""), "Revision": "master"}
    )


def refusal(repo: Repo | None, caller: Caller, contents: bool) -> Answer | None:
    if caller.has_token and not caller.known:
        return failed(401, NOT_LOGGED_IN, "token is invalid or expired")
    if repo is None or (repo.settings.get("private") and not caller.may_read(repo)):
        return failed(404, NOT_FOUND, "record not found")
    if contents and repo.settings.get("gated") and not caller.may_read(repo):
        if not caller.known:
            return failed(401, NOT_LOGGED_IN, "please login first")
        return failed(403, NO_RIGHT, "no permission to download")
    return None


def listing(revision: Revision | None) -> dict[str, Any]:
    if revision is None:
        return {"Files": None, "IsVisual": 0, "LatestCommitter": None}
    # Each file names the commit that changed it last; the newest commit changed one of them at least.
    older = revision.commit[::-1]
    files: list[dict[str, Any]] = [
        {
            "Name": name.rpartition("/")[2],
            "Path": name,
            "Type": "blob",
            "Size": entry.size,
            "Sha256": entry.sha256,
            "IsLFS": entry.lfs,
            "Revision": older if position else revision.commit,
        }
        for position, (name, entry) in enumerate(revision.files.items())
    ]
    folders = sorted({name.rpartition("/")[0] for name in revision.files if "/" in name})
    files += [
        {"Name": name, "Path": name, "Type": "tree", "Size": 0, "Sha256": "", "Revision": older}
        for name in folders
    ]
    return {"Files": files, "IsVisual": 0, "LatestCommitter": {"Id": "", "ShortId": revision.commit[:8]}}


def file(repo: Repo, revision: Revision | None, name: str, address: Address) -> Answer:
    entry = revision.files.get(name) if revision else None
    if revision is None or entry is None:
        return failed(404, NOT_FOUND, f"file {name} not found")
    if not entry.lfs:
        return Answer(200, file=entry, ranges=False)
    headers = {"X-Linked-ETag": f'"{entry.sha256}"', "X-Linked-Size": str(entry.size)}
    return Answer(302, None, {**headers, "Location": address(repo, revision.commit, entry)})


def said(data: Any) -> Answer:
    return Answer(200, {"Code": 200, "Data": data, "Message": "success", "RequestId": "0", "Success": True})


def failed(status: int, code: int, message: str) -> Answer:
    return Answer(
        status, {"Code": code, "Data": None, "Message": message, "RequestId": "0", "Success": False}
    )
