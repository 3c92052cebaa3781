"""A running console beside the real API server, people with real tokens, and a gateway that is pretended."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from integration.api import Api

DEADLINE = 20.0
READ = ("get", "list", "watch")
WRITE = (*READ, "create", "update", "patch", "delete")
OURS = ["llmservices", "llmtenants", "llmmodels"]
_numbers = itertools.count(1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


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


@dataclass
class FakeGateway:
    """Answers as a gateway would, as far as the console is concerned; a test sets how."""

    port: int = 0
    admin: int = 0
    page: str = "# HELP a b\n"
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

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
            await self.go_on.wait()
            await response.write(b"data: two\n\n")
            await asyncio.Event().wait()
        finally:
            self.left.set()
        return response

    async def metrics(self, _: web.Request) -> web.Response:
        return web.Response(text=self.page)


@asynccontextmanager
async def serving(gateway: FakeGateway) -> AsyncIterator[FakeGateway]:
    """Let it answer on two ports."""
    runners = []
    for routes in ((("/{rest:.*}", gateway.answer),), (("/metrics", gateway.metrics),)):
        app = web.Application()
        for path, handler in routes:
            app.router.add_route("*", path, handler)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        runners.append(runner)
    gateway.port, gateway.admin = (runner.addresses[0][1] for runner in runners)
    try:
        yield gateway
    finally:
        for runner in runners:
            await runner.cleanup()


@dataclass
class Console:
    """A running console."""

    url: str
    admin: str
    process: subprocess.Popen[bytes]
    log: Path
    gateway: FakeGateway
    session: aiohttp.ClientSession

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


@asynccontextmanager
async def running(api: Api, home: Path, env: dict[str, str], *arguments: str) -> AsyncIterator[Console]:
    """Start a console as a process and wait until it answers."""
    port, admin = free_port(), free_port()
    log = home / f"console-{next(_numbers)}.log"
    async with serving(FakeGateway()) as gateway:
        words = [
            sys.executable,
            "-m",
            "tidegate_console",
            "--host=127.0.0.1",
            f"--port={port}",
            f"--admin-port={admin}",
        ]
        given = {
            "PATH": os.environ["PATH"],
            "KUBECONFIG": str(api.plane.kubeconfig),
            "TIDEGATE_GATEWAY_URL": f"http://127.0.0.1:{gateway.port}",
            "TIDEGATE_GATEWAYS": f"127.0.0.1:{gateway.admin}",
            "TIDEGATE_LOG_LEVEL": "debug",
            **env,
        }
        with log.open("wb") as out:
            process = subprocess.Popen([*words, *arguments], env=given, stderr=out, stdout=out)
        try:
            async with aiohttp.ClientSession(read_bufsize=2**22) as session:
                url = f"http://127.0.0.1:{port}"
                async with asyncio.timeout(DEADLINE):
                    await _answers(session, url, process)
                yield Console(url, f"http://127.0.0.1:{admin}", process, log, gateway, session)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                code = process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
            assert code == 0, log.read_text()


async def _answers(session: aiohttp.ClientSession, url: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            async with session.get(f"{url}/readyz") as answer:
                if answer.status == 200:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.05)
    raise AssertionError("the console has ended at once")


@pytest.fixture
async def console(api: Api, tmp_path: Path) -> AsyncIterator[Console]:
    """A console of its own, which lets everybody read."""
    async with running(api, tmp_path, {"TIDEGATE_RESOURCE_PROFILES": "nvidia,cpu"}) as console:
        yield console


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
