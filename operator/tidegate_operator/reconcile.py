"""One reconcile, from facts to facts: fetch, resolve, plan, build, apply, summarize, one status patch.

Owns the order of the steps. Every cause leads here and every run can be the first: nothing is remembered from one
to the next but when a status was written last, and since when news of one wait. Must not contain any of the steps.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

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
from tidegate_operator.urgency import ARRIVAL_SECONDS, PATIENCE_SECONDS, Urgency, urgency

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
    now: Callable[[], float] = time.monotonic
    _written: dict[Key, float] = field(default_factory=dict)
    _arrived: dict[Key, float] = field(default_factory=dict)

    async def timed(self, key: Key) -> float | None:
        """Reconcile, and measure it."""
        with self.metrics.reconcile_seconds.time():
            return await self.reconcile(key)

    async def reconcile(self, key: Key) -> float | None:
        """Make what an LLMService asks for, and say how it stands; return when to look again, if at all."""
        observed = await fetch(key, self.cache, self.cluster)
        if observed is None:
            self.metrics.forget(key)
            self._written.pop(key, None)
            self._arrived.pop(key, None)
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
        before, status = (
            own(observed.service.get("status")),
            summarize(observed, plan, stalled, self.settings),
        )
        self.metrics.told(key, status)
        put_off = self._put_off(key, before, status)
        is_news = status != before and put_off is None and await self._report(key, observed, before, status)
        self.metrics.reconciled("stalled" if stalled else "done")
        if put_off is not None:
            return min(put_off, _again(stalled, plan) or put_off)
        if is_news and plan is not None and plan.course.next != plan.course.stored:
            return AT_ONCE_SECONDS
        return _again(stalled, plan)

    def _put_off(self, key: Key, before: Object | None, status: Object) -> float | None:
        """Return for how many seconds a status can wait that has only new counts, None where it is due."""
        when = urgency(before, status) if status != before else Urgency.AT_ONCE
        if when is not Urgency.SOON:
            self._arrived.pop(key, None)
        match when:
            case Urgency.AT_ONCE:
                return None
            case Urgency.SOON:
                due = self._arrived.setdefault(key, self.now()) + ARRIVAL_SECONDS
            case Urgency.LATER:
                due = self._written.get(key, float("-inf")) + PATIENCE_SECONDS
        left = due - self.now()
        return left if left > 0 else None

    async def _report(self, key: Key, observed: Observed, before: Object | None, status: Object) -> bool:
        """Write the status; return whether there was still something to write it to."""
        written = _status_of(observed, status)
        try:
            self.cache.answered(written, await self.cluster.apply(written, status=True))
        except ClusterError as error:
            if error.status in (404, 409):  # deleted meanwhile, or another one of this name
                return False
            raise
        self._written[key] = self.now()
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
