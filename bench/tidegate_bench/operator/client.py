"""The API server as the benchmark asks it: many requests at once, answers as they are.

Owns the connections. Must not know what is measured.
"""

import asyncio
import json
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

AT_ONCE: Final = 16
_TABLE: Final = "application/json;as=Table;v=v1;g=meta.k8s.io"
Object = dict[str, Any]


class Refused(Exception):
    """The API server did not do what it was asked to."""


@dataclass(frozen=True, slots=True)
class Client:
    """One user's connections to one API server."""

    session: aiohttp.ClientSession
    server: str

    async def ask(self, method: str, path: str, body: Object | None = None, **headers: str) -> Any:
        """Return the answer; raises Refused."""
        data = None if body is None else json.dumps(body)
        async with self.session.request(method, f"{self.server}{path}", data=data, headers=headers) as answer:
            said = await answer.json()
            if answer.status >= 400:
                raise Refused(f"{method} {path}: {said.get('message', said)}")
            return said

    async def create(self, path: str, body: Object) -> Any:
        """Create an object in a collection."""
        return await self.ask("POST", path, body, **{"Content-Type": "application/json"})

    async def patch(self, path: str, body: Object) -> Any:
        """Merge something into an object."""
        return await self.ask("PATCH", path, body, **{"Content-Type": "application/merge-patch+json"})

    async def column(self, path: str, name: str) -> list[Any]:
        """Return one column of what `kubectl get` would print, from the API server's own cache."""
        there = await self.ask("GET", f"{path}?resourceVersion=0&includeObject=None", Accept=_TABLE)
        heads = [one["name"].lower() for one in there["columnDefinitions"]]
        place = heads.index(name.lower())
        return [row["cells"][place] for row in there.get("rows") or ()]


def _login(kubeconfig: Path) -> tuple[str, ssl.SSLContext]:
    config = json.loads(kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(cadata=b64decode(cluster["certificate-authority-data"]).decode())
    pair = kubeconfig.with_suffix(".pem")
    pair.write_bytes(b64decode(user["client-certificate-data"]) + b64decode(user["client-key-data"]))
    context.load_cert_chain(pair)
    return cluster["server"], context


@asynccontextmanager
async def connect(kubeconfig: Path) -> AsyncIterator[Client]:
    """Log in with the certificate of a kubeconfig, until the block ends."""
    server, context = _login(kubeconfig)
    connector = aiohttp.TCPConnector(ssl=context, limit=0)
    async with aiohttp.ClientSession(
        connector=connector, timeout=aiohttp.ClientTimeout(total=120)
    ) as session:
        yield Client(session, server)


async def all_of(work: Iterable[Callable[[], Coroutine[Any, Any, Any]]], at_once: int = AT_ONCE) -> None:
    """Do all of it, so much at a time."""
    left = iter(work)

    async def worker() -> None:
        for one in left:
            await one()

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(worker())
