"""One reconcile, from facts to facts: fetch, resolve, plan, build, apply, summarize, one status patch.

Owns the order of the steps. Every cause leads here and every run can be the first: nothing is remembered from one
to the next. Must not contain any of the steps.
"""

from dataclasses import dataclass, replace

import structlog

from tidegate_api.settings import Settings
from tidegate_operator.announce import announce
from tidegate_operator.apply import apply, write
from tidegate_operator.build import build, look_into_model
from tidegate_operator.cache import Cache
from tidegate_operator.cluster import Cluster, ClusterError, Object
from tidegate_operator.desired import Plan
from tidegate_operator.errors import Stalled, Withheld
from tidegate_operator.facts import Key, Observed
from tidegate_operator.fetch import fetch
from tidegate_operator.metrics import Metrics
from tidegate_operator.plan import make_plan
from tidegate_operator.resolve import resolve
from tidegate_operator.status import own, summarize, transitions

# What the watches cannot show may have changed: an object in our way carries no label of ours.
LOOK_AGAIN_SECONDS = 10.0
# How often a rollout is looked at while it is under way: time passes, and gateways count, without an event.
ROLLOUT_SECONDS = 5.0
# What has been decided of a rollout is stored, and can be built.
AT_ONCE_SECONDS = 0.1

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Brings LLMServices about. `instance` is the name of this process in events."""

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
        """Make what an LLMService asks for, and say how it stands; return when to look again, if at all."""
        observed = await fetch(key, self.cache, self.cluster)
        if observed is None:
            self.metrics.forget(key)
            return None
        plan, stalled = None, None
        try:
            plan = make_plan(resolve(observed, self.settings), observed, self.settings)
            if plan.withheld is not None:
                await write(look_into_model(plan), observed, self.cluster, self.cache)
                raise plan.withheld
            children = await apply(build(plan), observed, self.cluster, self.cache, plan.held)
            observed = replace(observed, children=children)
        except Stalled as reason:
            plan, stalled = None, reason
        is_news = await self._report(key, observed, plan, stalled)
        self.metrics.reconciled("stalled" if stalled else "done")
        if is_news and plan is not None and plan.course.next != plan.course.stored:
            return AT_ONCE_SECONDS
        return _again(stalled, plan)

    async def _report(self, key: Key, observed: Observed, plan: Plan | None, stalled: Stalled | None) -> bool:
        """Write the status if it is another one; return whether it was."""
        before = own(observed.service.get("status"))
        status = summarize(observed, plan, stalled, self.settings)
        self.metrics.told(key, status)
        if status == before:
            return False
        try:
            self.cache.put(await self.cluster.apply(_status_of(observed, status), status=True))
        except ClusterError as error:
            if error.status in (404, 409):  # deleted meanwhile, or another one of this name
                return False
            raise
        announcements = transitions(before, status)
        for said in announcements:
            log.info(said.message, namespace=key.namespace, name=key.name, reason=said.reason)
        await announce(observed.service, announcements, self.cluster, observed.now, self.instance)
        return True


def _again(stalled: Stalled | None, plan: Plan | None) -> float | None:
    if isinstance(stalled, Withheld):
        return stalled.after
    if plan is not None and plan.course.next.phase not in ("Stable", "RolledBack"):
        return ROLLOUT_SECONDS
    is_watched = plan is None or not plan.is_in_sets
    return LOOK_AGAIN_SECONDS if stalled or not is_watched else None


def _status_of(observed: Observed, status: Object) -> Object:
    service = observed.service
    names = {name: service["metadata"][name] for name in ("namespace", "name", "uid")}
    return {
        "apiVersion": service["apiVersion"],
        "kind": service["kind"],
        "metadata": names,
        "status": status,
    }
