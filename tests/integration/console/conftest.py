"""A running console beside the real API server, people with real tokens, and a gateway that is pretended."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

import servers
from integration.api import Api, eventually

DEADLINE = 20.0
# It begins in two seconds where nothing else wants the machine.
START_SECONDS = 120.0
READ = ("get", "list", "watch")
WRITE = (*READ, "create", "update", "patch", "delete")
OURS = ["llmservices", "llmtenants", "llmmodels"]
_numbers = itertools.count(1)


def rules(verbs: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {"apiGroups": ["serving.tidegate.dev"], "resources": OURS, "verbs": list(verbs)},
        {"apiGroups": [""], "resources": ["events"], "verbs": list(READ)},
    ]


class People:
    """Makes ServiceAccounts with rights, and tokens for them."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.api, self.namespace = api, namespace

    def join(self, name: str, verbs: tuple[str, ...] = (), *, everywhere: bool = False) -> str:
        """Make somebody with these rights, in this namespace or in all; return a token of theirs."""
        self.api.create(_object("v1", "ServiceAccount", name), self.namespace)
        if verbs:
            self._grant(name, verbs, everywhere)
        return self.api.token(self.namespace, name)

    def _grant(self, name: str, verbs: tuple[str, ...], everywhere: bool) -> None:
        kind = "ClusterRole" if everywhere else "Role"
        role = f"{self.namespace}-{name}"
        where = None if everywhere else self.namespace
        group = "rbac.authorization.k8s.io"
        self.api.create({**_object(f"{group}/v1", kind, role), "rules": rules(verbs)}, where)
        subject = {"kind": "ServiceAccount", "name": name, "namespace": self.namespace}
        binding = {
            **_object(f"{group}/v1", f"{kind}Binding", role),
            "roleRef": {"apiGroup": group, "kind": kind, "name": role},
            "subjects": [subject],
        }
        self.api.create(binding, where)


def _object(version: str, kind: str, name: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}


