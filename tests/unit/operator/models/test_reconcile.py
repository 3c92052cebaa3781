"""One reconcile of an LLMModel against a cluster in memory: what is asked, in which order, and what is not."""

from __future__ import annotations

from tidegate_api.settings import Settings
from tidegate_operator.cache import Cache, Change
from tidegate_operator.cluster import ClusterError, Object
from tidegate_operator.facts import Key
from tidegate_operator.kinds import CLAIM, JOB, LLM_MODEL, LLM_SERVICE
from tidegate_operator.metrics import Metrics
from tidegate_operator.models.naming import Identity, derived_name
from tidegate_operator.models.reconcile import ModelReconciler
from unit.operator.fakes import FakeCluster
from unit.operator.models.scenes import KEY, URI, claim, llmservice, model, ready

FORBIDDEN = ClusterError(403, "Forbidden", "exceeded quota: storage")


class Bench:
    """A reconciler, its cluster, and what it told."""

    def __init__(self, *items: Object) -> None:
        self.told: list[Change] = []
        self.cluster, self.cache = FakeCluster(), Cache(self.told.append)
        for item in items:
            self.cache.put(self.cluster.seed(item))
        self.reconciler = ModelReconciler(self.cluster, self.cache, Settings(), Metrics(), "operator-0")

    async def reconcile(self, key: Key = KEY) -> float | None:
        self.cluster.calls.clear()
        return await self.reconciler.reconcile(key)

    @property
    def status(self) -> Object:
        found: Object = self.cluster.objects[LLM_MODEL, *KEY]["status"]
        return found


def there(kind: str, version: str, item: Object) -> Object:
    return {"apiVersion": version, "kind": kind, **item}


CLAIMED = there("PersistentVolumeClaim", "v1", claim())
SERVICE = there("LLMService", "serving.tidegate.dev/v1alpha1", llmservice())


async def test_the_claim_then_the_job_then_silence() -> None:
    bench = Bench(model())
    await bench.reconcile()
    assert bench.cluster.writes[0] == ("create", "PersistentVolumeClaim", "tidegate-models")
    await bench.reconcile()
    assert bench.cluster.writes[0] == ("create", "Job", "tiny-load")
    await bench.reconcile()
    assert bench.cluster.calls == []


async def test_what_is_written_is_told_since_no_watch_shows_it_as_news() -> None:
    bench = Bench(model(), CLAIMED)
    await bench.reconcile()
    assert [change.kind for change in bench.told] == [JOB, LLM_MODEL]


async def test_a_model_that_is_there_is_neither_read_nor_written() -> None:
    bench = Bench(model(status=ready()), CLAIMED)
    await bench.reconcile()
    await bench.reconcile()
    assert bench.cluster.calls == []


async def test_a_claim_that_is_refused_says_why_and_is_tried_again() -> None:
    bench = Bench(model())
    bench.cluster.answers["create"] = FORBIDDEN
    assert await bench.reconcile() == 15
    condition = bench.status["conditions"][0]
    assert condition["reason"] == "CacheUnavailable"
    assert "exceeded quota: storage" in condition["message"]


async def test_a_job_that_is_refused_says_why() -> None:
    bench = Bench(model(), CLAIMED)
    bench.cluster.answers["create"] = FORBIDDEN
    await bench.reconcile()
    assert bench.status["conditions"][0]["reason"] == "LoaderFailed"


async def test_a_job_of_ours_that_the_watches_have_not_shown_yet_is_taken_for_ours() -> None:
    bench = Bench(model(), CLAIMED)
    await bench.reconcile()
    bench.cache.drop(bench.cluster.objects[JOB, KEY.namespace, "tiny-load"])
    bench.cache.forget_deletions()
    await bench.reconcile()
    assert bench.status["conditions"][0]["reason"] == "ModelPending"
    assert bench.cache.get(JOB, KEY.namespace, "tiny-load")


async def test_a_claim_that_somebody_made_meanwhile_is_used_as_it_is() -> None:
    bench = Bench(model())
    bench.cluster.seed(CLAIMED)
    await bench.reconcile()
    assert bench.cache.get(CLAIM, KEY.namespace, "tidegate-models")
    assert bench.status["conditions"][0]["reason"] == "ModelPending"


async def test_a_model_that_a_service_wants_is_made_and_looked_at() -> None:
    name = derived_name(Identity(URI, "main"))
    bench = Bench(SERVICE)
    await bench.reconcile(Key(KEY.namespace, name))
    assert bench.cluster.writes == [("create", "LLMModel", name)]
    assert [change.kind for change in bench.told] == [LLM_MODEL]


async def test_the_files_of_a_deleted_model_are_removed_once() -> None:
    bench = Bench(CLAIMED)
    bench.cache.departed[KEY] = model(status=ready())
    await bench.reconcile()
    [(verb, kind, name)] = bench.cluster.writes
    assert (verb, kind, name.startswith("tiny-remove-")) == ("create", "Job", True)
    await bench.reconcile()
    assert bench.cluster.calls == []


async def test_a_spec_that_makes_no_sense_is_said_and_nothing_is_done() -> None:
    bench = Bench(model(newer=True), CLAIMED, SERVICE)
    await bench.reconcile()
    assert bench.status["conditions"][0]["reason"] == "InvalidValue"
    assert [call for call in bench.cluster.writes if call[1] == "Job"] == []
    assert bench.cache.get(LLM_SERVICE, KEY.namespace, "chat")
