"""Leader election by a Lease, so that of two operators only one acts.

Owns the protocol: take the Lease when nobody renewed it for `LEASE_SECONDS`, renew it every `RENEW_SECONDS`, give
up after `DEADLINE_SECONDS` without success. Time is always our own clock, never the one written in the Lease. A Lease
does not fence: writes are safe by themselves. The client's own election would bring its typed models along.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn

import structlog

from tidegate_operator.cluster import Cluster, ClusterError, Object
from tidegate_operator.kinds import LEASE

NAME = "tidegate-operator"
LEASE_SECONDS = 15
DEADLINE_SECONDS = 10.0
RENEW_SECONDS = 2.0

log = structlog.get_logger(__name__)


class LeaseLost(Exception):
    """Someone else may be the leader: stop at once."""


@dataclass(slots=True)
class Election:
    """Our part in the election. `identity` is unique among the candidates."""

    cluster: Cluster
    namespace: str
    identity: str
    now: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _seen: tuple[Any, ...] = ()
    _seen_at: float = field(default=0.0)
    _held: Object | None = None

    async def acquire(self) -> None:
        """Return as soon as we are the leader."""
        log.info("waiting for the lease", identity=self.identity)
        while not await self._attempt():
            await self.sleep(RENEW_SECONDS)
        log.info("leading", identity=self.identity)

    async def hold(self) -> NoReturn:
        """Renew for ever; raises LeaseLost when that is no longer possible."""
        renewed = self.now()
        while True:
            await self.sleep(RENEW_SECONDS)
            if await self._attempt():
                renewed = self.now()
            elif self._held is None:
                raise LeaseLost(f"the lease is held by {self._seen[0]!r}")
            elif self.now() - renewed > DEADLINE_SECONDS - RENEW_SECONDS:
                self._held = None
                raise LeaseLost(f"not renewed for {self.now() - renewed:.0f} s")

    async def release(self) -> None:
        """Let the next one in at once; best effort, since it expires by itself."""
        if held := self._held:
            self._held = None
            try:
                async with asyncio.timeout(RENEW_SECONDS):
                    await self.cluster.replace({**held, "spec": {**held["spec"], "holderIdentity": ""}})
            except (ClusterError, TimeoutError) as error:
                log.warning("lease not released", error=str(error) or "no answer in time")

    async def _attempt(self) -> bool:
        try:
            # A hung request must not outlast the deadline.
            async with asyncio.timeout(DEADLINE_SECONDS / 2):
                return await self._take()
        except (ClusterError, TimeoutError) as error:
            log.warning("lease not renewed", error=str(error) or "no answer in time")
            return False

    async def _take(self) -> bool:
        lease = await self.cluster.get(LEASE, self.namespace, NAME)
        if lease is None:
            self._held = await self.cluster.create(self._renewed(None))
            return True
        if self._is_taken(lease):
            self._held = None
            return False
        self._held = await self.cluster.replace(self._renewed(lease))
        return True

    def _is_taken(self, lease: Object) -> bool:
        spec = lease["spec"]
        holder = spec.get("holderIdentity")
        seen = (holder, spec.get("renewTime"), lease["metadata"]["resourceVersion"])
        if seen != self._seen:
            self._seen, self._seen_at = seen, self.now()
        fresh = self.now() - self._seen_at < LEASE_SECONDS
        return bool(holder) and holder != self.identity and fresh

    def _renewed(self, lease: Object | None) -> Object:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        old = lease["spec"] if lease else {}
        ours = old.get("holderIdentity") == self.identity
        metadata = lease["metadata"] if lease else {"namespace": self.namespace, "name": NAME}
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.kind,
            "metadata": metadata,
            "spec": {
                "holderIdentity": self.identity,
                "leaseDurationSeconds": LEASE_SECONDS,
                "acquireTime": old["acquireTime"] if ours else now,
                "renewTime": now,
                "leaseTransitions": old.get("leaseTransitions", 0) + (0 if ours or not lease else 1),
            },
        }
