"""The real cluster: kubernetes.aio.dynamic with plain dicts, and the session that kopf's watches use.

Owns credentials, timeouts and the translation of errors. Must not import typed models of the client (they cost
25 MB), nor decide anything.
"""

import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.dynamic.client import DynamicClient
from kubernetes.aio.dynamic.resource import Resource

from tidegate_api import applied
from tidegate_operator.cluster import FIELD_MANAGER, ClusterError, Listing, Object, Versions
from tidegate_operator.kinds import ALL, Kind, kind_of

REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=5)
PAGE = 500
_METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
# No object has this version, since etcd begins to count with the first write after it: an apply that names it makes an
# object, and is refused with 409 where there is one.
_IN_NO_OBJECT = {"resourceVersion": "1"}
_OVER_TIME_SECONDS = 10  # a watch that outlives its own limit by this much has lost its connection


class Kube:
    """`Cluster` by HTTP."""

    def __init__(self, api: ApiClient) -> None:
        client = DynamicClient(api)
        self._resources: dict[Kind, Any] = {kind: _resource(client, kind) for kind in ALL}

    async def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """See Cluster."""
        try:
            found: Object = await self._ask(kind, "get", name=name, namespace=namespace)
        except ClusterError as error:
            if error.status == 404:
                return None
            raise
        return found

    async def list(self, kind: Kind, namespace: str | None, selector: str = "") -> Listing:
        """See Cluster."""
        items: list[Object] = []
        more: str | None = None
        while True:
            page = await self._ask(
                kind, "get", namespace=namespace, label_selector=selector or None, limit=PAGE, _continue=more
            )
            items += ({"apiVersion": kind.api_version, "kind": kind.kind, **item} for item in page["items"])
            more = page["metadata"].get("continue")
            if not more:
                return Listing(tuple(items), page["metadata"]["resourceVersion"])

    async def versions(self, kind: Kind, namespace: str | None, selector: str = "") -> Versions:
        """See Cluster."""
        found: dict[tuple[str, str], int] = {}
        more: str | None = None
        while True:
            page = await self._ask(
                kind,
                "get",
                namespace=namespace,
                label_selector=selector or None,
                limit=PAGE,
                _continue=more,
                header_params={"Accept": _METADATA},
            )
            for item in page["items"] or ():
                metadata = item["metadata"]
                found[metadata["namespace"], metadata["name"]] = int(metadata["resourceVersion"])
            more = page["metadata"].get("continue")
            if not more:
                return Versions(found, page["metadata"]["resourceVersion"])

    async def await_change(
        self, kind: Kind, namespace: str, selector: str, version: str, seconds: int
    ) -> None:
        """See Cluster."""
        answer = await self._ask(
            kind,
            "get",
            namespace=namespace,
            label_selector=selector,
            resource_version=version,
            timeout_seconds=seconds,
            watch="true",
            serialize=False,
            _request_timeout=aiohttp.ClientTimeout(total=seconds + _OVER_TIME_SECONDS, sock_connect=5),
        )
        try:
            await answer.content.readline()
        finally:
            answer.close()

    async def apply(
        self, manifest: Mapping[str, Any], *, status: bool = False, is_new: bool = False
    ) -> Object:
        """See Cluster."""
        kind = kind_of(manifest["apiVersion"], manifest["kind"])
        metadata = {**manifest["metadata"], **(_IN_NO_OBJECT if is_new else {})}
        target = self._resources[kind]
        written: Object = await self._ask(
            kind,
            "patch",
            target=target.subresources["status"] if status else target,
            body=applied.as_yaml({**manifest, "metadata": metadata}),
            content_type=applied.CONTENT_TYPE,
            name=metadata["name"],
            namespace=metadata["namespace"],
            field_manager=FIELD_MANAGER,
            force_conflicts=True,
        )
        return written

    async def create(self, manifest: Mapping[str, Any]) -> Object:
        """See Cluster."""
        return await self._write("create", manifest)

    async def replace(self, manifest: Mapping[str, Any]) -> Object:
        """See Cluster."""
        return await self._write("replace", manifest)

    async def delete(self, live: Mapping[str, Any]) -> None:
        """See Cluster."""
        metadata = live["metadata"]
        exactly = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        # A Job's Pods would otherwise be left behind.
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": exactly,
            "propagationPolicy": "Background",
        }
        kind = kind_of(live["apiVersion"], live["kind"])
        try:
            await self._ask(kind, "delete", name=metadata["name"], namespace=metadata["namespace"], body=body)
        except ClusterError as error:
            if error.status != 404:
                raise

    async def _write(self, verb: str, manifest: Mapping[str, Any]) -> Object:
        kind = kind_of(manifest["apiVersion"], manifest["kind"])
        namespace = manifest["metadata"]["namespace"]
        written: Object = await self._ask(
            kind, verb, body=dict(manifest), namespace=namespace, field_manager=FIELD_MANAGER
        )
        return written

    async def _ask(self, kind: Kind, verb: str, *, target: Any = None, **arguments: Any) -> Any:
        arguments.setdefault("_request_timeout", REQUEST_TIMEOUT)
        arguments.setdefault("serializer", lambda _, data: data)
        try:
            return await getattr(target or self._resources[kind], verb)(**arguments)
        except ApiException as error:
            raise _refusal(error) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ClusterError(0, type(error).__name__, str(error) or "no answer in time") from error


