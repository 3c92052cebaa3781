"""One reconcile of an LLMTenant, from facts to its status; it has no children.

Owns the order of the steps. Every cause leads here and every run can be the first: what was counted is in the status
itself. Must not decide anything.
"""

from dataclasses import dataclass

import structlog

from tidegate_api.settings import Settings
from tidegate_operator.announce import announce
from tidegate_operator.cache import Cache
from tidegate_operator.cluster import Cluster, ClusterError, Object
from tidegate_operator.errors import Waiting
from tidegate_operator.facts import Enrolled, Key
from tidegate_operator.fetch import enrolled
from tidegate_operator.metrics import Metrics
from tidegate_operator.status import transitions
from tidegate_operator.tenantstatus import seconds_until_news, summarize

_LOOK_AGAIN_SECONDS = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TenantReconciler:
    """Says how LLMTenants stand. `instance` is the name of this process in events."""

    cluster: Cluster
    cache: Cache
    settings: Settings
    metrics: Metrics
    instance: str

    async def timed(self, key: Key) -> float | None:
        """Reconcile, and measure it."""
        with self.metrics.reconcile_seconds.time():
            return await self.reconcile(key)

    async def reconcile(self, key: Key) -> float | None:
        """Say how an LLMTenant stands; return when to look again, if at all. Raises Waiting and ClusterError."""
        seen = enrolled(key, self.cache)
        if seen is None:
            return None
        before, status = seen.tenant.get("status"), summarize(seen, self.settings)
        if status != before and await self._write(seen, status):
            announcements = transitions(before, status)
            for said in announcements:
                log.info(said.message, namespace=key.namespace, name=key.name, reason=said.reason)
            await announce(seen.tenant, announcements, self.cluster, seen.now, self.instance)
        self.metrics.reconciled("done")
        return seconds_until_news(seen)

    async def _write(self, seen: Enrolled, status: Object) -> bool:
        """Write the status over the version that it was made from and no other; return whether it is there still."""
        tenant = seen.tenant
        # What was counted before is in that version: over a newer one it would be counted twice, or lost.
        exactly = {name: tenant["metadata"][name] for name in ("namespace", "name", "uid", "resourceVersion")}
        manifest = {
            "apiVersion": tenant["apiVersion"],
            "kind": tenant["kind"],
            "metadata": exactly,
            "status": status,
        }
        try:
            self.cache.answered(manifest, await self.cluster.apply(manifest, status=True))
        except ClusterError as error:
            if error.status == 404:
                return False
            if error.status == 409:
                raise Waiting("ChangedMeanwhile", _LOOK_AGAIN_SECONDS) from error
            raise
        return True
