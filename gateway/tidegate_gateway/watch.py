"""From the API server to the directory: services, tenants and worker Pods, listed once and then watched.

Owns resource versions, reconnection and the notice of a silent connection. While the API server is away the last
directory stays in use. Objects are plain dictionaries: typed models would cost more memory than all the rest.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from math import inf
from typing import Any, Final

import aiohttp
import msgspec
import structlog
from kubernetes.aio import client, config
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.config import ConfigException
from kubernetes.aio.dynamic import DynamicClient, Resource
from kubernetes.aio.dynamic.exceptions import DynamicApiError

from tidegate_api.names import (
    COMPONENT_LABEL,
    GATEWAY_COMPONENT,
    GROUP,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    SERVICE_KIND,
    SERVICES_PLURAL,
    TENANT_KIND,
    TENANTS_PLURAL,
    VERSION,
    WORKER_COMPONENT,
)
from tidegate_gateway.gateway import Gateway
from tidegate_gateway.store import Facts, Store
from tidegate_gateway.waking import keep_marked

WORKERS: Final = f"{MANAGED_BY_LABEL}={MANAGED_BY},{COMPONENT_LABEL}={WORKER_COMPONENT}"
GATEWAYS: Final = f"{COMPONENT_LABEL}={GATEWAY_COMPONENT}"
PAGE: Final = 500
WATCH_SECONDS: Final = 240
# The API server sends a bookmark about once a minute: a connection this silent is dead.
SILENT_SECONDS: Final = 100
CONNECT_SECONDS: Final = 10
LONGEST_WAIT_SECONDS: Final = 10
GONE: Final = 410
# The first change counts at once, since requests may be held for it; those that follow it, such as a rollout's, make
# one directory.
PUBLISH_SECONDS: Final = 0.02

FAILURES: Final = (
    ApiException,
    DynamicApiError,
    aiohttp.ClientError,
    OSError,
    TimeoutError,
    msgspec.DecodeError,
)


class Gone(Exception):
    """The API server no longer has the changes since the version that was asked for."""


class Reflector:
    """Keeps the facts of one kind, in one namespace or all, equal to the API server's."""

    def __init__(
        self,
        cluster: DynamicClient,
        resource: Resource,
        namespace: str | None,
        facts: Facts[Any],
        *,
        changed: Callable[[], None],
        selector: str = "",
    ) -> None:
        self._cluster = cluster
        self._resource = resource
        self._namespace = namespace
        self._facts = facts
        self._changed = changed
        self._selector = selector
        self._version = ""
        self._failures = 0
        self.is_synced = False
        self._log = structlog.get_logger("watch").bind(resource=resource.name, namespace=namespace or "*")

    async def run(self) -> None:
        """List and watch for ever."""
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._watch()
            except Gone:
                self._version = ""
            except FAILURES as error:
                if getattr(error, "status", None) == GONE:
                    self._version = ""
                self._failures += 1
                wait = random.uniform(0.5, 1) * min(LONGEST_WAIT_SECONDS, 0.2 * 2**self._failures)  # noqa: S311
                self._log.warning("lost the API server", error=type(error).__name__, again_in=round(wait, 1))
                await asyncio.sleep(wait)

    async def _list(self) -> None:
        items: list[dict[str, Any]] = []
        more = ""
        while True:
            query = [("limit", str(PAGE)), *([("continue", more)] if more else [])]
            response = await self._get(query, aiohttp.ClientTimeout(total=60))
            page = msgspec.json.decode(await response.read())
            items += page.get("items") or ()
            more = page["metadata"].get("continue", "")
            if not more:
                break
        self._facts.replace(self._namespace, items)
        self._version = page["metadata"]["resourceVersion"]
        self.is_synced = True
        self._changed()

    async def _watch(self) -> None:
        async for event in self._events():
            kind, item = event["type"], event["object"]
            if kind == "ERROR":
                if item.get("code") == GONE:
                    raise Gone
                raise aiohttp.ClientError(item.get("reason", "unknown"))
            self._version = item["metadata"]["resourceVersion"]
            if kind == "BOOKMARK":
                continue
            if kind == "DELETED":
                self._facts.drop(item)
            else:
                self._facts.put(item)
            self._changed()

    async def _events(self) -> AsyncIterator[dict[str, Any]]:
        query = [
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", self._version),
            ("timeoutSeconds", str(WATCH_SECONDS + random.randrange(60))),  # noqa: S311 - not all at once
        ]
        limits = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=SILENT_SECONDS)
        response = await self._get(query, limits)
        self._failures = 0
        try:
            async for line in response.content:
                yield msgspec.json.decode(line)
        finally:
            response.close()

    async def _get(
        self, query: list[tuple[str, str]], limits: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        path = self._resource.path(namespace=self._namespace)
        if self._selector:
            query = [*query, ("labelSelector", self._selector)]
        response: aiohttp.ClientResponse = await self._cluster.request(
            "get", path, serialize=False, query_params=query, _request_timeout=limits
        )
        return response


class Publisher:
    """Tells the gateway about changes: the first at once, those after it a few milliseconds' worth at a time."""

    def __init__(self, gateway: Gateway) -> None:
        settings = gateway.settings
        self.store = Store(settings.pod_uid, settings.anonymous_tenant)
        self.reflectors: list[Reflector] = []
        self._gateway = gateway
        self._due: asyncio.TimerHandle | None = None
        self._published_at = -inf

    def changed(self) -> None:
        """Publish at once, or as soon as may be again."""
        if self._due is None:
            loop = self._gateway.loop
            wait = self._published_at + PUBLISH_SECONDS - loop.time()
            self._due = loop.call_later(max(wait, 0.0), self._publish)

    def _publish(self) -> None:
        self._due = None
        if all(reflector.is_synced for reflector in self.reflectors):
            self._gateway.publish(self.store.directory())
            self._published_at = self._gateway.loop.time()


async def watch_cluster(gateway: Gateway) -> None:
    """Keep a gateway's directory equal to the cluster that this process runs in, or that KUBECONFIG names."""
    configuration = client.Configuration()
    try:
        config.load_incluster_config(client_configuration=configuration)
    except ConfigException:
        await config.load_kube_config(client_configuration=configuration)
    async with client.ApiClient(configuration) as api:
        await watch(gateway, api)


async def watch(gateway: Gateway, api: client.ApiClient) -> None:
    """Keep a gateway's directory equal to the cluster behind `api`."""
    cluster = DynamicClient(api)
    publisher = Publisher(gateway)
    store, changed = publisher.store, publisher.changed
    for namespace in gateway.settings.namespaces or (None,):
        publisher.reflectors += [
            Reflector(
                cluster, _custom(SERVICE_KIND, SERVICES_PLURAL), namespace, store.services, changed=changed
            ),
            Reflector(
                cluster, _custom(TENANT_KIND, TENANTS_PLURAL), namespace, store.tenants, changed=changed
            ),
            Reflector(cluster, _pods(), namespace, store.workers, changed=changed, selector=WORKERS),
        ]
    if gateway.settings.pod_namespace:
        own = gateway.settings.pod_namespace
        publisher.reflectors.append(
            Reflector(cluster, _pods(), own, store.peers, changed=changed, selector=GATEWAYS)
        )
    async with asyncio.TaskGroup() as group:
        for reflector in publisher.reflectors:
            group.create_task(reflector.run())
        group.create_task(keep_marked(gateway, cluster, _custom(SERVICE_KIND, SERVICES_PLURAL)))


def _custom(kind: str, plural: str) -> Resource:
    return Resource(prefix="apis", group=GROUP, api_version=VERSION, kind=kind, name=plural, namespaced=True)


def _pods() -> Resource:
    return Resource(prefix="api", api_version="v1", kind="Pod", name="pods", namespaced=True)
