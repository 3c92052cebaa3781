"""Tells the operator which sleeping pools requests wait for: `status.demand` of an LLMService.

Owns the one task that writes there. Each pool's mark has a field manager of its own, the same in all gateways: so
none ever takes away what another has written. Never on a request's path; a failure is told once, and tried again.
"""

import asyncio
import contextlib
import json
from math import inf
from typing import TYPE_CHECKING, Final

import aiohttp
import structlog
from kubernetes.aio.dynamic import DynamicClient, Resource

from tidegate_api.names import API_VERSION, GATEWAY_FIELD_MANAGER, SERVICE_KIND
from tidegate_gateway.demand import Pool
from tidegate_gateway.stamps import rfc3339

if TYPE_CHECKING:
    from tidegate_gateway.gateway import Gateway

TIMEOUT: Final = aiohttp.ClientTimeout(total=5, sock_connect=2)
FORBIDDEN: Final = 403
LONGEST_REASON: Final = 300
APPLY: Final = "application/apply-patch+yaml"


async def keep_marked(gateway: "Gateway", cluster: DynamicClient, services: Resource) -> None:
    """Write each mark when it is due, for ever."""
    demand, loop = gateway.demand, gateway.loop
    asked = asyncio.Event()
    demand.on_ask = asked.set
    while True:
        asked.clear()
        due = demand.due(gateway.held().keys(), loop.time())
        await asyncio.gather(*(_write(gateway, cluster, services, pool) for pool in due))
        wait = demand.next_at() - loop.time()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if wait == inf else max(0.0, wait)):
                await asked.wait()


async def _write(gateway: "Gateway", cluster: DynamicClient, services: Resource, marked: Pool) -> None:
    namespace, name, pool = marked
    body = {
        "apiVersion": API_VERSION,
        "kind": SERVICE_KIND,
        "metadata": {"name": name, "namespace": namespace},
        "status": {"demand": [{"pool": pool, "requestedAt": rfc3339(gateway.clock())}]},
    }
    path = services.path(name=name, namespace=namespace) + "/status"
    try:
        response: aiohttp.ClientResponse = await cluster.request(
            "patch",
            path,
            serialize=False,
            body=body,
            content_type=APPLY,
            field_manager=f"{GATEWAY_FIELD_MANAGER}-{pool}",
            force_conflicts="true",
            _request_timeout=TIMEOUT,
        )
        await response.read()
    except Exception as error:
        # Whatever it is: the watch of the cluster, which runs beside this, must not end because of it.
        if gateway.demand.failed(marked, gateway.loop.time()):
            _tell(error, marked)
    else:
        gateway.demand.written(marked, gateway.loop.time())


def _tell(error: Exception, marked: Pool) -> None:
    namespace, name, pool = marked
    is_forbidden = getattr(error, "status", None) == FORBIDDEN
    structlog.get_logger("waking").warning(
        "cannot ask for workers; requests stay held, and it is tried again",
        namespace=namespace,
        service=name,
        pool=pool,
        error=_reason(error),
        fix="let the gateway patch llmservices/status" if is_forbidden else "none is needed",
    )


def _reason(error: Exception) -> str:
    try:
        said = json.loads(getattr(error, "body", None) or "")
        return str(said["message"])[:LONGEST_REASON]
    except (ValueError, KeyError, TypeError):
        return type(error).__name__
