"""Ways to a gateway: an address, or a Pod of it through the API server's port-forward.

Owns connections. Must not know what is asked over them.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from typing import Any, Final
from urllib.parse import urlsplit

from kubernetes import client
from kubernetes.stream import portforward
from websocket import WebSocketException

from tidegate_api.names import COMPONENT_LABEL, GATEWAY_COMPONENT, GATEWAY_PORT
from tidegate_cli.shell.client import api_client
from tidegate_cli.shell.kube import Kube
from tidegate_cli.status.scene import is_ready
from tidegate_models.errors import ClusterDown, Invalid, Missing

# A model that is not loaded yet may take that long to its first token.
TIMEOUT_SECONDS: Final = 600
SELECTOR: Final = f"app.kubernetes.io/name=tidegate,{COMPONENT_LABEL}={GATEWAY_COMPONENT}"


@dataclass(frozen=True, slots=True)
class Way:
    """A way to a gateway; `open` makes one more connection, for whoever calls to close."""

    open: Callable[[], HTTPConnection]
    # What comes before /v1.
    prefix: str
    words: str
    is_forwarded: bool


def by_address(url: str) -> Way:
    """Return the way to an address, with or without /v1 at its end; raises Invalid for what is none."""
    try:
        found = urlsplit(url)
        host, port = found.hostname, found.port
    except ValueError:
        host, port = None, None
    if not host or found.scheme not in {"http", "https"}:
        raise Invalid(
            f"{url!r} is no address of a gateway", "--url", "write https://HOST or http://HOST:PORT"
        )
    prefix = found.path.rstrip("/").removesuffix("/v1")

    def connection() -> HTTPConnection:
        if found.scheme == "https":
            return HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context())
        return HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)

    return Way(connection, prefix, f"{found.scheme}://{found.netloc}{prefix}", is_forwarded=False)


def by_cluster(kube: Kube, namespace: str | None) -> Way:
    """Return the way to a Pod of the gateway that is Ready; raises Missing where there is none to be seen."""
    where = f"/api/v1/namespaces/{namespace}/pods" if namespace else "/api/v1/pods"
    pods = [one for one in kube.items(where, labelSelector=SELECTOR) if is_ready(one)]
    if not pods:
        raise Missing(
            "no Pod of the gateway is Ready where you may look",
            namespace or "all namespaces",
            "--gateway-namespace names its namespace, --url its address",
        )
    name, place = pods[0]["metadata"]["name"], pods[0]["metadata"]["namespace"]
    words = f"Pod {place}/{name}, through the API server"
    return Way(lambda: _forwarded(place, name), "", words, is_forwarded=True)


class _Forwarded(HTTPConnection):
    """A connection over a socket that is there already."""

    def __init__(self, forward: Any) -> None:
        super().__init__("gateway", timeout=TIMEOUT_SECONDS)
        self._forward = forward

    def connect(self) -> None:
        """See HTTPConnection."""
        made = self._forward.socket(GATEWAY_PORT)
        made.settimeout(self.timeout)
        self.sock = made

    def close(self) -> None:
        """See HTTPConnection; ends what forwards as well."""
        super().close()
        self._forward.close()


class PodAsked:
    """A Pod, as much of it as `portforward` needs of the client: its own class for that brings all models along, which
    takes longer than most answers."""

    def __init__(self, api: Any) -> None:
        self.api_client = api

    def forwarded(self, name: str, namespace: str, ports: str, **_: Any) -> Any:
        """Ask for a port-forward, as `CoreV1Api.connect_get_namespaced_pod_portforward` does."""
        path = f"/api/v1/namespaces/{namespace}/pods/{name}/portforward"
        asked = self.api_client.param_serialize(
            "GET", path, query_params=[("ports", ports)], header_params={}, auth_settings=["BearerToken"]
        )
        return self.api_client.call_api(*asked).response


def _forwarded(namespace: str, pod: str) -> HTTPConnection:
    # Of its own, since the client is changed for as long as it makes the connection.
    ask = PodAsked(api_client()).forwarded
    try:
        return _Forwarded(portforward(ask, pod, namespace, ports=str(GATEWAY_PORT)))
    except (client.ApiException, WebSocketException, OSError) as error:
        words = " ".join(str(getattr(error, "reason", None) or error).split())
        raise ClusterDown(
            f"no port-forward to Pod {namespace}/{pod}: {words}",
            "",
            "it takes the rights to `get` and `create` `pods/portforward` there; --url goes without them",
        ) from error
