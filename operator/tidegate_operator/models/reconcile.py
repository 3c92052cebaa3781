"""One reconcile of an LLMModel, from facts to facts: gather, plan, carry out, say how it stands.

Owns the order of the steps and the rules of writing: only what is not there, over nothing that is not ours, deletions
only of exactly what was looked at. Every run can be the first. Must not decide anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from pydantic import ValidationError

from tidegate_api.model import LLMModelSpec
from tidegate_api.settings import Settings
from tidegate_operator.announce import announce
from tidegate_operator.cache import Cache
from tidegate_operator.cluster import Cluster, ClusterError, Object
from tidegate_operator.conditions.chain import Finding
from tidegate_operator.errors import Waiting
from tidegate_operator.facts import Key, Manifest
from tidegate_operator.kinds import NETWORK_POLICY, kind_of
from tidegate_operator.metrics import Metrics
from tidegate_operator.models.absence import missing, removal
from tidegate_operator.models.facts import ModelFacts, is_controlled_by
from tidegate_operator.models.gather import gather
from tidegate_operator.models.plan import ModelPlan, is_evicted, make_plan
from tidegate_operator.models.status import summarize, transitions, unreadable
from tidegate_operator.resolve import explain
from tidegate_operator.status import Announcement

_CHANGED_SECONDS: Final = 1.0
# What the watches cannot show may have changed: a quota, an object in our way.
_REFUSED_SECONDS: Final = 15.0
# No answer, and too many at a time.
_PASSING: Final = (0, 429)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ModelReconciler:
    """Brings LLMModels about. `instance` is the name of this process in events.

    What was written is told: LLMServices follow their model, and no watch shows us our own writes as news.
    """

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
        """Bring an LLMModel in, and say how it stands; return when to look again, if at all."""
        facts = self._gather(key)
        if facts.model is None:
            await self._absent(facts)
        elif "deletionTimestamp" not in facts.model["metadata"]:
            return await self._present(facts, facts.model)
        return None

    async def _absent(self, facts: ModelFacts) -> None:
        self.metrics.models.forget(facts.key)
        wanted = missing(facts) or removal(facts, self.settings)
        if wanted is not None:
            await self._create(wanted)
        self.cache.departed.pop(facts.key, None)
        self.metrics.reconciled("done")

    async def _present(self, facts: ModelFacts, model: Manifest) -> float | None:
        if is_evicted(facts, model):
            await self._say_goodbye(facts, model)
            return None
        try:
            spec = LLMModelSpec.model_validate(model["spec"])
        except ValidationError as error:
            await self._report(facts, model, unreadable(model, facts.now, explain(error, "spec")))
            return None
        plan = make_plan(facts, model, spec, self.settings)
        refused = await self._carry_out(plan, model)
        if plan.create or plan.delete or plan.suspend:
            # What was done is among the facts now.
            facts = self._gather(facts.key)
            plan = make_plan(facts, model, spec, self.settings)
        said = await self._report(facts, model, summarize(facts, model, plan, refused))
        if plan.job is not None and plan.ended is not None and said & {"DownloadCompleted", "DownloadFailed"}:
            self.metrics.models.loaded(plan.job, plan.ended)
        self.metrics.reconciled("stalled" if refused else "done")
        if refused is not None:
            return _REFUSED_SECONDS
        return max((plan.again - facts.now).total_seconds(), 0.0) if plan.again is not None else None

    async def _say_goodbye(self, facts: ModelFacts, model: Manifest) -> None:
        words = "its files had to make room in the cache for another model, and no LLMService uses it"
        log.info(words, namespace=facts.key.namespace, name=facts.key.name, reason="ModelEvicted")
        said = [Announcement("Normal", "ModelEvicted", words)]
        await announce(model, said, self.cluster, facts.now, self.instance)
        await self._delete(model)

    async def _carry_out(self, plan: ModelPlan, model: Manifest) -> Finding | None:
        """Do what is planned; return what the API server would not have."""
        if plan.delete is not None:
            await self._delete(plan.delete)
        if plan.suspend is not None:
            await self._suspend(*plan.suspend)
        for manifest in plan.create:
            if (refused := await self._make(manifest, model)) is not None:
                return refused
        return None

    async def _make(self, manifest: Mapping[str, Any], model: Manifest) -> Finding | None:
        metadata, uid = manifest["metadata"], model["metadata"]["uid"]
        kind = kind_of(manifest["apiVersion"], manifest["kind"])
        known = self.cache.get(kind, metadata["namespace"], metadata["name"])
        if kind == NETWORK_POLICY and known is not None and is_controlled_by(known, uid):
            if known["spec"] != manifest["spec"]:
                await self._apply(manifest, known)
            return None
        try:
            taken = await self._create(manifest)
        except ClusterError as error:
            if error.status in _PASSING or error.status >= 500:
                raise
            return _refused(manifest, error)
        if taken is None:
            return None
        if "ownerReferences" in metadata and not is_controlled_by(taken, uid):
            return _in_the_way(manifest)
        self._put(taken)
        return None

    async def _create(self, manifest: Mapping[str, Any]) -> Object | None:
        """Create an object; return the one that has its name already, None if there was none."""
        try:
            self._put(await self.cluster.create(manifest))
        except ClusterError as error:
            if error.status != 409:
                raise
            metadata = manifest["metadata"]
            kind = kind_of(manifest["apiVersion"], manifest["kind"])
            taken = await self.cluster.get(kind, metadata["namespace"], metadata["name"])
            if taken is None:
                raise Waiting("ChangedMeanwhile", _CHANGED_SECONDS) from error
            return taken
        return None

    async def _apply(self, manifest: Mapping[str, Any], live: Manifest) -> None:
        exactly = {**manifest["metadata"], "uid": live["metadata"]["uid"]}
        self._put(await self.cluster.apply({**manifest, "metadata": exactly}))

    async def _suspend(self, job: Manifest, suspend: bool) -> None:
        names = {name: job["metadata"][name] for name in ("namespace", "name", "uid")}
        head = {"apiVersion": job["apiVersion"], "kind": job["kind"], "metadata": names}
        try:
            self._put(await self.cluster.apply({**head, "spec": {"suspend": suspend}}))
        except ClusterError as error:
            if error.status not in (404, 409):
                raise
            raise Waiting("ChangedMeanwhile", _CHANGED_SECONDS) from error

    async def _delete(self, live: Manifest) -> None:
        try:
            await self.cluster.delete(live)
        except ClusterError as error:
            if error.status != 409:
                raise
            raise Waiting("ChangedMeanwhile", _CHANGED_SECONDS) from error
        self.cache.drop(dict(live))

    async def _report(self, facts: ModelFacts, model: Manifest, status: Object) -> set[str]:
        """Write the status if it is another one; return the reasons of what was announced."""
        before = model.get("status")
        self.metrics.models.stands(facts.key, status)
        if status == before:
            return set()
        names = {name: model["metadata"][name] for name in ("namespace", "name", "uid")}
        head = {"apiVersion": model["apiVersion"], "kind": model["kind"], "metadata": names}
        try:
            self._put(await self.cluster.apply({**head, "status": status}, status=True))
        except ClusterError as error:
            if error.status in (404, 409):  # deleted meanwhile, or another one of this name
                return set()
            raise
        announcements = transitions(before, status)
        for said in announcements:
            log.info(said.message, namespace=facts.key.namespace, name=facts.key.name, reason=said.reason)
        await announce(model, announcements, self.cluster, facts.now, self.instance)
        return {said.reason for said in announcements}

    def _put(self, item: Object) -> None:
        change = self.cache.put(item)
        if change is not None:
            self.cache.tell(change)

    def _gather(self, key: Key) -> ModelFacts:
        return gather(key, self.cache, self.settings)


def _refused(manifest: Mapping[str, Any], error: ClusterError) -> Finding:
    words = (
        f"the API server refuses {manifest['kind']} {manifest['metadata']['name']!r}: {error.message[:1000]}"
    )
    return Finding(
        "CacheUnavailable" if manifest["kind"] == "PersistentVolumeClaim" else "LoaderFailed", words
    )


def _in_the_way(manifest: Mapping[str, Any]) -> Finding:
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    return Finding(
        "NameConflict",
        f"a {kind} {name!r} is there that Tidegate did not make for this LLMModel, and it is left alone: delete or "
        "rename it, or use another name for the LLMModel",
    )
