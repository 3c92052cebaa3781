"""A service whose model is not there, or cannot run so: what is written, what is kept, and that a rest stays a rest."""

from __future__ import annotations

from typing import Any

from tidegate_api.fit.shape import to_json
from tidegate_api.names import API_VERSION
from tidegate_operator.cluster import Object
from tidegate_operator.kinds import DEPLOYMENT, JOB, LLM_MODEL, LLM_SERVICE
from unit.fit.families import LLAMA_31_70B, shape_of
from unit.operator.fakes import KEY, service
from unit.operator.test_reconcile import CLAIMED, World

URI = "hf://Org/Name"
HUB = {"uri": URI}


def model(*, ready: bool, **status: Any) -> Object:
    """Return the LLMModel of the service's model."""
    said = {
        "type": "Ready",
        "status": "True" if ready else "False",
        "reason": "ModelDownloading",
        "message": "37%",
    }
    path = {"path": "hf/Org--Name/abc"} if ready else {}
    return {
        "apiVersion": API_VERSION,
        "kind": LLM_MODEL.kind,
        "metadata": {"name": "hf-org-name", "namespace": KEY.namespace, "uid": "m"},
        "spec": {"uri": URI},
        "status": {"conditions": [said], **path, **status},
    }


def changed(world: World, **spec: Any) -> None:
    """Change the spec as its user would."""
    live = world.there(LLM_SERVICE)
    assert live
    world.cluster.seed({**live, "spec": {**live["spec"], **spec}})


async def test_nothing_but_the_status_is_written_while_a_model_is_downloaded() -> None:
    world = World(service(model=HUB), model(ready=False))
    assert await world.reconcile() is None
    assert world.kinds_written == [("apply/status", "LLMService")]
    assert world.reason("ModelReady") == "ModelDownloading"
    await world.reconcile()
    assert world.cluster.writes == []


async def test_workers_come_once_it_is_there() -> None:
    world = World(service(model=HUB), model(ready=False))
    await world.reconcile()
    world.cluster.seed(model(ready=True))
    await world.reconcile()
    deployment = world.there(DEPLOYMENT, "chat-shared")
    assert deployment is not None
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert "--model-path=/models/hf/Org--Name/abc" in container["args"]


async def test_workers_of_the_spec_before_go_on_while_the_new_model_comes() -> None:
    world = World(service(), CLAIMED)
    await world.reconcile()
    before = world.there(DEPLOYMENT, "chat-shared")
    changed(world, model=HUB)
    await world.reconcile()
    assert world.there(DEPLOYMENT, "chat-shared") == before
    assert (world.reason("ConfigValid"), world.reason("Ready")) == ("Valid", "ModelPending")


async def test_an_llmmodel_that_is_made_again_disturbs_nobody_and_another_revision_is_another_model() -> None:
    world = World(service(model=HUB), model(ready=True, revision="abc"))
    await world.reconcile()
    before = world.there(DEPLOYMENT, "chat-shared")
    (gone,) = [place for place in world.cluster.objects if place[0] == LLM_MODEL]
    del world.cluster.objects[gone]
    for again in (None, model(ready=False)):
        if again is not None:
            world.cluster.seed(again)
        for _ in range(2):
            await world.reconcile()
            assert world.reason("ModelReady") != "ModelPending"
            assert world.there(DEPLOYMENT, "chat-shared") == before
    live = world.there(LLM_SERVICE)
    assert live
    generation = live["metadata"]["generation"] + 1
    world.cluster.seed(
        {
            **live,
            "metadata": {**live["metadata"], "generation": generation},
            "spec": {**live["spec"], "model": {**HUB, "revision": "v2"}},
        }
    )
    await world.reconcile()
    assert world.reason("ModelReady") == "ModelPending"
    assert world.there(DEPLOYMENT, "chat-shared") == before


async def test_a_model_that_can_never_fit_makes_no_pod() -> None:
    shape = to_json(shape_of(LLAMA_31_70B, 141_107_412_992))
    world = World(service(model=HUB, resourceProfile="nvidia-l4:1"), model(ready=True, shape=shape))
    await world.reconcile()
    assert world.there(DEPLOYMENT, "chat-shared") is None
    assert world.reason("Ready") == "ModelDoesNotFit"
    changed(world, resourceProfile="nvidia-h100-80gb:4")
    await world.reconcile()
    assert world.there(DEPLOYMENT, "chat-shared") is not None


async def test_a_model_to_be_spread_is_looked_into_first_and_nothing_else_is_made() -> None:
    world = World(service(resourceProfile="nvidia:2"), CLAIMED)
    assert await world.reconcile() == 10.0
    assert world.kinds_written[:3] == [
        ("apply", "ServiceAccount"),
        ("apply", "Job"),
        ("apply/status", "LLMService"),
    ]
    assert world.there(DEPLOYMENT, "chat-shared") is None
    await world.reconcile()
    assert world.cluster.writes == []


async def test_the_job_for_another_model_takes_the_place_of_the_one_before() -> None:
    world = World(service(), CLAIMED)
    await world.reconcile()
    changed(world, model={"uri": "oci://models/tiny:1"})
    await world.reconcile()
    jobs = [name for kind, _, name in world.cluster.objects if kind == JOB]
    assert len(jobs) == 1
    # That another version takes over is stored before its workers are built.
    await world.reconcile()
    assert world.kinds_written == [("apply", "Deployment")]
    await world.reconcile()
    assert world.cluster.writes == []


async def test_suspending_frees_the_workers_and_resuming_changes_only_their_number() -> None:
    world = World(service(model=HUB, replicas=2), model(ready=True))
    await world.reconcile()
    awake = world.there(DEPLOYMENT, "chat-shared")
    changed(world, suspend=True)
    await world.reconcile()
    asleep = world.there(DEPLOYMENT, "chat-shared")
    changed(world, suspend=False)
    await world.reconcile()
    again = world.there(DEPLOYMENT, "chat-shared")
    assert awake is not None
    assert asleep is not None
    assert again is not None
    assert [one["spec"]["replicas"] for one in (awake, asleep, again)] == [2, 0, 2]
    # The same template: nothing is rolled out, nothing is downloaded.
    assert awake["spec"]["template"] == asleep["spec"]["template"] == again["spec"]["template"]
    assert world.there(LLM_MODEL, "hf-org-name") == {**model(ready=True), **_versions(world)}


def _versions(world: World) -> Object:
    """Return what the cluster has added to the LLMModel: nobody has written to it."""
    live = world.there(LLM_MODEL, "hf-org-name")
    assert live is not None
    return {"metadata": live["metadata"]}
