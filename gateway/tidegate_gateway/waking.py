"""Tells the operator which sleeping pools requests wait for: `status.demand` of an LLMService.

Owns the one task that writes there. Never on a request's path; a failure is told once, and tried again.
"""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from math import inf
from typing import TYPE_CHECKING, Final

import aiohttp
import structlog
from kubernetes.aio.dynamic import DynamicClient, Resource

from tidegate_api.names import API_VERSION, GATEWAY_FIELD_MANAGER, SERVICE_KIND
from tidegate_gateway.demand import Service
from tidegate_gateway.stamps import rfc3339, unix

if TYPE_CHECKING:
    from tidegate_gateway.gateway import Gateway

TIMEOUT: Final = aiohttp.ClientTimeout(total=5, sock_connect=2)
FORBIDDEN: Final = 403
# Older marks tell nothing any more.
MARKS_COUNT_SECONDS: Final = 60.0
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
        await asyncio.gather(
            *(_write(gateway, cluster, services, service, pools) for service, pools in due.items())
        )
        wait = demand.next_at() - loop.time()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if wait == inf else max(0.0, wait)):
                await asked.wait()


async def _write(
    gateway: "Gateway", cluster: DynamicClient, services: Resource, service: Service, pools: list[str]
) -> None:
    namespace, name = service
    served = gateway.services.get(service)
    known = {} if served is None else served.model.demand
    known = {**known, **gateway.demand.stamps(service)}
    stamp = rfc3339(gateway.clock())
    body = {
        "apiVersion": API_VERSION,
        "kind": SERVICE_KIND,
        "metadata": {"name": name, "namespace": namespace},
        "status": {"demand": marks(known, dict.fromkeys(pools, stamp))},
    }
    path = services.path(name=name, namespace=namespace) + "/status"
    try:
        response: aiohttp.ClientResponse = await cluster.request(
            "patch",
            path,
            serialize=False,
            body=body,
            content_type=APPLY,
            field_manager=GATEWAY_FIELD_MANAGER,
            force_conflicts="true",
            _request_timeout=TIMEOUT,
        )
        await response.read()
    except Exception as error:
        # Whatever it is: the watch of the cluster, which runs beside this, must not end because of it.
        if gateway.demand.failed(service, pools, gateway.loop.time()):
            _tell(error, namespace, name, pools)
    else:
        gateway.demand.written(service, pools, stamp, gateway.loop.time())


def marks(known: Mapping[str, str], asked: Mapping[str, str]) -> list[dict[str, str]]:
    """Return `status.demand` with these pools and moments, and with those that were known from shortly before.

    All gateways write as one manager: what one leaves out is gone.
    """
    newest = max(unix(stamp, -inf) for stamp in asked.values())
    recent = {pool: at for pool, at in known.items() if newest - unix(at, -inf) < MARKS_COUNT_SECONDS}
    return [{"pool": pool, "requestedAt": at} for pool, at in sorted((recent | dict(asked)).items())]


def _tell(error: Exception, namespace: str, name: str, pools: list[str]) -> None:
    is_forbidden = getattr(error, "status", None) == FORBIDDEN
    structlog.get_logger("waking").warning(
        "cannot ask for workers; requests stay held, and it is tried again",
        namespace=namespace,
        service=name,
        pools=pools,
        error=_reason(error),
        fix="let the gateway patch llmservices/status" if is_forbidden else "none is needed",
    )


def _reason(error: Exception) -> str:
    try:
        said = json.loads(getattr(error, "body", None) or "")
        return str(said["message"])[:LONGEST_REASON]
    except (ValueError, KeyError, TypeError):
        return type(error).__name__
