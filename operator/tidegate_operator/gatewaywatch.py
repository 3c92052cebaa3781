"""How many gateway Pods answer: what RouteReady rests on.

Owns one small watch of its own, since the gateway usually lives in a namespace that kopf need not, and with few
rights may not, watch. Must not know what follows from the number.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from tidegate_api.settings import GatewayService
from tidegate_operator.cluster import Cluster, ClusterError, Listing
from tidegate_operator.kinds import ENDPOINT_SLICE
from tidegate_operator.watches import WATCH_SECONDS

_RETRY_SECONDS = 5

log = structlog.get_logger(__name__)


async def count(gateway: GatewayService, cluster: Cluster) -> int:
    """Return the number as it is now."""
    return ready_endpoints(await cluster.list(ENDPOINT_SLICE, gateway.namespace, _selector(gateway)))


async def watch_gateway(
    gateway: GatewayService,
    cluster: Cluster,
    tell: Callable[[int], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Tell the number whenever it may have changed: each change is answered by a fresh list."""
    place = (ENDPOINT_SLICE, gateway.namespace, _selector(gateway))
    while True:
        try:
            slices = await cluster.list(*place)
            tell(ready_endpoints(slices))
            await cluster.await_change(*place, slices.version, WATCH_SECONDS)
        except ClusterError as error:
            log.warning("gateway cannot be watched", namespace=gateway.namespace, error=str(error))
            await sleep(_RETRY_SECONDS)


def ready_endpoints(slices: Listing) -> int:
    """Count the endpoints that take requests; one that says nothing counts, as Kubernetes has it."""
    endpoints = [endpoint for item in slices.items for endpoint in item.get("endpoints") or ()]
    return sum(endpoint.get("conditions", {}).get("ready") is not False for endpoint in endpoints)


def _selector(gateway: GatewayService) -> str:
    return f"kubernetes.io/service-name={gateway.name}"
