"""Who somebody is and what they may see, as the API server says it.

Owns these questions, and how many namespaces are asked about. Must not remember anybody.
"""

import asyncio
from collections.abc import Iterable
from typing import Final

from tidegate_api.names import GROUP
from tidegate_console.kinds import SERVICES
from tidegate_console.kube import Access
from tidegate_console.problems import Problem

# Namespaces that are asked about one by one for who may not see all.
MOST_NAMESPACES: Final = 64
_AT_ONCE: Final = 8
_ACCOUNT: Final = "system:serviceaccount:"
_NAMES_ONLY: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_PAGE: Final = 500


async def user_of(access: Access) -> str:
    """Return the name of who is asking; raises Problem 401 for a token that is not good."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = await access.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
    return str(answer["status"]["userInfo"]["username"])


async def visible(access: Access, served: Iterable[str], guesses: Iterable[str]) -> tuple[str, ...] | None:
    """Return the namespaces where LLMServices may be listed; None for all.

    `served` are those that there are, where not all are served. Else, for who may not list all, `guesses` are tried.
    """
    only = tuple(served)
    if not only and await may_list(access, None):
        return None
    candidates = sorted({*(only or guesses)})[:MOST_NAMESPACES]
    gate = asyncio.Semaphore(_AT_ONCE)

    async def asked(namespace: str) -> bool:
        async with gate:
            return await may_list(access, namespace)

    allowed = await asyncio.gather(*(asked(one) for one in candidates))
    return tuple(one for one, yes in zip(candidates, allowed, strict=True) if yes)


async def may_list(access: Access, namespace: str | None) -> bool:
    """Tell whether LLMServices of a namespace, or of all, may be listed."""
    what = {"verb": "list", "group": GROUP, "resource": SERVICES.plural}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {**what, **({"namespace": namespace} if namespace else {})}},
    }
    answer = await access.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    return bool(answer["status"].get("allowed"))


def home_of(user: str | None) -> set[str]:
    """Return the namespace that a ServiceAccount is of; none for anybody else."""
    if user is None or not user.startswith(_ACCOUNT):
        return set()
    return {user.removeprefix(_ACCOUNT).partition(":")[0]}


async def namespaces(access: Access) -> set[str]:
    """Return the names of all namespaces, or, for who may not list these, of those with LLMServices; else none."""
    for path, field in (("/api/v1/namespaces", "name"), (SERVICES.path(None), "namespace")):
        try:
            listed = await access.read(path, [("limit", str(_PAGE))], _NAMES_ONLY)
        except Problem as problem:
            if problem.status == 401:
                raise
            continue
        return {str(one["metadata"][field]) for one in listed["items"]}
    return set()
