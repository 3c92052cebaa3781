"""Speculation, offloading and compiled code: what the fields come to, and what cannot work is refused in words."""

import json
from typing import Any

import pytest

from objects import manifest, observed, planned, service, status
from tidegate_api.fit.shape import to_json
from tidegate_api.settings import ResourceProfile, Settings
from tidegate_api.v1alpha1 import LLMServiceSpec
from tidegate_operator import flags
from tidegate_operator.errors import Stalled
from tidegate_operator.facts import Observed
from tidegate_operator.models.naming import Identity, asked_by
from tidegate_operator.resolve import resolve
from unit.fit.families import LLAMA_3_8B, SMOLLM2_135M, shape_of

GPU = ResourceProfile(
    accelerator="nvidia",
    accelerator_memory="79Gi",
    requests={"memory": "96Gi"},
    limits={"memory": "96Gi", "nvidia.com/gpu": "1"},
)
SETTINGS = Settings(
    resource_profiles={**Settings().resource_profiles, "gpu": GPU}, allowed_file_paths=["/srv/models"]
)
NGRAM = {"method": "ngram"}
DRAFT = {"method": "draft_model", "model": {"uri": "pvc://drafts/smollm2"}}
HUB = {"uri": "hf://meta-llama/Llama-3.1-8B"}
HUB_DRAFT = {"method": "eagle3", "model": {"uri": "hf://acme/eagle3"}}


def on_gpu(count: int = 1, **engine: Any) -> Any:
    return service(resourceProfile=f"gpu:{count}", engine=engine)


def config_of(of: Any, settings: Settings = SETTINGS) -> Any:
    words = list(resolve(observed(of), settings).engine_args)
    return json.loads(words[words.index("--speculative-config") + 1])


def refused(of: Any) -> str:
    with pytest.raises(Stalled) as found:
        resolve(observed(of), SETTINGS)
    return found.value.message


# ---- speculation


def test_guesses_stop_where_many_requests_run() -> None:
    assert config_of(service(engine={"speculative": {**NGRAM, "maxRunning": 3}})) == {
        "method": "ngram",
        "num_speculative_tokens": 4,
        "num_speculative_tokens_per_batch_size": [[1, 3, 4], [4, 65536, 0]],
    }


def test_what_is_looked_up_is_handed_on() -> None:
    asked = {**NGRAM, "numSpeculativeTokens": 6, "promptLookupMax": 5, "promptLookupMin": 2}
    found = config_of(service(engine={"speculative": asked}))
    assert (found["prompt_lookup_max"], found["prompt_lookup_min"]) == (5, 2)
    assert found["num_speculative_tokens"] == 6


def test_a_models_own_layers_guess_one_token() -> None:
    assert config_of(on_gpu(speculative={"method": "mtp"}))["num_speculative_tokens"] == 1


def test_copies_of_a_model_guess_at_any_load_and_the_status_says_so() -> None:
    of = on_gpu(2, speculative=NGRAM, args=["--data-parallel-size=2"])
    assert "num_speculative_tokens_per_batch_size" not in config_of(of)
    assert "at any load" in status(observed(of), SETTINGS)["engine"]["flags"][0]["reason"]


def test_the_status_says_when_is_guessed() -> None:
    (told,) = status(observed(on_gpu(speculative=NGRAM)), SETTINGS)["engine"]["flags"]
    assert told["flag"].startswith('--speculative-config={"method":"ngram"')
    assert "while a worker runs at most 8 requests" in told["reason"]


def test_who_configures_it_in_words_is_left_alone() -> None:
    of = on_gpu(speculative=NGRAM, args=["--speculative-config.method=suffix"])
    assert "--speculative-config" not in resolve(observed(of), SETTINGS).engine_args


def test_the_words_are_flags_of_this_vllm() -> None:
    of = on_gpu(speculative=NGRAM, kvCacheOffloading={"cpu": "16Gi"})
    words = resolve(observed(of), SETTINGS).engine_args
    start = words.index("--speculative-config")
    assert flags.problems(words[start:], flags.engine_table(), "features") == []