class FakeGateway:
    """Answers as a gateway would, as far as the console is concerned, in a thread of its own; a test sets how."""

    def __init__(self) -> None:
        self.port = self.admin = 0
        self.page = "# HELP a b\n"
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.left, self.go_on = threading.Event(), threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> FakeGateway:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(DEADLINE)
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on.set()
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(DEADLINE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        self._runners = [await _listening(self.answer), await _listening(self.metrics)]
        self.port, self.admin = (runner.addresses[0][1] for runner in self._runners)

    async def _stop(self) -> None:
        await servers.end(*self._runners)

    def forget(self) -> None:
        """Be as at the start."""
        self.page = "# HELP a b\n"
        self.asked.clear()
        self.left.clear()
        self.go_on.clear()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/v1/endless":
            return await self._endless(request)
        if request.path == "/v1/echo":
            return await self._echo(request)
        body = await request.read()
        self.asked.append((request.method, request.raw_path, dict(request.headers), body))
        if request.path == "/v1/moved":
            return web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"})
        headers = {"X-Request-Id": "r1", "Set-Cookie": "a=b", "Connection": "x-secret", "X-Secret": "s"}
        return web.json_response({"id": "chat"}, headers=headers)

    async def _echo(self, request: web.Request) -> web.StreamResponse:
        """Send back each piece of the body when it comes."""
        response = web.StreamResponse()
        await response.prepare(request)
        async for piece in request.content.iter_any():
            await response.write(piece)
        return response

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            await response.write(b"data: one\n\n")
            await asyncio.to_thread(self.go_on.wait, DEADLINE)
            await response.write(b"data: two\n\n")
            await asyncio.Event().wait()
        finally:
            self.left.set()
        return response

    async def metrics(self, _: web.Request) -> web.StreamResponse:
        return web.Response(text=self.page)


async def _listening(handler: Handler) -> web.AppRunner:
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", handler)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner


@dataclass
class Console:
    """A running console."""

    url: str
    admin: str
    process: subprocess.Popen[bytes]
    log: Path
    gateway: FakeGateway
    _session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """Connections of the present test."""
        assert self._session is not None
        return self._session

    @asynccontextmanager
    async def used(self) -> AsyncIterator[Console]:
        """Open connections for as long as a test lasts."""
        self.gateway.forget()
        async with aiohttp.ClientSession(read_bufsize=2**22) as self._session:
            yield self

    async def call(
        self, method: str, path: str, token: str | None = None, body: Any = None, **headers: str
    ) -> tuple[int, Any]:
        """Ask; return the status and the JSON of the answer."""
        sent = {**_signed(token), **{name.replace("_", "-"): value for name, value in headers.items()}}
        async with self.session.request(method, self.url + path, json=body, headers=sent) as answer:
            return answer.status, json.loads(await answer.read() or b"null")

    def stream(self, token: str | None = None, query: str = "") -> Tab:
        """Open a tab."""
        return Tab(self, token, query)

    def logged(self) -> str:
        return self.log.read_text()


def _signed(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


class Tab:
    """One client of the stream."""

    def __init__(self, console: Console, token: str | None, query: str) -> None:
        self._asking = console.session.get(
            f"{console.url}/api/v1/stream{query}",
            headers=_signed(token),
            timeout=aiohttp.ClientTimeout(total=90),
        )
        self.ids: list[int] = []

    async def __aenter__(self) -> Tab:
        self.answer = await self._asking.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.answer.close()

    async def next(self, *events: str, seconds: float = DEADLINE) -> Any:
        """Return the data of the next message of one of these events; others are read over."""
        async with asyncio.timeout(seconds):
            while True:
                event, data = await self._message()
                if event in events:
                    return data

    async def until(self, event: str, holds: Any, seconds: float = DEADLINE) -> Any:
        """Return the first message of an event of which something holds."""
        async with asyncio.timeout(seconds):
            while not holds(data := await self.next(event)):
                pass
            return data

    async def _message(self) -> tuple[str, Any]:
        fields: dict[str, str] = {}
        while True:
            line = (await self.answer.content.readuntil(b"\n")).decode().rstrip("\n")
            if not line and not fields and self.answer.content.at_eof():
                raise EOFError
            if line.startswith(":") or (not line and "data" not in fields):
                continue
            if not line:
                self.ids.append(int(fields["id"]))
                return fields["event"], json.loads(fields["data"])
            name, _, value = line.partition(": ")
            fields[name] = value


@contextmanager
def running(api: Api, home: Path, env: dict[str, str], *arguments: str) -> Iterator[Console]:
    """Start a console as a process and wait until it listens."""
    log = home / f"console-{next(_numbers)}.log"
    with FakeGateway() as gateway:
        words = [sys.executable, "-m", "tidegate_console", "--host=127.0.0.1", "--port=0", "--admin-port=0"]
        given = {
            "PATH": os.environ["PATH"],
            "KUBECONFIG": str(api.plane.kubeconfig),
            "TIDEGATE_GATEWAY_URL": f"http://127.0.0.1:{gateway.port}",
            "TIDEGATE_GATEWAYS": f"127.0.0.1:{gateway.admin}",
            "TIDEGATE_LOG_LEVEL": "debug",
            "TIDEGATE_TOKEN_CHECK_SECONDS": "2",
            **env,
        }
        with log.open("wb") as out:
            process = subprocess.Popen([*words, *arguments], env=given, stderr=out, stdout=out)
        try:
            said = eventually(lambda: _listens(log), START_SECONDS, log.read_text)
            url, admin = (f"http://127.0.0.1:{said[name]}" for name in ("port", "admin_port"))
            yield Console(url, admin, process, log, gateway)
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(DEADLINE)
        assert code == 0, log.read_text()


def _listens(log: Path) -> dict[str, Any] | None:
    lines = (json.loads(line) for line in log.read_text().splitlines() if line.startswith("{"))
    return next((line for line in lines if line.get("message") == "listening"), None)


@pytest.fixture(scope="module")
def process(api: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console that lets everybody read, for all tests of a module."""
    home = tmp_path_factory.mktemp("console")
    (home / "assets").mkdir()
    (home / "index.html").write_text("<title>Tidegate</title>")
    (home / "assets" / "main-ABC.js").write_text("let tide = 1;\n" * 100)
    env = {"TIDEGATE_RESOURCE_PROFILES": "nvidia,cpu"}
    with running(api, tmp_path_factory.mktemp("log"), env, f"--static={home}") as made:
        yield made


@pytest.fixture
async def console(process: Console) -> AsyncIterator[Console]:
    """The module's console, with connections of the test's own."""
    async with process.used():
        yield process


@pytest.fixture
def people(api: Api, namespace: str) -> Iterator[People]:
    """Whoever is made in the test's namespace."""
    made = People(api, namespace)
    yield made
    for kind in ("clusterrolebinding", "clusterrole"):
        found = api.kubectl("get", kind, "-o", "name").split()
        mine = [name for name in found if name.partition("/")[2].startswith(f"{namespace}-")]
        if mine:
            api.kubectl("delete", *mine, "--wait=false")
