"""Whom a change concerns: the model of a service, the services of a model, the neighbours in a cache."""

from __future__ import annotations

import pytest

from tidegate_operator.cache import Cache, Change
from tidegate_operator.facts import Key
from tidegate_operator.interest import all_models, keys_of, models_of
from tidegate_operator.kinds import CLAIM, JOB, LLM_MODEL, LLM_SERVICE, POD, Kind
from tidegate_operator.models.naming import Identity, derived_name
from unit.operator.models.scenes import KEY, URI, Object, claim, job, llmservice, model, pod

DERIVED = Key(KEY.namespace, derived_name(Identity(URI, "main")))
OTHER = Key(KEY.namespace, "other")
CHAT = Key(KEY.namespace, "chat")
LABELS = {"serving.tidegate.dev/model": "tiny"}


def at(item: Object, kind: Kind, version: int = 1, **metadata: object) -> Object:
    """Return an object as a watch brings it."""
    own = {"resourceVersion": str(version), "generation": 1, **item["metadata"], **metadata}
    return {**item, "apiVersion": kind.api_version, "kind": kind.kind, "metadata": own}


def there() -> Cache:
    """Two LLMModels, a service of the first, and one of a volume."""
    cache = Cache()
    cache.put(at(model(), LLM_MODEL))
    cache.put(at(model("other", uri="hf://acme/other"), LLM_MODEL))
    cache.put(at(llmservice(), LLM_SERVICE))
    cache.put(at(llmservice("of-a-volume", uri="pvc://a/b"), LLM_SERVICE))
    return cache


SERVICE = at(llmservice(), LLM_SERVICE)
TINY = at(model(), LLM_MODEL)
OVER = at(job(ended="Complete"), JOB, labels=LABELS)
GOES_ON = at(job(), JOB, labels=LABELS)


@pytest.mark.parametrize(
    ("change", "models"),
    [
        pytest.param(Change(LLM_SERVICE, None, SERVICE), {KEY, DERIVED}, id="a service that comes"),
        pytest.param(Change(LLM_SERVICE, SERVICE, None), {KEY, DERIVED}, id="one that goes"),
        pytest.param(Change(LLM_SERVICE, SERVICE, SERVICE), set(), id="one whose status is another"),
        pytest.param(
            Change(LLM_SERVICE, SERVICE, at(llmservice(uri="hf://acme/other"), LLM_SERVICE, generation=2)),
            {KEY, DERIVED, OTHER, Key(KEY.namespace, derived_name(Identity("hf://acme/other", "main")))},
            id="one that takes another model",
        ),
        pytest.param(
            Change(LLM_MODEL, TINY, None), {KEY, DERIVED}, id="a model that goes may have to come back"
        ),
        pytest.param(Change(LLM_MODEL, TINY, TINY), {KEY}, id="one whose status is another"),
        pytest.param(Change(CLAIM, None, at(claim(), CLAIM)), {KEY, OTHER}, id="the cache's claim"),
        pytest.param(Change(POD, None, at(pod(), POD, labels=LABELS)), {KEY}, id="a loader's Pod"),
        pytest.param(Change(POD, None, at(pod(), POD)), set(), id="a Pod of somebody else"),
        pytest.param(Change(JOB, None, GOES_ON), {KEY}, id="a Job that goes on"),
        pytest.param(Change(JOB, GOES_ON, OVER), {KEY, OTHER}, id="one that is over may have made room"),
        pytest.param(Change(JOB, OVER, None), {KEY, OTHER}, id="one that is gone may have been waited for"),
    ],
)
def test_which_models_are_looked_at(change: Change, models: set[Key]) -> None:
    assert models_of(change, there()) == models


def test_a_model_concerns_the_services_that_ask_for_it() -> None:
    assert keys_of(Change(LLM_MODEL, TINY, TINY), there()) == {CHAT}
    assert (
        keys_of(Change(LLM_MODEL, None, at(model("x", uri="hf://acme/other"), LLM_MODEL)), there()) == set()
    )


def test_a_look_at_everything_finds_models_that_have_yet_to_be_made() -> None:
    cache = there()
    assert all_models(cache) == {KEY, OTHER}
    cache.put(at(llmservice("new", uri="ms://acme/new"), LLM_SERVICE))
    new = Key(KEY.namespace, derived_name(Identity("ms://acme/new", "master")))
    assert all_models(cache) == all_models(cache, KEY.namespace) == {KEY, OTHER, new}
    assert all_models(cache, "team-b") == set()