def test_a_draft_is_mounted_beside_the_model() -> None:
    of = on_gpu(speculative=DRAFT)
    assert config_of(of)["model"] == "/draft/smollm2"
    pod = manifest("Deployment", of, SETTINGS)["spec"]["template"]["spec"]
    (volume,) = [one for one in pod["volumes"] if one["name"].startswith("draft-")]
    assert volume["persistentVolumeClaim"]["claimName"] == "drafts"
    (mount,) = [one for one in pod["containers"][0]["volumeMounts"] if one["name"] == volume["name"]]
    assert (mount["mountPath"], mount["readOnly"]) == ("/draft", True)


def test_a_draft_in_a_directory_that_is_not_allowed_is_refused_by_its_own_field() -> None:
    of = on_gpu(speculative={**DRAFT, "model": {"uri": "file:///etc"}})
    assert refused(of).startswith("spec.engine.speculative.model.uri: /etc is not below")


def test_a_draft_of_a_hub_is_asked_for_as_a_model_is() -> None:
    of = service(model=HUB, engine={"speculative": HUB_DRAFT})
    asked = [one.identity for one in asked_by(of)]
    assert asked == [Identity(HUB["uri"], "main"), Identity("hf://acme/eagle3", "main")]


def llmmodel(name: str, uri: str, config: Any, size: int) -> Any:
    return {
        "metadata": {"name": name, "namespace": "team-a"},
        "spec": {"uri": uri},
        "status": {
            "shape": to_json(shape_of(config, size)),
            "path": f"hf/{name}/abc",
            "conditions": [{"type": "Ready", "status": "True", "reason": "Ready", "message": ""}],
        },
    }


def with_draft(draft: Any) -> Observed:
    of = service(model=HUB, resourceProfile="gpu:1", engine={"speculative": HUB_DRAFT})
    model = llmmodel("llama", HUB["uri"], LLAMA_3_8B, 16_060_522_496)
    return observed(of, model=model, draft=draft)


def test_workers_wait_for_a_draft_that_is_not_there_yet() -> None:
    withheld = planned(with_draft(None), SETTINGS).withheld
    assert withheld is not None
    assert (withheld.reason, "hf://acme/eagle3" in str(withheld)) == ("ModelPending", True)


def test_a_draft_takes_weights_and_room_in_the_cache() -> None:
    draft = llmmodel("eagle", "hf://acme/eagle3", SMOLLM2_135M, 269_060_552)
    with_one = status(with_draft(draft), SETTINGS)["estimate"]
    of = service(model=HUB, resourceProfile="gpu:1")
    alone = status(observed(of, model=with_draft(None).model), SETTINGS)["estimate"]
    assert with_one["weightsBytes"] - alone["weightsBytes"] == 269_060_552
    assert with_one["kvBytesPerToken"] - alone["kvBytesPerToken"] == 23_040
    assert with_one["kvCacheTokens"] < alone["kvCacheTokens"]


def test_nothing_is_reckoned_of_what_fits_beside_a_draft_that_nobody_has_read() -> None:
    of = service(model=HUB, resourceProfile="gpu:1", engine={"speculative": DRAFT})
    found = status(observed(of, model=with_draft(None).model), SETTINGS)["estimate"]
    assert "kvCacheTokens" not in found
    assert "not reckoned with" in found["message"]


@pytest.mark.parametrize("method", ["ngram", "mtp"])
def test_who_guesses_without_a_second_model_takes_no_room(method: str) -> None:
    of = service(model=HUB, resourceProfile="gpu:1", engine={"speculative": {"method": method}})
    plain = service(model=HUB, resourceProfile="gpu:1")
    model = with_draft(None).model
    assert (
        status(observed(of, model=model), SETTINGS)["estimate"]
        == status(observed(plain, model=model), SETTINGS)["estimate"]
    )


# ---- offloading


