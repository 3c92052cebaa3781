"""Plays the kubelet for all Pods of a control plane, and the engine in those that need one.

Says of each Pod that it runs and is ready as soon as the scheduler has had its one word. Owns the addresses of engines.
Runs no Pod, and must not know trials.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import ssl
import tempfile
import threading
from pathlib import Path
from types import TracebackType

import aiohttp

from integration.api import Api, Object
from integration.operator.engines import engine
from integration.operator.rig import is_ready, now
from servers import end
from tidegate_api.names import SERVICE_LABEL

_AGAIN_SECONDS = 0.2
_READY = ("PodScheduled", "Initialized", "ContainersReady", "Ready")


class Kubelet:
    """One kubelet for everybody. Workers in `with_engines` (namespaces) get an address at which an engine answers."""

    def __init__(self, api: Api) -> None:
        self._server, self._context = admin(api)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._engines: dict[str, contextlib.ExitStack] = {}
        self._addresses = iter(range(1, 60_000))
        self.with_engines: set[str] = set()

    def __enter__(self) -> Kubelet:
        self._thread.start()
        self._task = asyncio.run_coroutine_threadsafe(self._play(), self._loop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()
        asyncio.run_coroutine_threadsafe(end(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        for stack in self._engines.values():
            stack.close()

    async def _play(self) -> None:
        connector = aiohttp.TCPConnector(ssl=self._context, limit=0)
        async with aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=None), read_bufsize=2**22
        ) as session:
            while True:
                # The API server may be away, or have forgotten where we were: begin anew.
                with contextlib.suppress(aiohttp.ClientError, OSError, KeyError, ValueError):
                    await self._watch(session)
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _watch(self, session: aiohttp.ClientSession) -> None:
        pods = f"{self._server}/api/v1/pods"
        async with session.get(pods) as answer:
            listed = await answer.json()
        for pod in listed["items"]:
            await self._see(session, pod)
        version = listed["metadata"]["resourceVersion"]
        async with session.get(pods, params={"watch": "true", "resourceVersion": version}) as answer:
            async for line in answer.content:
                event = json.loads(line)
                if event["type"] in ("ADDED", "MODIFIED"):
                    await self._see(session, event["object"])
                elif event["type"] == "DELETED":
                    self._end(event["object"]["metadata"]["uid"])

    async def _see(self, session: aiohttp.ClientSession, pod: Object) -> None:
        if "deletionTimestamp" in pod["metadata"] or is_ready(pod):
            return
        # Coming after ours, the scheduler's word would replace what we say.
        conditions = pod["status"].get("conditions", ())
        if not any(one["type"] == "PodScheduled" for one in conditions):
            return
        names = pod["metadata"]
        where = f"{self._server}/api/v1/namespaces/{names['namespace']}/pods/{names['name']}/status"
        merge = {"Content-Type": "application/merge-patch+json"}
        body = json.dumps({"status": _running() | self._address(pod)})
        async with session.patch(where, data=body, headers=merge) as answer:
            await answer.read()

    def _address(self, pod: Object) -> Object:
        metadata = pod["metadata"]
        labels = metadata.get("labels") or {}
        if metadata["namespace"] not in self.with_engines or SERVICE_LABEL not in labels:
            return {}
        number = next(self._addresses)
        # Apart from those of another process that does the same.
        address = f"127.{64 + os.getpid() % 128}.{number // 250}.{number % 250 + 1}"
        stack = contextlib.ExitStack()
        stack.enter_context(engine(address))
        self._engines[metadata["uid"]] = stack
        return {"podIP": address, "podIPs": [{"ip": address}]}

    def _end(self, uid: str) -> None:
        if stack := self._engines.pop(uid, None):
            # It waits for its server's thread.
            threading.Thread(target=stack.close).start()


def admin(api: Api) -> tuple[str, ssl.SSLContext]:
    """Return the API server's URL, and what an administrator shows to it."""
    known = json.loads(api.plane.kubeconfig.read_text())
    cluster, user = known["clusters"][0]["cluster"], known["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    with tempfile.TemporaryDirectory() as folder:
        pair = Path(folder) / "pair.pem"
        pair.write_bytes(
            base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"])
        )
        context.load_cert_chain(pair)
    return cluster["server"], context


def _running() -> Object:
    conditions = [{"type": kind, "status": "True", "lastTransitionTime": now()} for kind in _READY]
    container = {
        "name": "main",
        "image": "x",
        "imageID": "",
        "ready": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": now()}},
    }
    return {"phase": "Running", "conditions": conditions, "containerStatuses": [container]}