def _refusal(error: ApiException) -> ClusterError:
    told = str((error.headers or {}).get("Retry-After", ""))
    after = float(told) if told.isdecimal() else 0.0
    try:
        said = json.loads(error.body or "")
        return ClusterError(error.status, said.get("reason") or error.reason, said["message"], after)
    except (ValueError, KeyError, AttributeError, TypeError):
        return ClusterError(error.status, str(error.reason), "the API server gave no reason", after)


def _resource(client: DynamicClient, kind: Kind) -> Any:
    return Resource(
        prefix="apis" if kind.group else "api",
        group=kind.group,
        api_version=kind.version,
        kind=kind.kind,
        name=kind.plural,
        namespaced=True,
        client=client,
        subresources={"status": {"name": f"{kind.plural}/status", "kind": kind.kind, "namespaced": True}},
    )


class Sessions:
    """Makes HTTP sessions with the same credentials, renewed like those of the client: for kopf."""

    def __init__(self, api: ApiClient, traces: Sequence[aiohttp.TraceConfig]) -> None:
        self._api = api
        self._traces = list(traces)

    @property
    def server(self) -> str:
        """Return the URL of the API server."""
        return str(self._api.configuration.host)

    def open(self) -> aiohttp.ClientSession:
        """Return a new session; whoever asked for it closes it."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._api.rest_client.ssl_context),
            headers={"User-Agent": FIELD_MANAGER},
            proxy=self._api.configuration.proxy,
            middlewares=(self._authorize,),
            trace_configs=self._traces,
        )

    async def _authorize(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        headers: dict[str, str] = {}
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], "", "", None)
        request.headers.update(headers)
        return await handler(request)


@asynccontextmanager
async def connect(traces: Sequence[aiohttp.TraceConfig] = ()) -> AsyncIterator[tuple[Kube, Sessions]]:
    """Log in with KUBECONFIG, else as the Pod's ServiceAccount, else with ~/.kube/config."""
    configuration = Configuration(trace_configs=list(traces), client_session_kwargs={"trust_env": False})
    if "KUBECONFIG" not in os.environ and "KUBERNETES_SERVICE_HOST" in os.environ:
        config.load_incluster_config(client_configuration=configuration)
    else:
        await config.load_kube_config(client_configuration=configuration, persist_config=False)
    async with ApiClient(configuration) as api:
        api.user_agent = FIELD_MANAGER
        yield Kube(api), Sessions(api, traces)
