"""A real gateway on a real port, with a directory that a test writes by hand.

It runs on uvloop, as in production, in a thread of its own; clients and engines run on the test's loop.
"""

import asyncio
import json
import os
import threading
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

import uvloop

from integration.gateway.engine import FakeEngine
from tidegate_api.keys import digest, new_key
from tidegate_api.names import PRIORITY_BY_CLASS, QosClass, engine_priority
from tidegate_gateway.directory import DEFAULT_CLASSES, Caller, Directory, Model, Worker
from tidegate_gateway.gateway import Gateway
from tidegate_gateway.objects import build_models, build_workers
from tidegate_gateway.settings import Limits, Settings

T = TypeVar("T")

DEADLINE = 20
MODEL = Model("m", "ns", "m-svc", 1.0)
STOPPED = {name: replace(policy, is_wanted=False) for name, policy in DEFAULT_CLASSES.items()}
ASLEEP = Model("asleep", "ns", "asleep", 2.0, STOPPED, stopped="suspended")
# Short where a test waits for a limit; all others are the real ones.
QUICK = Limits(sweep_seconds=0.05)


class Listening(Protocol):
    """An engine, of whichever kind."""

    port: int


def holder(
    key: str, tenant: str, qos_class: QosClass = "medium", not_after: float | None = None, **known: Any
) -> Caller:
    """Return who holds a key."""
    priority = engine_priority(PRIORITY_BY_CLASS[qos_class])
    return Caller(
        digest(key), "ns", tenant, qos_class, priority, not_after, salt=f"salt-of-{tenant}", **known
    )


@dataclass
class Answer:
    """What a client read."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        """The error of a refusal."""
        error: dict[str, Any] = json.loads(self.body)["error"]
        return error


class Client:
    """A client that sends exactly the bytes it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def read_head(self) -> tuple[int, dict[str, str]]:
        """Read status and headers."""
        async with asyncio.timeout(DEADLINE):
            lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.partition(": ") for line in lines[1:] if line)
        return int(lines[0].split(" ")[1]), {key: value for key, _, value in pairs}

    async def read_chunk(self) -> bytes:
        """Read one chunk of a body."""
        async with asyncio.timeout(DEADLINE):
            size = int(await self.reader.readline(), 16)
            data = await self.reader.readexactly(size)
            await self.reader.readexactly(2)
        return data

    async def read(self, *, is_head: bool = False) -> Answer:
        """Read a whole answer."""
        status, headers = await self.read_head()
        body = b""
        if headers.get("transfer-encoding") == "chunked":
            while chunk := await self.read_chunk():
                body += chunk
        elif "content-length" in headers and not is_head:
            async with asyncio.timeout(DEADLINE):
                body = await self.reader.readexactly(int(headers["content-length"]))
        return Answer(status, headers, body)

    async def read_to_end(self) -> bytes:
        """Read until the gateway closes."""
        async with asyncio.timeout(DEADLINE):
            return await self.reader.read()

    def abort(self) -> None:
        """Leave at once."""
        self.writer.transport.abort()


@dataclass
class Rig:
    """A gateway, its engines and a key."""

    gateway: Gateway
    port: int
    thread: "LoopThread"
    key: str = field(default_factory=new_key)
    engines: list[FakeEngine] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The base URL of OpenAI clients."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def add(self, engine: FakeEngine) -> FakeEngine:
        """Start an engine and route to it."""
        await engine.start()
        self.engines.append(engine)
        self.publish(self.engines)
        return engine

    def publish(
        self,
        ready: Iterable[Listening],
        *,
        callers: Iterable[Caller] | None = None,
        model: Model = MODEL,
        pools: Mapping[int, str] | None = None,
        anonymous: Caller | None = None,
        draining: Collection[Listening] = (),
        tried: Collection[Listening] = (),
    ) -> None:
        """Say what is known: these engines serve `m`; `asleep` is suspended; `other` is of another namespace.

        `pools` names the pools of engines, by port; they are shared otherwise. Those in `tried` run version r2, which
        is on trial.
        """
        pool_of = pools or {}
        workers = [
            Worker(
                f"uid-{e.port}",
                "ns",
                "m-svc",
                f"pod-{e.port}",
                "127.0.0.1",
                e.port,
                pool_of.get(e.port, "shared"),
                is_draining=e in draining,
                revision="r2" if e in tried else "r1",
                track="canary" if e in tried else "",
            )
            for e in ready
        ]
        models = [model, ASLEEP, Model("other", "ns2", "o", 3.0)]
        known = [self.caller()] if callers is None else list(callers)
        directory = Directory(
            {c.digest: c for c in known}, build_models(models), build_workers(workers), anonymous
        )
        self.thread.call(self._publish, directory)

    def look(self, read: Callable[[Gateway], T]) -> T:
        """Return something of the gateway's state, read on its own loop."""

        async def now() -> T:
            return read(self.gateway)

        return self.thread.call(now)

    async def _publish(self, directory: Directory) -> None:
        self.gateway.publish(directory)

    def caller(self, qos_class: QosClass = "high", not_after: float | None = None, **known: Any) -> Caller:
        """Return who holds the rig's key."""
        return holder(self.key, "tenant", qos_class, not_after, **known)

    async def client(self) -> Client:
        """Connect."""
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port, limit=2**24))
        self.clients.append(client)
        return client

    def head(
        self,
        *lines: str,
        path: str = "/v1/chat/completions",
        length: int | None = None,
        key: str | None = None,
    ) -> bytes:
        """Return the head of a POST, with the rig's key or another; an empty one is left out."""
        framing = () if length is None else (f"Content-Length: {length}",)
        holder_of = self.key if key is None else key
        rows = (
            f"POST {path} HTTP/1.1",
            "Host: gateway",
            *((f"Authorization: Bearer {holder_of}",) if holder_of else ()),
            *framing,
            *lines,
        )
        return "".join(f"{row}\r\n" for row in (*rows, "Content-Type: application/json", "")).encode()

    def post(
        self, *lines: str, path: str = "/v1/chat/completions", key: str | None = None, **fields: Any
    ) -> bytes:
        """Return a request to generate."""
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "?"}]} | fields).encode()
        return self.head(*lines, path=path, length=len(body), key=key) + body

    async def ask(self, request: bytes) -> Answer:
        """Send a request on a connection of its own and read the answer."""
        client = await self.client()
        await client.send(request)
        return await client.read()

    async def get(self, path: str, *lines: str, method: str = "GET") -> Answer:
        """Ask without a body, with the rig's key."""
        rows = (
            f"{method} {path} HTTP/1.1",
            "Host: gateway",
            f"Authorization: Bearer {self.key}",
            *lines,
            "",
            "",
        )
        client = await self.client()
        await client.send("\r\n".join(rows).encode())
        return await client.read(is_head=method == "HEAD")


