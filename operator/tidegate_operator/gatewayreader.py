"""Asks every gateway what it counts and holds.

Owns one round: which Pods are asked. A Pod list that cannot be had is no round at all. Must not know what follows from
what is heard.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from tidegate_api.settings import GatewayService
from tidegate_operator.census import Census, Reading, next_census, uid_of
from tidegate_operator.cluster import Cluster, Object
from tidegate_operator.conditions import pods as of_pod
from tidegate_operator.gateways import Gateways
from tidegate_operator.kinds import POD
from tidegate_operator.metrics import Metrics
from tidegate_operator.podanswer import Unreadable

_AT_A_TIME = 16

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the gateways of one Service."""

    gateway: GatewayService
    cluster: Cluster
    gateways: Gateways
    metrics: Metrics

    async def round(self, before: Census | None) -> Census:
        """Read all once; raises ClusterError."""
        labels = ",".join(f"{name}={value}" for name, value in sorted(self.gateway.pod_labels.items()))
        # Pods, not endpoints: these may be gone for a moment and come back, and a gateway that was taken for gone would
        # then be counted twice.
        pods = (await self.cluster.list(POD, self.gateway.namespace, labels)).items
        return next_census(before, pods, await self._hear(pods))

    async def _hear(self, pods: Sequence[Object]) -> Mapping[str, Reading]:
        turns = asyncio.Semaphore(_AT_A_TIME)

        async def ask(pod: Object, address: str) -> Reading | None:
            async with turns:
                return await self._ask(pod, address)

        asked = [(pod, address) for pod in pods if (address := (pod.get("status") or {}).get("podIP"))]
        said = await asyncio.gather(*(ask(pod, address) for pod, address in asked))
        return {uid_of(pod): one for (pod, _), one in zip(asked, said, strict=True) if one is not None}

    async def _ask(self, pod: Object, address: str) -> Reading | None:
        try:
            reading = await self.gateways.read(address)
        except Unreadable as error:
            self.metrics.gateway_read("failed")
            if of_pod.is_ready(pod):  # one that starts or ends is not expected to answer
                log.warning("gateway cannot be read", pod=of_pod.name(pod), error=str(error))
            return None
        self.metrics.gateway_read("done")
        return reading
