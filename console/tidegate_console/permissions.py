"""What each caller may change, namespace by namespace, as the API server's own review of their rules says it.

Owns which rights are told, and for how long they are remembered: by the digest of a token, never the token. It is for
pages to offer what can be done, and guards nothing: each change is the API server's to allow or refuse.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from tidegate_api.names import GROUP
from tidegate_console.kinds import MODELS, SERVICES, TENANTS
from tidegate_console.kube import Access
from tidegate_console.problems import Problem
from tidegate_console.rights import MOST_NAMESPACES

CHANGES: Final = ("create", "update", "patch", "delete")
KEPT_SECONDS: Final = 60.0
MOST_CALLERS: Final = 256
_AT_ONCE: Final = 8
_PATH: Final = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
# The verbs that change something, by the section that the kind is shown in.
Granted = dict[str, list[str]]


def granted(rules: Sequence[Mapping[str, Any]]) -> Granted:
    """Return what rules allow. One for named objects only counts: whether it is of this one, the API server says."""
    ours = [rule for rule in rules if {GROUP, "*"} & set(rule.get("apiGroups", ()))]

    def allows(plural: str, verb: str) -> bool:
        return any(
            {plural, "*"} & set(rule.get("resources", ())) and {verb, "*"} & set(rule.get("verbs", ()))
            for rule in ours
        )

    return {
        kind.section: [verb for verb in CHANGES if allows(kind.plural, verb)]
        for kind in (SERVICES, MODELS, TENANTS)
    }


class Permissions:
    """Remembers what callers may change for a minute."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        # By the digest of a token: until when it is good, and by namespace what is granted there.
        self._known: dict[str, tuple[float, dict[str, Granted]]] = {}

    async def of(self, access: Access, token: str, namespaces: Iterable[str]) -> dict[str, Granted]:
        """Return what a caller may change, by namespace; without those of which the API server does not say it."""
        wanted = sorted({*namespaces})[:MOST_NAMESPACES]
        known = self._remembered(token)
        missing = [one for one in wanted if one not in known]
        gate = asyncio.Semaphore(_AT_ONCE)

        async def asked(namespace: str) -> Granted | None:
            async with gate:
                return await _review(access, namespace)

        for namespace, found in zip(missing, await asyncio.gather(*map(asked, missing)), strict=True):
            if found is not None:
                known[namespace] = found
        return {one: known[one] for one in wanted if one in known}

    def _remembered(self, token: str) -> dict[str, Granted]:
        now, who = self._now(), hashlib.sha256(token.encode()).hexdigest()
        until, known = self._known.get(who, (now, {}))
        if until <= now:
            known = {}
            self._known.pop(who, None)
            while len(self._known) >= MOST_CALLERS:
                del self._known[next(iter(self._known))]
            self._known[who] = (now + KEPT_SECONDS, known)
        return known


async def _review(access: Access, namespace: str) -> Granted | None:
    """Return what is granted in a namespace; None where the API server cannot tell all of it."""
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    try:
        status = (await access.create(_PATH, body))["status"]
    except Problem as problem:
        if problem.status == 401:
            raise
        return None
    return None if status.get("incomplete") else granted(status.get("resourceRules") or ())
