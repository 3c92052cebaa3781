"""`/api/v1`: who asks, what for, and the answer as JSON.

Owns the handlers. Every Kubernetes call for a request is made with that request's token; without one, only what
everybody may read is answered, with the console's own account.
"""

import asyncio
import time
from typing import Any, Final

from aiohttp import web

import tidegate_models as models
from tidegate_console import bodies, guard, rights
from tidegate_console.changes import Changes, list_keys
from tidegate_console.gateways import Gateways
from tidegate_console.kinds import SERVICES, TENANTS
from tidegate_console.kube import Access, Server
from tidegate_console.permissions import Permissions
from tidegate_console.problems import Problem, busy, not_signed_in
from tidegate_console.settings import Settings
from tidegate_console.stream import Stream
from tidegate_console.views import Views

_NO_STORE: Final = {"Cache-Control": "no-store"}
_SEARCHES_AT_ONCE: Final = 4
_MOST_QUERY: Final = 200


class Api:
    """The handlers, by the name that the table of routes has for them."""

    def __init__(
        self, settings: Settings, server: Server, views: Views, gateways: Gateways, version: str
    ) -> None:
        self._settings, self._server, self._views, self._gateways = settings, server, views, gateways
        self._version = version
        self._changes = Changes(server)
        self._permissions = Permissions(time.monotonic)
        self._searches = asyncio.Semaphore(_SEARCHES_AT_ONCE)

    async def session(self, request: web.Request) -> web.StreamResponse:
        """Say who is signed in, what they may see, and what they may change."""
        token = _token(request)
        access = self._reader(token)
        user = None if token is None else await rights.user_of(access)
        scope = await self._scope(access, user)
        names = sorted(await rights.namespaces(access)) if scope is None else list(scope)
        return _json(
            {
                "version": self._version,
                "user": user,
                "readOnly": user is None,
                "namespaces": names,
                "rights": {} if token is None else await self._permissions.of(access, token, names),
                "profiles": list(self._settings.profiles),
            }
        )

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Follow everything that the caller may see."""
        text = request.query.get("namespace")
        namespace = bodies.namespace_of(text) if text else None
        async with self._views.look(_token(request), namespace) as view:
            return await Stream(view, self._gateways, namespace).run(request)

    async def search(self, request: web.Request) -> web.StreamResponse:
        """Search a hub for models."""
        # Not for everybody: it sends this process out into the network.
        await rights.user_of(self._server.as_user(_signed_in(request)))
        query = request.query.get("q", "")
        hub = request.query.get("hub", models.Hub.HUGGING_FACE)
        if len(query) > _MOST_QUERY or hub not in {*models.Hub}:
            raise Problem(
                400, "BadRequest", "That is no search.", "write ?q=WORDS&hub=hf, or hub=ms", ("q", "hub")
            )
        limit = bodies.whole_number(request.query.get("limit", "20"), "limit", 1, 50)
        if self._searches.locked():
            raise busy("Several searches are being made already.")
        async with self._searches:
            found = await asyncio.to_thread(models.search, query, hub=models.Hub(hub), limit=limit)
        return _json({"models": models.as_json(found)})

    async def pull(self, request: web.Request) -> web.StreamResponse:
        """Bring a model into a namespace's cache."""
        return _json(await self._changes.pull(_signed_in(request), await _body(request, bodies.Pull)), 201)

    async def remove_model(self, request: web.Request) -> web.StreamResponse:
        """Remove a model from the cache."""
        return _json(await self._changes.remove_model(_signed_in(request), *_object(request)))

    async def pause_model(self, request: web.Request) -> web.StreamResponse:
        """Stop a download; what is there stays."""
        return _json(await self._changes.switch_model(_signed_in(request), *_object(request), on=False))

    async def resume_model(self, request: web.Request) -> web.StreamResponse:
        """Let a paused download go on."""
        return _json(await self._changes.switch_model(_signed_in(request), *_object(request), on=True))

    async def deploy(self, request: web.Request) -> web.StreamResponse:
        """Make a service, or change one."""
        return await self._apply(request, SERVICES)

    async def load_service(self, request: web.Request) -> web.StreamResponse:
        """Let a service have workers again."""
        return _json(await self._changes.switch_service(_signed_in(request), *_object(request), on=True))

    async def unload_service(self, request: web.Request) -> web.StreamResponse:
        """Take a service's workers down."""
        return _json(await self._changes.switch_service(_signed_in(request), *_object(request), on=False))

    async def renew_service(self, request: web.Request) -> web.StreamResponse:
        """Have a service's workers made anew."""
        return _json(await self._changes.renew_service(_signed_in(request), *_object(request)))

    async def remove_service(self, request: web.Request) -> web.StreamResponse:
        """Delete a service."""
        return _json(await self._changes.remove_service(_signed_in(request), *_object(request)))

    async def make_tenant(self, request: web.Request) -> web.StreamResponse:
        """Make a tenant, or change one."""
        return await self._apply(request, TENANTS)

    async def make_key(self, request: web.Request) -> web.StreamResponse:
        """Make an API key, shown this once."""
        return _json(
            await self._changes.make_key(_signed_in(request), await _body(request, bodies.NewKey)), 201
        )

    async def list_keys(self, request: web.Request) -> web.StreamResponse:
        """List the keys of a namespace's tenants."""
        namespace = bodies.namespace_of(request.query.get("namespace", ""))
        return _json({"keys": await list_keys(self._reader(_token(request)), namespace)})

    async def remove_key(self, request: web.Request) -> web.StreamResponse:
        """Remove a key."""
        tenant = request.query.get("tenant")
        holder = bodies.name_of(tenant) if tenant else None
        return _json(await self._changes.remove_key(_signed_in(request), *_object(request), holder))

    def _reader(self, token: str | None) -> Access:
        """Return the API server with the caller's rights, or those of everybody."""
        if token is not None:
            return self._server.as_user(token)
        if not self._settings.read_only:
            raise not_signed_in()
        return self._server.own

    async def _scope(self, access: Access, user: str | None) -> tuple[str, ...] | None:
        served = self._settings.namespaces
        if user is None:
            return served or None
        return await rights.visible(access, served, rights.home_of(user) | await self._views.guesses())

    async def _apply(self, request: web.Request, kind: Any) -> web.StreamResponse:
        token = _signed_in(request)
        dry_run = bodies.switch(request.query.get("dryRun"), "dryRun")
        force = bodies.switch(request.query.get("force"), "force")
        body = await _body(request, bodies.Applied)
        made = await self._changes.apply(token, kind, body, dry_run=dry_run, force=force)
        return _json(made, 200 if dry_run else 201)


def _token(request: web.Request) -> str | None:
    return guard.token_of(request.headers.get("Authorization"))


def _signed_in(request: web.Request) -> str:
    token = _token(request)
    if token is None:
        raise not_signed_in()
    return token


def _object(request: web.Request) -> tuple[str, str]:
    return bodies.namespace_of(request.match_info["namespace"]), bodies.name_of(request.match_info["name"])


async def _body(request: web.Request, model: type[bodies.Read]) -> bodies.Read:
    if request.content_type != "application/json":
        raise Problem(
            400, "BadRequest", "The body must be JSON.", "send it with Content-Type: application/json"
        )
    return bodies.read(model, await request.read())


def _json(value: Any, status: int = 200) -> web.Response:
    return web.json_response(value, status=status, headers=_NO_STORE)
