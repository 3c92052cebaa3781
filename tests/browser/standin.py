"""A stand-in of the console's process for tests of its web app: the same routes and headers, over recorded objects.

Owns what it was asked, and streams that a test can push into, silence and drop. Asks no cluster.
"""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from aiohttp import web

import servers

Object = dict[str, Any]
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
TOKEN = "token-of-ada"  # nosec: known to this stand-in alone
KEY = "sk-of-web"
WORDS = ("The", " tide", " **turns**", " twice", " a", " day", ".")


def problem(status: int, reason: str, message: str, fix: str, *fields: str) -> web.Response:
    """Return an error as the API has it."""
    said = {"message": message, "reason": reason, "fix": fix, **({"fields": fields} if fields else {})}
    return web.json_response({"error": said}, status=status)


def refused(status: int, code: str, message: str) -> web.Response:
    """Return an error as the gateway has it."""
    error = {
        "message": message,
        "type": "invalid_request_error",
        "param": None,
        "code": code,
        "request_id": "req-7",
    }
    return web.json_response({"error": error}, status=status, headers={"x-request-id": "req-7"})


class StandIn:
    """The server in a thread of its own; everything but `start` may be called from the test's thread."""

    def __init__(self, static: Path, scene: Object) -> None:
        self.static, self.scene = static, scene
        self.asked: list[tuple[str, str, Any]] = []
        self.words: tuple[str, ...] = WORDS
        self.pause = 0.01
        self.down = False
        self.may_read = True
        # What ada may change, by namespace; what is not here is not known.
        self.rights: Object = {}
        self.streams: list[asyncio.Queue[bytes | None]] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._runner: web.AppRunner | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> "StandIn":
        """Serve on a free port of this machine."""
        self._thread.start()
        self._do(self._serve())
        return self

    def stop(self) -> None:
        """End all streams and the thread."""
        self.drop()
        if self._runner:
            self._do(servers.end(self._runner))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"

    def emit(self, event: str, data: Any) -> None:
        """Push a section into every stream, and into the snapshots to come."""
        self.scene = {**self.scene, event: data}
        text = f"event: {event}\nid: 2\ndata: {json.dumps(data)}\n\n".encode()
        self._loop.call_soon_threadsafe(lambda: [queue.put_nowait(text) for queue in self.streams])

    def drop(self) -> None:
        """End every stream, as a restart of the console does."""
        self._loop.call_soon_threadsafe(lambda: [queue.put_nowait(None) for queue in self.streams])

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _serve(self) -> None:
        app = web.Application(middlewares=[self._guarded])
        app.router.add_get("/", self._page)
        app.router.add_static("/assets", self.static / "assets")
        app.router.add_get("/api/v1/session", self._session)
        app.router.add_get("/api/v1/stream", self._stream)
        app.router.add_get("/api/v1/hub/models", self._hub)
        app.router.add_route("*", "/api/v1/{rest:.*}", self._act)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._chat)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    @web.middleware
    async def _guarded(
        self, request: web.Request, handler: Callable[[web.Request], Coroutine[Any, Any, web.StreamResponse]]
    ) -> web.StreamResponse:
        if self.down and request.path.startswith("/api/"):
            return problem(503, "ClusterDown", "The API server does not answer.", "try again in a moment")
        return await handler(request)

    async def _page(self, _: web.Request) -> web.FileResponse:
        headers = {
            "Content-Security-Policy": CSP,
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        return web.FileResponse(self.static / "index.html", headers=headers)

    def _user(self, request: web.Request) -> str | None:
        return "ada" if request.headers.get("Authorization") == f"Bearer {TOKEN}" else None

    async def _session(self, request: web.Request) -> web.Response:
        user = self._user(request)
        if user is None and (not self.may_read or "Authorization" in request.headers):
            return problem(401, "NotSignedIn", "Nobody is signed in.", "sign in with a Kubernetes token")
        told = {
            "version": "0.1.0",
            "user": user,
            "readOnly": user is None,
            "namespaces": ["team-a", "team-b"],
            "rights": self.rights if user else {},
        }
        return web.json_response({**told, "profiles": ["cpu", "nvidia-l4"]})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if not self.may_read and self._user(request) is None:
            return problem(401, "NotSignedIn", "Nobody is signed in.", "sign in with a Kubernetes token")
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        queue.put_nowait(f"event: snapshot\nid: 1\ndata: {json.dumps(self.scene)}\n\n".encode())
        self.streams.append(queue)
        try:
            while (part := await queue.get()) is not None:
                await answer.write(part)
        finally:
            self.streams.remove(queue)
        return answer

    async def _hub(self, request: web.Request) -> web.Response:
        self.asked.append(("GET", request.path_qs, None))
        found = {
            "uri": "hf://Qwen/Qwen3-0.6B",
            "downloads": 4_211_002,
            "license": "apache-2.0",
            "gated": False,
        }
        return web.json_response({"models": [found]})

    async def _act(self, request: web.Request) -> web.Response:
        sent = await request.json() if request.can_read_body else None
        self.asked.append((request.method, request.path_qs, sent))
        if self._user(request) is None:
            return problem(401, "NotSignedIn", "This needs a user, and nobody is signed in.", "sign in")
        if request.path.endswith("/services") and not sent["spec"]["model"]["uri"].startswith("hf://"):
            said = "spec.model: Invalid value: model.uri has an unknown scheme: use hf://ORG/NAME"
            return problem(422, "Invalid", said, "correct the fields that are named", "spec.model")
        return web.json_response({"key": KEY} if request.path.endswith("/keys") else {})

    async def _models(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return refused(401, "invalid_api_key", "This needs an API key.")
        return web.json_response({"object": "list", "data": [{"id": "chat"}, {"id": "other"}]})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        sent = await request.json()
        self.asked.append(("POST", request.path, sent))
        if sent["model"] == "other" and len(sent["messages"]) > 1:
            return refused(503, "overloaded", "The queue of class medium is full. Try again in 3 s.")
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "x-request-id": "req-8"})
        await answer.prepare(request)
        for word in self.words:
            await answer.write(_chunk(choices=[{"index": 0, "delta": {"content": word}}]))
            await asyncio.sleep(self.pause)
        await answer.write(_chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]))
        await answer.write(
            _chunk(choices=[], usage={"prompt_tokens": 9, "completion_tokens": len(self.words)})
        )
        await answer.write(b"data: [DONE]\n\n")
        return answer


def _chunk(**fields: Any) -> bytes:
    return f"data: {json.dumps({'object': 'chat.completion.chunk', **fields})}\n\n".encode()
