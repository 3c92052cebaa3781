"""The views that there are: one for each signed-in user, and one for everybody who has not signed in.

Owns how many views and streams there may be, and how long a view lasts that nobody looks at. A view is known by the
digest of its caller's token.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from tidegate_console import rights
from tidegate_console.kube import Server
from tidegate_console.problems import Problem, busy, not_signed_in
from tidegate_console.settings import Settings
from tidegate_console.view import View

MOST_VIEWS: Final = 48
MOST_STREAMS: Final = 320
# Of those without a token, so that they never keep out who has one.
MOST_OF_NOBODY: Final = 160
MOST_OF_ONE: Final = 32
_IDLE_SECONDS: Final = 30.0

# The digest of a token, empty for nobody, and the namespace where the caller sees only what is asked for by name.
_Who = tuple[str, str | None]


class Views:
    """All of them."""

    def __init__(self, server: Server, settings: Settings, idle_seconds: float = _IDLE_SECONDS) -> None:
        self._server, self._settings, self._idle_seconds = server, settings, idle_seconds
        self._made: dict[_Who, asyncio.Task[View]] = {}

    @property
    def count(self) -> int:
        """How many views there are."""
        return len(self._made)

    @property
    def streams(self) -> int:
        """How many streams look at them."""
        return sum(task.result().streams for task in self._made.values() if _is_made(task))

    @asynccontextmanager
    async def look(self, token: str | None, namespace: str | None) -> AsyncIterator[View]:
        """Give a caller's view to one stream, for as long as it lasts; raises Problem."""
        if token is None and not self._settings.read_only:
            raise not_signed_in()
        view = await self._of(token, None)
        if namespace is not None and view.scope is not None and namespace not in view.scope:
            view = await self._of(token, namespace)
        most = MOST_OF_ONE if token is not None else MOST_OF_NOBODY
        if self.streams >= MOST_STREAMS or view.streams >= most:
            raise busy(f"There are {view.streams} streams like this one, and {self.streams} in all.")
        view.streams += 1
        try:
            await view.settled()
            yield view
        finally:
            view.streams -= 1
            self._end_later(view)

    async def guesses(self) -> set[str]:
        """Return namespaces that a user may have rights in: those with LLMServices, where everybody may know them."""
        if not self._settings.read_only:
            return set()
        try:
            return await rights.namespaces(self._server.own)
        except Problem:
            return set()

    async def close(self) -> None:
        """End all."""
        for who in list(self._made):
            await self._end(who)

    async def _of(self, token: str | None, namespace: str | None) -> View:
        who = (hashlib.sha256(token.encode()).hexdigest() if token else "", namespace)
        made = self._made.get(who)
        if made is not None and made.done() and not _is_good(made):
            await self._end(who)
            made = None
        if made is None:
            await self._make_room()
            made = self._made[who] = asyncio.create_task(self._make(token, namespace))
        try:
            return await asyncio.shield(made)
        except Problem:
            self._made.pop(who, None)
            raise

    async def _make(self, token: str | None, namespace: str | None) -> View:
        served = self._settings.namespaces
        if token is None:
            if namespace is not None:
                raise _out_of_sight(namespace)
            return View(self._server.own, served or None, None)
        access = self._server.as_user(token)
        user = await rights.user_of(access)
        if namespace is None:
            guesses = rights.home_of(user) | await self.guesses()
            return View(access, await rights.visible(access, served, guesses), self._settings.check_seconds)
        if (served and namespace not in served) or not await rights.may_list(access, namespace):
            raise _out_of_sight(namespace)
        return View(access, (namespace,), self._settings.check_seconds)

    async def _make_room(self) -> None:
        if len(self._made) < MOST_VIEWS:
            return
        idle = [who for who, task in self._made.items() if _is_idle(task)]
        if not idle:
            raise busy(f"{MOST_VIEWS} users look at the console already.")
        await self._end(idle[0])

    def _end_later(self, view: View) -> None:
        if view.streams == 0:
            asyncio.get_running_loop().call_later(self._idle_seconds, self._end_idle, view)

    def _end_idle(self, view: View) -> None:
        for who, task in list(self._made.items()):
            if _is_made(task) and task.result() is view and view.streams == 0:
                self._ending = asyncio.create_task(self._end(who))

    async def _end(self, who: _Who) -> None:
        task = self._made.pop(who, None)
        if task is not None and not task.done():
            task.cancel()
        elif task is not None and _is_made(task):
            await task.result().end()


def _is_made(task: asyncio.Task[View]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def _is_good(task: asyncio.Task[View]) -> bool:
    return _is_made(task) and not task.result().over.is_set()


def _is_idle(task: asyncio.Task[View]) -> bool:
    return task.done() and not (_is_good(task) and task.result().streams)


def _out_of_sight(namespace: str) -> Problem:
    return Problem(
        403,
        "Forbidden",
        f"You may not list LLMServices in namespace {namespace!r}.",
        "ask for the cluster's role `view` there, or sign in as somebody who has it",
    )
