"""LLMModels of adapters: made for the services that list them, used by them, and never taken for models."""

from dataclasses import replace

from tidegate_operator.cache import Change
from tidegate_operator.facts import Key
from tidegate_operator.interest import keys_of, models_of
from tidegate_operator.kinds import LLM_MODEL, LLM_SERVICE
from tidegate_operator.models.absence import missing
from tidegate_operator.models.naming import Identity, asked_by, derived_name, model_of
from unit.operator.models.scenes import KEY, Object, facts, llmservice, model, planned
from unit.operator.models.test_interest import at, there

BASE = "hf://acme/base"
LORA = "hf://acme/lora"
MEANS = Identity(LORA, "main", "Adapter")


def with_adapter(name: str = "chat", **entry: object) -> Object:
    """Return a service that lists one adapter of a hub, and one of a volume."""
    listed = [{"name": "a", "uri": LORA, **entry}, {"name": "b", "uri": "pvc://claim/b"}]
    found = llmservice(name, uri=BASE)
    return {**found, "spec": {**found["spec"], "model": {"uri": BASE, "lora": {"adapters": listed}}}}


def adapter(name: str = "tiny", **spec: object) -> Object:
    """Return the LLMModel of the adapter."""
    return model(name, uri=LORA, type="Adapter", **spec)


def test_a_service_asks_hubs_for_its_model_and_its_adapters() -> None:
    assert [one.identity for one in asked_by(with_adapter())] == [Identity(BASE, "main"), MEANS]


def test_one_that_nobody_has_made_yet_is_made_as_an_adapter() -> None:
    seen = facts(departed=model("gone"), services=[with_adapter(revision="v1")])
    name = derived_name(Identity(LORA, "v1", "Adapter"))
    made = missing(replace(seen, key=Key(KEY.namespace, name)))
    assert made is not None
    assert missing(replace(seen, key=Key(KEY.namespace, derived_name(MEANS)))) is None
    assert made["spec"] == {"uri": LORA, "revision": "v1", "type": "Adapter"}


def test_a_model_and_an_adapter_of_one_repository_are_two_llmmodels() -> None:
    assert derived_name(MEANS) != derived_name(Identity(LORA, "main"))
    assert model_of(llmservice(uri=LORA), [adapter()]) is None


def test_its_loader_is_told_that_it_is_one_and_gets_its_own_token() -> None:
    of = with_adapter(tokenSecretRef={"name": "hub", "key": "token"})
    plan = planned(facts(adapter(), services=[of]))
    job = next(one for one in plan.create if one["kind"] == "Job")
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert "--adapter" in container["args"]
    assert {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}}} in container[
        "env"
    ]
    of_model = planned(facts(model(uri=BASE), services=[of]))
    other = next(one for one in of_model.create if one["kind"] == "Job")["spec"]["template"]["spec"][
        "containers"
    ][0]
    assert "--adapter" not in other["args"]
    assert all(one["name"] != "HF_TOKEN" for one in other["env"])


def test_while_it_is_listed_its_files_are_in_use() -> None:
    cached = adapter(status={"path": "hf/acme--lora/0123456789abcdef"})
    assert facts(cached, services=[with_adapter()]).paths_in_use() == ("hf/acme--lora/0123456789abcdef",)
    assert facts(cached, services=[llmservice(uri=BASE)]).paths_in_use() == ()


def test_a_change_of_either_concerns_the_other() -> None:
    cache = there()
    service, lora = at(with_adapter("new"), LLM_SERVICE), at(adapter("lora"), LLM_MODEL)
    cache.put(service)
    cache.put(lora)
    assert keys_of(Change(LLM_MODEL, lora, lora), cache) == {Key(KEY.namespace, "new")}
    assert Key(KEY.namespace, "lora") in models_of(Change(LLM_SERVICE, None, service), cache)
