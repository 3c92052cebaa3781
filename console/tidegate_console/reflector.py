"""Objects of one kind, kept equal to the API server's with one caller's rights: listed once, then watched.

Owns resource versions, reconnection, and how many objects are held. Must not know who looks at them.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Final

import structlog

from tidegate_console.kinds import Kind
from tidegate_console.kube import Access, Json
from tidegate_console.problems import Problem, cluster_down

_PAGE: Final = 500
# A watch that ends is asked for anew, and so are the rights to it: who has lost them sees nothing after this time.
_WATCH_SECONDS: Final = 50
_LONGEST_WAIT_SECONDS: Final = 5.0
# Who may not list a kind is asked about again after this time; so is a kind that the cluster does not know.
_DENIED_SECONDS: Final = 30.0
_DENIED: Final = frozenset({403, 404})
_GONE: Final = 410

# Returns what is kept of an object, None where nothing is.
Keep = Callable[[Json], Json | None]


class Reflector:
    """The objects of a kind in a namespace, or in all."""

    def __init__(
        self,
        access: Access,
        kind: Kind,
        namespace: str | None,
        *,
        keep: Keep,
        changed: Callable[[str], None],
        most: int,
    ) -> None:
        self.kind = kind
        self.objects: dict[tuple[str, str], Json] = {}
        # Set once it is known what there is, or that it may not be seen.
        self.settled = asyncio.Event()
        self._access, self._keep, self._changed, self._most = access, keep, changed, most
        self._path = kind.path(namespace)
        self._version = ""
        self._failures = 0
        self._denials = 0
        self._log = structlog.get_logger("watch").bind(resource=kind.plural, namespace=namespace or "*")

    async def run(self) -> None:
        """Keep on until the caller's token is not good any more, which is raised as Problem 401."""
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._watch()
            except Problem as problem:
                if problem.status == 401:
                    raise
                await asyncio.sleep(self._pause(problem))

    def _pause(self, problem: Problem) -> float:
        """Return how long to wait after a failure."""
        if problem.status == _GONE:
            self._version = ""
            return 0.0
        if problem.status in _DENIED:
            # An API server that has just begun refuses what it allows a moment later.
            self._denials += 1
            if self._denials > 1 or not self.settled.is_set():
                self._replace({}, "")
            return min(_DENIED_SECONDS, 2.0**self._denials)
        self._failures += 1
        wait: float = random.uniform(0.5, 1) * min(_LONGEST_WAIT_SECONDS, 0.1 * 2**self._failures)  # noqa: S311
        self._log.warning("lost the API server", reason=problem.reason, again_in=round(wait, 1))
        return wait

    async def _list(self) -> None:
        found: dict[tuple[str, str], Json] = {}
        more = ""
        while True:
            page = await self._access.read(
                self._path, [("limit", str(_PAGE)), *([("continue", more)] if more else [])]
            )
            for item in page["items"]:
                # Those of the core group come without these in a list.
                named = {"apiVersion": page["apiVersion"], "kind": self.kind.kind, **item}
                if (kept := self._keep(named)) is not None:
                    found[_key(item)] = kept
            more = page["metadata"].get("continue", "")
            if not more:
                break
        self._replace(found, page["metadata"]["resourceVersion"])

    def _replace(self, found: dict[tuple[str, str], Json], version: str) -> None:
        is_new = found != self.objects or not self.settled.is_set()
        self.objects, self._version = found, version
        self._trim()
        self.settled.set()
        if is_new:
            self._changed(self.kind.section)

    async def _watch(self) -> None:
        query = [
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", self._version),
            ("timeoutSeconds", str(_WATCH_SECONDS)),
        ]
        async for event in self._access.watch(self._path, query):
            self._failures = self._denials = 0
            kind, item = event["type"], event["object"]
            if kind == "ERROR":
                if item.get("code") == _GONE:
                    raise Problem(_GONE, "Expired", "The version is too old.")
                raise cluster_down(str(item.get("reason", "unknown")))
            self._version = item["metadata"]["resourceVersion"]
            if kind != "BOOKMARK":
                self._put(kind, item)

    def _put(self, kind: str, item: Json) -> None:
        kept = None if kind == "DELETED" else self._keep(item)
        before = self.objects.pop(_key(item), None)
        if kept is not None:
            # At the end, so that the oldest go first where there are too many.
            self.objects[_key(item)] = kept
            self._trim()
        if kept != before:
            self._changed(self.kind.section)

    def _trim(self) -> None:
        for key in list(self.objects)[: max(0, len(self.objects) - self._most)]:
            del self.objects[key]


def _key(item: Json) -> tuple[str, str]:
    return item["metadata"]["namespace"], item["metadata"]["name"]
