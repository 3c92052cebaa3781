"""What is written to a real API server reaches the gateway: models, keys, workers."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from kubernetes.aio import client, config

from integration.api import Api
from integration.api import eventually as wait_for
from integration.gateway.engine import FakeEngine
from integration.gateway.rig import DEADLINE, QUICK, LoopThread, Rig, close_rig, eventually
from tidegate_api.keys import digest, new_key
from tidegate_api.names import (
    API_VERSION,
    CANARY_TRACK,
    COMPONENT_LABEL,
    DRAINING_ANNOTATION,
    FOLLOWER_ROLE,
    GATEWAY_FIELD_MANAGER,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    REVISION_LABEL,
    ROLE_LABEL,
    SERVICE_LABEL,
    TRACK_LABEL,
    WORKER_COMPONENT,
    WORKER_PORT,
    WORKER_PORT_NAME,
)
from tidegate_gateway.gateway import Gateway
from tidegate_gateway.settings import Settings
from tidegate_gateway.stamps import unix
from tidegate_gateway.watch import watch

REVOKED_WITHIN = 2.0
# Workers are always asked on one port; an address of its own keeps it free for the test.
ADDRESS = "127.0.78.1"


@dataclass
class Cluster:
    """The API server, one namespace of it, and a gateway that watches that."""

    api: Api
    namespace: str
    rig: Rig

    def service(self, name: str, **spec: Any) -> None:
        spec = {"model": {"uri": "pvc://models/m"}} | spec
        self.create({"apiVersion": API_VERSION, "kind": "LLMService", "spec": spec}, name)

    def tenant(self, name: str, *keys: str, **spec: Any) -> None:
        listed = [{"name": f"k{i}", "sha256": digest(key)} for i, key in enumerate(keys)]
        self.create({"apiVersion": API_VERSION, "kind": "LLMTenant", "spec": {"keys": listed} | spec}, name)

    def create(self, manifest: dict[str, Any], name: str, **meta: Any) -> None:
        self.api.create(
            manifest | {"metadata": {"name": name, "namespace": self.namespace, **meta}}, self.namespace
        )

    def pod(
        self,
        name: str,
        service: str,
        address: str,
        labels: Mapping[str, str] = MappingProxyType({}),
        port: int = WORKER_PORT,
    ) -> None:
        labels = {
            MANAGED_BY_LABEL: MANAGED_BY,
            COMPONENT_LABEL: WORKER_COMPONENT,
            SERVICE_LABEL: service,
            **labels,
        }
        # Bound to a node that does not exist: nothing touches its status but the test, and deleting it takes a while.
        ports = [{"name": WORKER_PORT_NAME, "containerPort": port}]
        spec = {"nodeName": "nowhere", "containers": [{"name": "main", "image": "none", "ports": ports}]}
        self.create({"apiVersion": "v1", "kind": "Pod", "spec": spec}, name, labels=labels)
        self.set_ready(name, address, "True")

    def set_ready(self, name: str, address: str, status: str) -> None:
        condition = {"type": "Ready", "status": status}
        patch = {"podIP": address, "podIPs": [{"ip": address}], "conditions": [condition]}
        self.api.patch_status("Pod", self.namespace, name, patch)

    async def models(self, key: str) -> list[str] | int:
        """Return what a key may call, or the status of the refusal."""
        headers = {"authorization": f"Bearer {key}"}
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.rig.url}/models", headers=headers) as got,
        ):
            return got.status if got.status != 200 else [entry["id"] for entry in (await got.json())["data"]]

    async def until(self, key: str, want: list[str] | int, seconds: float = DEADLINE) -> None:
        """Wait until a key gets this answer."""
        got: list[str] | int = 0
        try:
            async with asyncio.timeout(seconds):
                while (got := await self.models(key)) != want:  # noqa: ASYNC110 - the answer is what is awaited
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"got {got} for {seconds} s, not {want}") from None

    def workers(self, service: str) -> list[str]:
        found = self.rig.gateway.directory.workers.get((self.namespace, service), ())
        return sorted(worker.name for worker in found)

    def pickable(self, service: str) -> list[str]:
        served = self.rig.look(lambda gateway: gateway.services.get((self.namespace, service)))
        pools = {} if served is None else served.fleet.pools
        return sorted(endpoint.worker.name for pool in pools.values() for endpoint in pool)


def await_service_account(api: Api, namespace: str) -> None:
    """No Pod can be created before its namespace has one."""
    wait_for(lambda: api.get("ServiceAccount", namespace, "default"))


@pytest.fixture
async def cluster(api: Api, namespace: str) -> AsyncIterator[Cluster]:
    """A gateway that watches one namespace of a real API server."""
    await asyncio.to_thread(await_service_account, api, namespace)
    async with watching(api.plane.kubeconfig, (namespace,)) as rig:
        yield Cluster(api, namespace, rig)


@contextlib.asynccontextmanager
async def watching(kubeconfig: Path, namespaces: tuple[str, ...] | None) -> AsyncIterator[Rig]:
    """Run a gateway, and its watch on the gateway's own loop."""
    thread = LoopThread()
    settings = Settings("127.0.0.1", 0, namespaces=namespaces, drain_seconds=1, limits=QUICK)
    gateway = Gateway(settings, thread.loop)
    rig = Rig(gateway, thread.call(gateway.start), thread)
    assert not gateway.is_ready
    running = asyncio.run_coroutine_threadsafe(watch_by(kubeconfig, gateway), thread.loop)
    try:
        await eventually(lambda: gateway.is_ready or running.done(), "all lists are in")
        yield rig
    finally:
        await close_rig(rig)