def in_flight(rig: Rig) -> int:
    """Return how many requests have not ended, after checking that they hold what they should."""

    def count(gateway: Gateway) -> int:
        endpoints = [e for served in gateway.services.values() for e in served.fleet.by_uid.values()]
        if not gateway.exchanges:
            assert all((e.requests, e.tokens, e.prefill_tokens) == (0, 0, 0) for e in endpoints)
        return len(gateway.exchanges)

    return rig.look(count)


class Loop(uvloop.Loop):
    """Knows which connections with TLS it has made: they take leave of the other side before they are closed."""

    def __init__(self) -> None:
        super().__init__()
        self._made: list[tuple[int, int]] = []

    async def create_connection(self, *args: Any, **options: Any) -> Any:
        """Note what was made, by the number and inode of its socket."""
        transport, protocol = await super().create_connection(*args, **options)
        if options.get("ssl"):
            number = transport.get_extra_info("socket").fileno()
            self._made.append((number, os.fstat(number).st_ino))
        return transport, protocol

    def is_connected(self) -> bool:
        """Tell whether any of them is open."""
        return any(inode == _inode(number) for number, inode in self._made)


def _inode(number: int) -> int | None:
    """Return the inode that a file descriptor leads to, None for one that is closed."""
    try:
        return os.fstat(number).st_ino
    except OSError:
        return None


class LoopThread:
    """A thread that runs uvloop."""

    def __init__(self) -> None:
        self.loop = Loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def call(self, make: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:
        """Run a coroutine there, and wait for it here."""
        return asyncio.run_coroutine_threadsafe(make(*args), self.loop).result(DEADLINE)

    def close(self) -> None:
        """End the thread, after all that still runs on it."""
        self.call(self._cancel_all)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(DEADLINE)
        self.loop.close()

    async def _cancel_all(self) -> None:
        tasks = asyncio.all_tasks(self.loop) - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.loop.shutdown_asyncgens()
        while self.loop.is_connected():  # noqa: ASYNC110 - nobody tells when a socket is closed
            await asyncio.sleep(0.01)
        # Transports close a turn of the loop later.
        await asyncio.sleep(0.05)


async def make_rig(limits: Limits = QUICK, **settings: Any) -> Rig:
    """Start a gateway that knows the models and a key, but no worker."""
    options = {"host": "127.0.0.1", "port": 0, "drain_seconds": DEADLINE, "limits": limits} | settings
    thread = LoopThread()
    gateway = Gateway(Settings(**options), thread.loop)
    rig = Rig(gateway, thread.call(gateway.start), thread)
    rig.publish([])
    return rig


async def close_rig(rig: Rig) -> None:
    """End everything at once."""
    for client in rig.clients:
        client.abort()
    for engine in rig.engines:
        await engine.stop()
    await asyncio.to_thread(rig.thread.call, rig.gateway.drain)
    # Not on this loop: what closes there may wait for an answer from here.
    await asyncio.to_thread(rig.thread.close)


async def eventually(condition: Any, what: str) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - no event tells what is awaited here
            await asyncio.sleep(0.01)
    assert condition(), what
