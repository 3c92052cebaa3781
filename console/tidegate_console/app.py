"""The console as one web application: its API, the gateway's behind it, and the UI.

Owns what holds of every request: headers, who may ask, errors, counts. Must not know what any of them is for.
"""

import time
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from tidegate_console import guard, openapi, problems, static
from tidegate_console.api import Api
from tidegate_console.bodies import MOST_BYTES
from tidegate_console.metrics import Metrics
from tidegate_console.problems import Problem
from tidegate_console.proxy import Proxy
from tidegate_console.proxy import error as openai_error
from tidegate_console.routes import BASE, ROUTES
from tidegate_console.settings import Settings
from tidegate_models import ModelsError

_GATEWAY: Final = "/v1/"


def build(settings: Settings, api: Api, proxy: Proxy, metrics: Metrics, version: str) -> web.Application:
    """Return the application; raises ValueError for a directory that holds no UI."""
    files = static.read(settings.static)
    app = web.Application(
        client_max_size=MOST_BYTES, middlewares=[counting(metrics), answering, guarding(settings)]
    )
    app.on_response_prepare.append(_harden)
    described = openapi.description(version)

    async def describe(_: web.Request) -> web.Response:
        return web.json_response(described, headers={"Cache-Control": "no-store"})

    async def show(request: web.Request) -> web.Response:
        return static.answer(files, request)

    app.router.add_get("/healthz", health)
    app.router.add_get("/readyz", health)
    app.router.add_get(f"{BASE}/openapi.json", describe)
    for route in ROUTES:
        app.router.add_route(route.method, BASE + route.path, getattr(api, route.handler))
    app.router.add_route("*", "/api{rest:.*}", nothing)
    app.router.add_route("*", "/v1{rest:.*}", proxy.handle)
    app.router.add_get("/{rest:.*}", show)
    return app


async def health(_: web.Request) -> web.Response:
    """Say that the process runs: it needs nothing else to answer."""
    return web.Response(text="ok\n")


async def nothing(_: web.Request) -> web.Response:
    """Refuse a path that the API has not."""
    raise Problem(
        404, "NotFound", "The API has no such path, or not for this method.", f"see {BASE}/openapi.json"
    )


def guarding(settings: Settings) -> Middleware:
    """Return what refuses other sites' pages, and names that are not the console's."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(("/api", "/v1")):
            guard.check_site(request.headers)
            if request.headers.get("Authorization") is None:
                guard.check_host(request.headers, settings.allowed_hosts)
        return await handler(request)

    return guarded


@web.middleware
async def answering(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer errors in the form that the path's clients know, and never with what is inside."""
    try:
        return await handler(request)
    except Problem as problem:
        found = problem
    except ModelsError as error:
        found = problems.of_models(error)
    except web.HTTPRequestEntityTooLarge:
        found = Problem(413, "TooLarge", f"The body is larger than {MOST_BYTES} bytes.", "send a smaller one")
    except web.HTTPException as error:
        found = Problem(error.status, "BadRequest", error.reason, "see the API's description")
    except (ConnectionError, TimeoutError):
        # The client has gone, or takes nothing any more.
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=499)
    except Exception:
        structlog.get_logger("app").exception("failed", method=request.method, path=request.path)
        found = Problem(500, "Internal", "The console failed to answer.", "its log says why")
    return _refuse(request, found)


def counting(metrics: Metrics) -> Middleware:
    """Return what counts requests by what they were for."""

    @web.middleware
    async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
        began = time.monotonic()
        response = await handler(request)
        metrics.count(part_of(request.path), response.status, time.monotonic() - began)
        return response

    return counted


def part_of(path: str) -> str:
    """Return which part of the console a path is of."""
    if path.startswith("/v1"):
        return "gateway"
    if path == f"{BASE}/stream":
        return "stream"
    return "api" if path.startswith("/api") else "ui"


def _refuse(request: web.Request, problem: Problem) -> web.Response:
    if request.path.startswith(_GATEWAY):
        return openai_error(problem.status, problem.reason, f"{problem} {problem.fix}".strip())
    response = web.json_response(
        problem.as_json(), status=problem.status, headers={"Cache-Control": "no-store"}
    )
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


async def _harden(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(guard.HEADERS)
    response.headers["Server"] = "tidegate"
