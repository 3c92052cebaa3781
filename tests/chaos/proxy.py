"""Stands between the operator and the API server: passes everything on, notes it, and does one thing wrong.

Owns the sockets and the moment of a fault. Must not judge what comes of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType

import aiohttp
from aiohttp import web

from chaos.faults import ASIDE, Fault, Plan, Trace, call_of, event_of
from integration.api import Object
from servers import end

# As long as the operator waits for an answer, and somewhat longer.
HANG_SECONDS = 32.0
SILENCE_SECONDS = 90.0
# How long an answer that gets lost is awaited before the connection breaks.
LOST_SECONDS = 0.5
# From an answer to the end of who got it: long enough to be read, too short for the next call.
AFTER_SECONDS = 0.005
# An API server that lags behind shows an old world for so long.
STALE_SECONDS = {Fault.FREEZE_SHORT: 6.0, Fault.FREEZE_LONG: 20.0, Fault.STALE_RESTART: 6.0}
STATUSES = {
    Fault.CONFLICT: 409,
    Fault.TOO_MANY: 429,
    Fault.BROKEN: 500,
    Fault.UNAVAILABLE: 503,
    Fault.HANG: 504,
    Fault.UNAUTHORIZED: 401,
    Fault.NOT_FOUND: 404,
    Fault.GONE: 410,
}
_EVENTS = {Fault.GONE_EVENT: 410, Fault.ERROR_EVENT: 500}
# Of one connection only.
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "host", "content-length"})
_MOST_BYTES = 64 * 1024 * 1024


class Proxy:
    """One proxy, in a thread of its own.

    `authority` is in PEM; `kill` ends the operator at once, as a crash would. After `arm`, places are counted and one
    fault strikes; `struck` tells whether it did, and `wrote_at` when the last write (but to Leases) was asked for, on
    the monotonic clock.
    """

    def __init__(self, server: str, authority: str, kill: Callable[[], None]) -> None:
        self._server, self._kill = server, kill
        self._context = ssl.create_default_context(cadata=authority)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._lock = threading.Lock()
        self._trace: Trace | None = None
        self._plan: Plan | None = None
        self._open: dict[int, web.Request] = {}
        self._lists: dict[str, web.Response] = {}
        self._then: Mapping[str, web.Response] = {}
        self._shown: Mapping[str, web.Response] = {}
        self._held: dict[str, bytes] = {}
        self._refused: dict[str, Fault] = {}
        self._stale_until = 0.0
        self.is_cut = False
        self.struck = False
        self.wrote_at = time.monotonic()
        self.last_writes: list[str] = []
        self.url = ""

    def __enter__(self) -> Proxy:
        self._thread.start()
        self.url = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(20)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def arm(self, plan: Plan | None) -> Trace:
        """Count from now on, and strike where the plan says; return what will have been seen."""
        with self._lock:
            self._trace, self._plan, self.struck = Trace(), plan, False
            self._then = dict(self._lists)
            self.wrote_at = time.monotonic()
            return self._trace

    def cut(self, is_cut: bool) -> None:
        """Cut the operator off from the API server, or let it through again."""
        self.is_cut = is_cut
        if is_cut:
            self._loop.call_soon_threadsafe(lambda: [abort(request) for request in list(self._open.values())])

    @property
    def quiet_seconds(self) -> float:
        """Return for how long nothing was written."""
        return time.monotonic() - self.wrote_at

    async def _start(self) -> str:
        connector = aiohttp.TCPConnector(ssl=self._context, limit=0)
        self._session = aiohttp.ClientSession(
            connector=connector, auto_decompress=False, timeout=aiohttp.ClientTimeout(total=None)
        )
        app = web.Application(client_max_size=_MOST_BYTES)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def _stop(self) -> None:
        await self._session.close()
        await end(self._runner)

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        if self.is_cut:
            return abort(request)
        try:
            if request.query.get("watch") in ("true", "1"):
                return await self._watch(request)
            return await self._call(request)
        except (aiohttp.ClientError, ConnectionError):
            # Either end has gone: the other one is to see it as if there were nobody between.
            return abort(request)

    async def _call(self, request: web.Request) -> web.StreamResponse:
        verb, target = call_of(request.method, request.path)
        fault = self._note(verb, target)
        if fault is Fault.KILL_BEFORE or fault is Fault.STALE_RESTART:
            if fault is Fault.STALE_RESTART:
                self._grow_stale(fault, self._then)
            self._kill()
            return abort(request)
        if fault in STATUSES:
            return await _refuse(fault)
        # Reads by name are never served from a cache; lists may be.
        is_list = verb == "read" and "/" not in target
        if is_list and (old := self._old(request)) is not None:
            return old
        answer = await self._ask(request)
        if is_list and answer.status == 200:
            self._lists[_listed(request)] = _again(answer)
        if fault is Fault.KILL_APPLIED:
            self._kill()
        if fault is Fault.APPLIED_THEN_LOST:
            await asyncio.sleep(LOST_SECONDS)
            return abort(request)
        if fault is Fault.KILL_AFTER:
            await answer.prepare(request)
            await answer.write_eof()
            self._loop.call_later(AFTER_SECONDS, self._kill)
        return answer

    def _old(self, request: web.Request) -> web.Response | None:
        """Return what a list shows of an old world, None when it shows the present one."""
        found = self._shown.get(_listed(request)) if time.monotonic() < self._stale_until else None
        return None if found is None else _again(found)

    def _grow_stale(self, fault: Fault, shown: Mapping[str, web.Response]) -> None:
        self._shown, self._stale_until = dict(shown), time.monotonic() + STALE_SECONDS[fault]

    async def _ask(self, request: web.Request) -> web.Response:
        async with self._session.request(
            request.method,
            self._server + request.path_qs,
            data=await request.read() or None,
            headers=_kept(request.headers),
        ) as found:
            return web.Response(status=found.status, headers=_kept(found.headers), body=await found.read())

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        target = call_of("GET", request.path)[1]
        fault = self._note("watch", target) or self._refused.pop(target, None)
        if fault in STATUSES:
            return await _refuse(fault)
        # Who has just begun to watch has only begun to look.
        self.wrote_at = time.monotonic()
        self._open[id(request)] = request
        try:
            async with self._session.get(
                self._server + request.path_qs, headers=_kept(request.headers)
            ) as answer:
                passed = web.StreamResponse(status=answer.status, headers=_kept(answer.headers))
                await passed.prepare(request)
                buffered = b""
                async for piece in answer.content.iter_any():
                    *lines, buffered = (buffered + piece).split(b"\n")
                    for line in lines:
                        if not await self._event(line + b"\n", target, request, passed):
                            return passed
                return passed
        finally:
            del self._open[id(request)]

    async def _event(
        self, line: bytes, plural: str, request: web.Request, passed: web.StreamResponse
    ) -> bool:
        """Pass one event on, or not; return whether the watch goes on."""
        event = json.loads(line)
        if event["type"] in ("BOOKMARK", "ERROR"):
            await passed.write(line)
            return True
        fault = self._note(*event_of(event, plural))
        if fault in STALE_SECONDS:
            self._grow_stale(fault, self._lists)
        while (left := self._stale_until - time.monotonic()) > 0:  # noqa: ASYNC110 - it may have grown
            await asyncio.sleep(left)
        if fault in STATUSES:
            # It is closed, and refused when it is opened again.
            self._refused[plural] = fault
            fault = Fault.CLOSE
        match fault:
            case Fault.DROP:
                return True
            case Fault.CLOSE:
                abort(request)
                return False
            case Fault.SILENCE:
                await asyncio.sleep(SILENCE_SECONDS)
            case Fault.REORDER:
                # After the next one of the same kind, or else in a second.
                self._held[plural] = line
                self._loop.call_later(1.0, lambda: asyncio.ensure_future(self._late(plural, passed)))
                return True
        lines = _spoiled(fault, line, event)
        await passed.write(lines)
        await self._late(plural, passed)
        return fault not in _EVENTS

    async def _late(self, plural: str, passed: web.StreamResponse) -> None:
        if line := self._held.pop(plural, b""):
            with contextlib.suppress(ConnectionError):
                await passed.write(line)

    def _note(self, verb: str, target: str) -> Fault | None:
        """Count one call or event; return what is to be done to it."""
        plural = target.split("/", maxsplit=1)[0]
        with self._lock:
            if verb in ("create", "update", "patch", "delete") and plural != "leases":
                self.wrote_at = time.monotonic()
                self.last_writes = [*self.last_writes[-4:], f"{verb} {target}"]
            if self._trace is None or plural in ASIDE:
                return None
            place = self._trace.note(verb, target)
            if self._plan is None or self._plan.place != place:
                return None
            self.struck = True
            return self._plan.fault


def abort(request: web.Request) -> web.Response:
    """Break the connection; what is returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _refuse(fault: Fault) -> web.Response:
    if fault is Fault.HANG:
        await asyncio.sleep(HANG_SECONDS)
    headers = {"Retry-After": "3"} if fault is Fault.TOO_MANY else {}
    return web.json_response(_status(STATUSES[fault]), status=STATUSES[fault], headers=headers)


def _status(code: int) -> Object:
    words = {"status": "Failure", "message": "a fault", "reason": "Expired" if code == 410 else "Fault"}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "code": code, **words}


def _spoiled(fault: Fault | None, line: bytes, event: Object) -> bytes:
    """Return what is passed on in place of an event."""
    match fault:
        case Fault.TWICE:
            return line + line
        case Fault.GONE_EVENT | Fault.ERROR_EVENT:
            return _line({"type": "ERROR", "object": _status(_EVENTS[fault])})
        case Fault.BROKEN_LINE:
            return line[: len(line) // 2] + b"\n"
        case Fault.UNKNOWN_TYPE:
            return _line({**event, "type": "RENAMED"})
    return line


def _line(what: Object) -> bytes:
    return json.dumps(what).encode() + b"\n"


def _listed(request: web.Request) -> str:
    """Return what a list is known by: two that are asked for in another form or other pages are not the same."""
    return f"{request.path_qs} {request.headers.get('Accept', '')}"


def _again(answer: web.Response) -> web.Response:
    return web.Response(status=answer.status, headers=answer.headers, body=answer.body)


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _HOP}
