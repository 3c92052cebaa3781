"""What one caller sees: a set of watches for all the tabs of a user, or for all who have not signed in.

Owns the sections as text, made once for whoever looks, and the end of it all when the caller's token is not good any
more. Must not know who the caller is.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

import structlog

from tidegate_console import rights, sections
from tidegate_console.kinds import EVENTS, MODELS, SERVICES, SHOWN, Kind
from tidegate_console.kube import Access, Json
from tidegate_console.problems import Problem, cluster_down, expired
from tidegate_console.reflector import Keep, Reflector

# Each of which needs a watch of every kind; others are asked for by `?namespace=`.
MOST_NAMESPACES: Final = 32
_MOST_OBJECTS: Final = 5000
_MOST_EVENTS: Final = 2000
_MOST_TEXTS: Final = 128
_SETTLE_SECONDS: Final = 15.0


class View:
    """The objects that one caller may see, in the namespaces of a scope; None is all of them.

    `check_seconds` is how often it is asked whether the caller's token is still good; None where there is none.
    """

    def __init__(self, access: Access, scope: tuple[str, ...] | None, check_seconds: float | None) -> None:
        self.scope = scope
        self.streams = 0
        # Set when the caller's token is not good any more.
        self.over = asyncio.Event()
        self.versions = dict.fromkeys((kind.section for kind in SHOWN), 0)
        self._listeners: set[asyncio.Event] = set()
        self._texts: dict[tuple[str, str | None], tuple[int, str]] = {}
        self._access = access
        places = (None,) if scope is None else scope[:MOST_NAMESPACES]
        self._reflectors = [self._reflector(kind, place) for place in places for kind in SHOWN]
        work = [one.run() for one in self._reflectors]
        if check_seconds is not None:
            work.append(self._check(check_seconds))
        self._tasks = [asyncio.create_task(self._guard(one)) for one in work]

    async def settled(self) -> None:
        """Wait until it is known what there is; raises Problem."""
        try:
            async with asyncio.timeout(_SETTLE_SECONDS):
                for one in self._reflectors:
                    await one.settled.wait()
        except TimeoutError:
            raise cluster_down("it has not listed the objects in time") from None
        if self.over.is_set():
            raise expired()

    def listen(self) -> asyncio.Event:
        """Return an event that is set at each change, and when the view is over."""
        heard = asyncio.Event()
        self._listeners.add(heard)
        return heard

    def forget(self, heard: asyncio.Event) -> None:
        """Set it no more."""
        self._listeners.discard(heard)

    def named(self, section: str) -> dict[tuple[str, str], Json]:
        """Return the objects of a section by namespace and name."""
        found: dict[tuple[str, str], Json] = {}
        for one in self._reflectors:
            if one.kind.section == section:
                found |= one.objects
        return found

    def text(self, section: str, namespace: str | None) -> str:
        """Return a section as JSON, made once for all who look at it."""
        version, key = self.versions[section], (section, namespace)
        made = self._texts.get(key)
        if made is None or made[0] != version:
            if len(self._texts) >= _MOST_TEXTS:
                self._texts.clear()
            self._texts[key] = made = (version, sections.compact(self._section(section, namespace)))
        return made[1]

    def names(self, section: str, namespace: str | None) -> set[str]:
        """Return the `NAMESPACE/NAME` of a section's objects."""
        return {"/".join(key) for key in self.named(section) if namespace in {None, key[0]}}

    async def end(self) -> None:
        """Give up the watches."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _section(self, section: str, namespace: str | None) -> list[Json]:
        if section != EVENTS.section:
            return sections.objects(self.named(section).values(), namespace)
        services, models = self.named(SERVICES.section), self.named(MODELS.section)
        return sections.events(self.named(section).values(), services, models, namespace)

    def _reflector(self, kind: Kind, namespace: str | None) -> Reflector:
        most = _MOST_EVENTS if kind is EVENTS else _MOST_OBJECTS
        return Reflector(self._access, kind, namespace, keep=_kept_of(kind), changed=self._changed, most=most)

    def _changed(self, section: str) -> None:
        self.versions[section] += 1
        self._tell()

    def _tell(self) -> None:
        for heard in self._listeners:
            heard.set()

    async def _check(self, seconds: float) -> None:
        """Ask whether the token is still good, until it is not."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await rights.user_of(self._access)
            except Problem as problem:
                if problem.status == 401:
                    raise

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        """Do some of the view's work; what ends it ends the streams: they come back, and are told why."""
        try:
            with suppress(Problem):
                await work
        except Exception:
            structlog.get_logger("view").exception("a watch ended")
        finally:
            self.over.set()
            for one in self._reflectors:
                one.settled.set()
            self._tell()


def _kept_of(kind: Kind) -> Keep:
    if kind is EVENTS:
        return lambda item: sections.entry(item) if sections.may_be_ours(item) else None
    return sections.shown