def test_offloading_grows_the_workers_memory_and_its_shared_memory() -> None:
    of = on_gpu(kvCacheOffloading={"cpu": "16Gi"})
    made = resolve(observed(of), SETTINGS)
    assert made.engine_args[-2:] == ("--kv-offloading-size", "16")
    assert made.requests["memory"] == made.limits["memory"] == str(112 * 2**30)
    pod = manifest("Deployment", of, SETTINGS)["spec"]["template"]["spec"]
    (shm,) = [one for one in pod["volumes"] if one["name"] == "shm"]
    assert shm["emptyDir"]["sizeLimit"] == str(17 * 2**30)


def test_copies_share_what_is_set_aside() -> None:
    of = on_gpu(2, kvCacheOffloading={"cpu": "16Gi"}, args=["--data-parallel-size=2"])
    words = resolve(observed(of), SETTINGS).engine_args
    assert words[words.index("--kv-offloading-size") + 1] == "8"


def test_offloading_leaves_the_estimate_of_the_gpu_as_it_is() -> None:
    model = with_draft(None).model
    of = service(model=HUB, resourceProfile="gpu:1", engine={"kvCacheOffloading": {"cpu": "16Gi"}})
    plain = service(model=HUB, resourceProfile="gpu:1")
    assert (
        status(observed(of, model=model), SETTINGS)["estimate"]
        == status(observed(plain, model=model), SETTINGS)["estimate"]
    )


def test_on_a_cpu_the_cache_is_in_that_memory_already() -> None:
    said = refused(service(engine={"kvCacheOffloading": {"cpu": "1Gi"}}))
    assert said.startswith("spec.engine.kvCacheOffloading needs an NVIDIA GPU")


# ---- compiled code


def test_compiled_code_goes_to_a_claim_that_workers_may_write_to() -> None:
    of = on_gpu(compileCache={"claimName": "compiled"}, env=[{"name": "TRITON_CACHE_DIR", "value": "/tmp/t"}])
    env = resolve(observed(of), SETTINGS).env
    assert (env["VLLM_CACHE_ROOT"], env["TORCHINDUCTOR_CACHE_DIR"]) == (
        "/compiled/chat/vllm",
        "/compiled/chat/inductor",
    )
    assert env["TRITON_CACHE_DIR"] == "/tmp/t", "what the user sets wins"
    pod = manifest("Deployment", of, SETTINGS)["spec"]["template"]["spec"]
    (mount,) = [one for one in pod["containers"][0]["volumeMounts"] if one["name"] == "compiled"]
    assert mount == {"name": "compiled", "mountPath": "/compiled"}


def test_without_one_compiled_code_stays_in_the_worker() -> None:
    assert resolve(observed(on_gpu()), SETTINGS).env["VLLM_CACHE_ROOT"] == "/tmp/vllm"


def test_nothing_is_kept_where_nothing_is_compiled() -> None:
    said = refused(service(engine={"compileCache": {"claimName": "compiled"}}))
    assert "--enforce-eager is set" in said
    taken_back = {"compileCache": {"claimName": "compiled"}, "args": ["--no-enforce-eager"]}
    assert resolve(observed(service(engine=taken_back)), SETTINGS).side_volumes


# ---- the fields themselves

WRONG = [
    pytest.param({"speculative": {"method": "eagle"}}, "needed for draft_model", id="a head without one"),
    pytest.param({"speculative": {**DRAFT, "method": "mtp"}}, "ngram and mtp have none", id="one too many"),
    pytest.param(
        {"speculative": {"method": "mtp", "promptLookupMax": 3}}, "ngram only", id="looking up elsewhere"
    ),
    pytest.param(
        {"speculative": {**NGRAM, "promptLookupMax": 2, "promptLookupMin": 3}},
        "must not be above",
        id="the wrong way round",
    ),
    pytest.param(
        {"type": "Custom", "image": "a:1", "preset": "Batch"}, "settings of vLLM", id="of another engine"
    ),
]


@pytest.mark.parametrize(("engine", "says"), WRONG)
def test_what_does_not_go_together_is_refused(engine: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        LLMServiceSpec.model_validate({"model": HUB, "engine": engine})