async def watch_by(kubeconfig: Path, gateway: Gateway) -> None:
    """Watch as an administrator."""
    configuration = client.Configuration()
    await config.load_kube_config(str(kubeconfig), client_configuration=configuration)
    async with client.ApiClient(configuration) as api:
        await watch(gateway, api)


class Link:
    """A way to the API server that can be cut."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def open(self, port: int = 0) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Refuse connections, and end those that are open."""
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._writers.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers += [writer, back]
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._copy(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        sink.close()


async def test_services_appear_and_go(cluster: Cluster) -> None:
    key = new_key()
    assert await cluster.models(key) == 401
    cluster.service("plain")
    cluster.tenant("team", key)
    await cluster.until(key, ["plain"])
    cluster.service("named", model={"uri": "pvc://models/m", "name": "org/model-1.5"}, suspend=True)
    await cluster.until(key, ["org/model-1.5", "plain"])
    cluster.api.delete("LLMService", cluster.namespace, "plain")
    await cluster.until(key, ["org/model-1.5"])


async def test_a_canary_is_used_as_the_status_of_its_service_says(cluster: Cluster) -> None:
    cluster.service("m")
    cluster.pod("stable", "m", ADDRESS, {REVISION_LABEL: "r1"})
    cluster.pod("tried", "m", ADDRESS, {REVISION_LABEL: "r2", TRACK_LABEL: CANARY_TRACK}, 9999)
    cluster.pod("follower", "m", ADDRESS, {REVISION_LABEL: "r1", ROLE_LABEL: FOLLOWER_ROLE})
    await eventually(lambda: cluster.workers("m") == ["stable", "tried"], "the workers are known")
    assert cluster.pickable("m") == ["stable"]
    for phase, weight, expected in (
        ("Canary", 0, ["stable"]),
        ("Canary", 5, ["stable", "tried"]),
        ("RollingBack", 0, ["stable"]),
    ):
        rollout = {"phase": phase, "revision": "r1", "canaryRevision": "r2", "weight": weight}
        cluster.api.patch_status("LLMService", cluster.namespace, "m", {"rollout": rollout})

        def is_used(expected: list[str] = expected) -> bool:
            return cluster.pickable("m") == expected

        await eventually(is_used, f"{phase} at {weight} %")
    assert {worker.port for worker in cluster.rig.gateway.directory.workers[cluster.namespace, "m"]} == {
        WORKER_PORT,
        9999,
    }


async def test_a_revoked_key_is_refused_within_two_seconds(cluster: Cluster) -> None:
    revoked, kept = new_key(), new_key()
    cluster.tenant("team", revoked, kept)
    await cluster.until(revoked, [])
    spec = {"keys": [{"name": "k1", "sha256": digest(kept)}]}
    cluster.api.patch("LLMTenant", cluster.namespace, "team", {"spec": spec})
    await cluster.until(revoked, 401, REVOKED_WITHIN)
    assert await cluster.models(kept) == []
    cluster.api.delete("LLMTenant", cluster.namespace, "team")
    await cluster.until(kept, 401, REVOKED_WITHIN)


async def test_an_expired_key_is_refused(cluster: Cluster) -> None:
    key = new_key()
    spec = {"keys": [{"name": "a", "sha256": digest(key), "notAfter": "2020-01-01T00:00:00Z"}]}
    cluster.create({"apiVersion": API_VERSION, "kind": "LLMTenant", "spec": spec}, "team")
    other = new_key()
    cluster.tenant("other", other)
    await cluster.until(other, [])
    assert await cluster.models(key) == 401


async def test_a_worker_is_routed_to_only_while_it_is_ready(cluster: Cluster) -> None:
    cluster.service("m")
    for name, address in (("a", "127.0.0.2"), ("b", "127.0.0.3")):
        cluster.pod(name, "m", address)
    await eventually(lambda: cluster.workers("m") == ["a", "b"], "both are ready")
    cluster.set_ready("a", "127.0.0.2", "False")
    await eventually(lambda: cluster.workers("m") == ["b"], "one is not ready")
    cluster.set_ready("a", "127.0.0.2", "True")
    await eventually(lambda: cluster.workers("m") == ["a", "b"], "both are ready again")
    # On its node a Pod stays for its grace period, ready or not, with a deletionTimestamp.
    cluster.api.delete("Pod", cluster.namespace, "b")
    await eventually(lambda: cluster.workers("m") == ["a"], "one is being deleted")


async def test_a_pod_of_somebody_else_is_no_worker(cluster: Cluster) -> None:
    cluster.service("m")
    spec = {"nodeName": "nowhere", "containers": [{"name": "main", "image": "none"}]}
    cluster.create({"apiVersion": "v1", "kind": "Pod", "spec": spec}, "alien", labels={SERVICE_LABEL: "m"})
    cluster.set_ready("alien", "127.0.0.9", "True")
    cluster.pod("ours", "m", "127.0.0.2")
    await eventually(lambda: cluster.workers("m") == ["ours"], "ours is ready")


async def test_a_ready_worker_answers(cluster: Cluster) -> None:
    engine = FakeEngine()
    await engine.start(ADDRESS, WORKER_PORT)
    rig = cluster.rig
    rig.engines.append(engine)
    cluster.service("m")
    cluster.tenant("team", rig.key, qosClass="low")
    await cluster.until(rig.key, ["m"])
    held = asyncio.create_task(rig.ask(rig.post()))
    await eventually(lambda: rig.look(lambda gateway: gateway.held()), "it waits for a worker")
    await asyncio.to_thread(cluster.pod, "a", "m", ADDRESS)
    assert (await held).status == 200
    assert engine.calls[0].body.startswith(b'{"priority":0,')
    cluster.api.patch("LLMTenant", cluster.namespace, "team", {"spec": {"qosClass": "high"}})
    await eventually(
        lambda: rig.gateway.directory.callers[digest(rig.key)].qos_class == "high", "the class changed"
    )
    assert (await rig.ask(rig.post())).status == 200
    assert engine.calls[1].body.startswith(b'{"priority":-100,')


async def test_a_worker_that_drains_is_used_again_when_that_ends(cluster: Cluster) -> None:
    cluster.service("m")
    cluster.pod("a", "m", "127.0.0.2")
    await eventually(lambda: cluster.pickable("m") == ["a"], "it is used")
    for since, used in (("2026-11-21T10:00:00Z", []), (None, ["a"])):
        annotations = {"metadata": {"annotations": {DRAINING_ANNOTATION: since}}}
        cluster.api.patch("Pod", cluster.namespace, "a", annotations)
        await eventually(lambda used=used: cluster.pickable("m") == used, "the annotation is heeded")
        assert cluster.workers("m") == ["a"]


def demand(cluster: Cluster, name: str) -> dict[str, float]:
    """Return which pools are asked for, and since when."""
    found = cluster.api.get("LLMService", cluster.namespace, name) or {}
    marks = found.get("status", {}).get("demand", [])
    return {mark["pool"]: unix(mark["requestedAt"], 0.0) for mark in marks}


async def test_a_held_request_marks_the_pool_that_it_waits_for(cluster: Cluster) -> None:
    rig = cluster.rig
    qos = {"classes": [{"name": "high", "pool": "Dedicated"}]}
    scaling = {"minReplicas": 0, "maxReplicas": 2}
    cluster.service("m", qos=qos, scaling=scaling, coldStart={"timeoutSeconds": 60})
    high, low = new_key(), new_key()
    cluster.tenant("first", high, qosClass="high")
    cluster.tenant("second", low, qosClass="low")
    await cluster.until(high, ["m"])
    await cluster.until(low, ["m"])
    asked = time.time()
    held = [asyncio.create_task(rig.ask(rig.post(key=key))) for key in (high, low)]
    await eventually(lambda: demand(cluster, "m").keys() == {"high", "shared"}, "both pools are marked")
    assert max(abs(at - asked) for at in demand(cluster, "m").values()) < 5
    fields = (cluster.api.get("LLMService", cluster.namespace, "m") or {})["metadata"]["managedFields"]
    managers = {f"{GATEWAY_FIELD_MANAGER}-{pool}" for pool in ("high", "shared")}
    assert {(entry["manager"], entry.get("subresource")) for entry in fields} >= {
        (manager, "status") for manager in managers
    }
    engine = FakeEngine()
    await engine.start(ADDRESS, WORKER_PORT)
    rig.engines.append(engine)
    await asyncio.to_thread(cluster.pod, "a", "m", ADDRESS)
    assert [(await asking).status for asking in held] == [200, 200]


async def test_gateways_that_mark_pools_at_the_same_moment_leave_each_other_s_marks(
    cluster: Cluster,
) -> None:
    """Twenty times, two gateways that know nothing of each other's marks yet."""
    classes = [{"name": name, "pool": "Dedicated"} for name in ("high", "medium")]
    names = [f"m{number}" for number in range(20)]
    async with watching(cluster.api.plane.kubeconfig, (cluster.namespace,)) as other:
        for name in names:
            cluster.service(name, qos={"classes": classes}, scaling={"minReplicas": 0, "maxReplicas": 2})

        def is_known(rig: Rig) -> bool:
            return len(rig.look(lambda gateway: gateway.services)) == len(names)

        await eventually(lambda: is_known(cluster.rig) and is_known(other), "both know all services")
        for name in names:
            for rig, pools in ((cluster.rig, ("high", "shared")), (other, ("medium", "shared"))):
                for pool in pools:
                    mark_soon(rig, (cluster.namespace, name, pool))
        for name in names:
            await eventually(lambda name=name: demand(cluster, name).keys() == ALL_POOLS, "all are marked")
        # Nobody is held for these: no mark is written again.
        await asyncio.sleep(0.5)
        assert [demand(cluster, name).keys() for name in names] == [ALL_POOLS] * len(names)


ALL_POOLS = {"high", "medium", "shared"}


def mark_soon(rig: Rig, pool: tuple[str, str, str]) -> None:
    """Ask for a pool as a request does, without waiting until that has been taken in."""
    rig.thread.loop.call_soon_threadsafe(rig.gateway.demand.ask, pool)


async def test_what_has_a_worker_or_is_not_to_have_one_is_not_marked(cluster: Cluster) -> None:
    rig = cluster.rig
    cluster.service("m")
    cluster.service("suspended", suspend=True)
    cluster.service("none", replicas=0)
    cluster.tenant("team", rig.key)
    cluster.pod("a", "m", ADDRESS)
    engine = FakeEngine()
    await engine.start(ADDRESS, WORKER_PORT)
    rig.engines.append(engine)
    await cluster.until(rig.key, ["m", "none", "suspended"])
    await eventually(lambda: cluster.pickable("m") == ["a"], "it is ready")
    told = [(await rig.ask(rig.post(model=name))) for name in ("m", "suspended", "none")]
    assert [answer.status for answer in told] == [200, 503, 503]
    assert "suspended" in told[1].error["message"]
    assert "0" in told[2].error["message"]
    await asyncio.sleep(0.3)
    assert [demand(cluster, name) for name in ("m", "suspended", "none")] == [{}, {}, {}]
    assert rig.look(lambda gateway: gateway.demand.wakes) == {}


async def test_all_namespaces_can_be_watched(api: Api, namespace: str) -> None:
    async with watching(api.plane.kubeconfig, None) as rig:
        cluster = Cluster(api, namespace, rig)
        cluster.service("m")
        cluster.tenant("team", rig.key)
        await cluster.until(rig.key, ["m"])


async def test_the_last_knowledge_serves_while_the_api_server_is_away(
    api: Api, namespace: str, tmp_path: Path
) -> None:
    kubeconfig = json.loads(api.plane.kubeconfig.read_text())
    server = kubeconfig["clusters"][0]["cluster"]
    link = Link(urlsplit(server["server"]).port or 443)
    await link.open()
    server["server"] = f"https://127.0.0.1:{link.port}"
    through = tmp_path / "kubeconfig"
    through.write_text(json.dumps(kubeconfig))
    async with watching(through, (namespace,)) as rig:
        cluster = Cluster(api, namespace, rig)
        cluster.service("before")
        cluster.tenant("team", rig.key)
        await cluster.until(rig.key, ["before"])
        await link.cut()
        cluster.service("meanwhile")
        await asyncio.sleep(0.5)
        assert await cluster.models(rig.key) == ["before"]
        assert rig.gateway.is_ready
        await link.open(link.port)
        await cluster.until(rig.key, ["before", "meanwhile"])
    await link.cut()
