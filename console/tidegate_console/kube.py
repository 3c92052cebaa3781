"""The API server, as one user or as the console itself: plain dicts over kubernetes.aio.

Owns credentials, timeouts and the translation of errors. A user's call carries that user's token and nothing else:
no certificate and no token of the console's own is on that connection. Must not decide anything.
"""

import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from kubernetes import client as blocking
from kubernetes.aio import config
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.dynamic import DynamicClient

from tidegate_api import applied
from tidegate_console.problems import Problem, cluster_down, of_cluster

Json = dict[str, Any]
Query = Sequence[tuple[str, str]]
USER_AGENT: Final = "tidegate-console"
_SECONDS: Final = aiohttp.ClientTimeout(total=20, sock_connect=5)
# What a watch may be silent for: the API server sends bookmarks about once a minute.
_WATCH_SECONDS: Final = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=90)
_MERGE: Final = "application/merge-patch+json"


class Access:
    """The API server with the rights of one caller. Every method raises Problem."""

    def __init__(self, api: ApiClient, token: str | None = None) -> None:
        self._client = DynamicClient(api)
        self._token = token

    async def read(self, path: str, query: Query = (), accept: str = "application/json") -> Json:
        """Return an object, or a list of them."""
        return await self._ask("get", path, query, headers={"Accept": accept})

    async def create(self, path: str, body: Mapping[str, Any]) -> Json:
        """Make an object, or ask a question that is an object."""
        return await self._ask("post", path, body=body)

    async def apply(self, path: str, body: Mapping[str, Any], query: Query) -> Json:
        """Apply a manifest server-side."""
        return await self._ask(
            "patch", path, query, body=applied.as_yaml(body), content_type=applied.CONTENT_TYPE
        )

    async def replace(self, path: str, body: Mapping[str, Any]) -> Json:
        """Write an object as a whole, if nobody has changed it meanwhile."""
        return await self._ask("put", path, body=body)

    async def merge(self, path: str, body: Mapping[str, Any]) -> Json:
        """Change some fields of an object."""
        return await self._ask("patch", path, body=body, content_type=_MERGE)

    async def delete(self, path: str) -> Json:
        """Delete an object."""
        return await self._ask("delete", path)

    async def watch(self, path: str, query: Query) -> AsyncIterator[Json]:
        """Yield the changes of a list until the API server ends it."""
        answer = await self._send("get", path, query, timeout=_WATCH_SECONDS)
        try:
            async for line in answer.content:
                yield json.loads(line)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise cluster_down(type(error).__name__) from None
        finally:
            answer.close()

    async def _ask(self, method: str, path: str, query: Query = (), **more: Any) -> Json:
        try:
            answer = await self._send(method, path, query, **more)
            found = await answer.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise cluster_down(type(error).__name__) from None
        if not isinstance(found, dict):
            raise cluster_down("its answer is no object")
        return found

    async def _send(
        self,
        method: str,
        path: str,
        query: Query = (),
        *,
        body: Mapping[str, Any] | str | None = None,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: aiohttp.ClientTimeout = _SECONDS,  # noqa: ASYNC109 - it is handed on
    ) -> Any:
        sent = dict(headers or {"Accept": "application/json"})
        if self._token is not None:
            sent["Authorization"] = f"Bearer {self._token}"
        try:
            return await self._client.request(
                method,
                path,
                body=dict(body) if isinstance(body, Mapping) else body,
                query_params=list(query),
                header_params=sent,
                content_type=content_type,
                serialize=False,
                _request_timeout=timeout,
            )
        except ApiException as error:
            raise of_cluster(error.status or 502, error.body) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise cluster_down(type(error).__name__) from None


@dataclass(frozen=True, slots=True)
class Server:
    """Where the API server is, with the console's own way to it and one without any credentials."""

    own: Access
    _bare: ApiClient

    def as_user(self, token: str) -> Access:
        """Return the API server with a user's rights."""
        return Access(self._bare, token)

    def objects(self, token: str) -> blocking.CustomObjectsApi:
        """Return the same for calls that block a thread, as `tidegate_models` makes them."""
        known = self._bare.configuration
        configuration = blocking.Configuration()
        configuration.host, configuration.ssl_ca_cert = known.host, known.ssl_ca_cert
        configuration.verify_ssl, configuration.proxy = known.verify_ssl, None
        configuration.api_key = {"authorization": f"Bearer {token}"}
        api = blocking.ApiClient(configuration)
        api.user_agent = USER_AGENT
        return blocking.CustomObjectsApi(api)


@asynccontextmanager
async def connect() -> AsyncIterator[Server]:
    """Log in as the Pod's ServiceAccount, or with KUBECONFIG where one is named, else with ~/.kube/config."""
    own = _configuration()
    if "KUBECONFIG" not in os.environ and "KUBERNETES_SERVICE_HOST" in os.environ:
        config.load_incluster_config(client_configuration=own)
    else:
        await config.load_kube_config(client_configuration=own, persist_config=False)
    bare = _configuration()
    bare.host, bare.ssl_ca_cert, bare.verify_ssl = own.host, own.ssl_ca_cert, own.verify_ssl
    async with ApiClient(own) as api, ApiClient(bare) as nobody:
        api.user_agent = nobody.user_agent = USER_AGENT
        yield Server(Access(api), nobody)


def _configuration() -> Configuration:
    # A watch is a connection for as long as a tab is open: how many there are is bounded elsewhere.
    return Configuration(client_session_kwargs={"trust_env": False}, connection_pool_maxsize=0)


__all__ = ["Access", "Json", "Problem", "Server", "connect"]
