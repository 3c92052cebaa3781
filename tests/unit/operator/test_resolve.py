"""What an LLMService comes to with the operator's settings, and what is refused."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from objects import EARLIER, SETTINGS, Object, observed, service
from tidegate_api import settings as settings_module
from tidegate_api.settings import Settings
from tidegate_operator.desired import Service
from tidegate_operator.errors import Stalled
from tidegate_operator.resolve import resolve

PROFILE = {
    "accelerator": "nvidia",
    "requests": {"cpu": "500m", "memory": "8Gi"},
    "limits": {"memory": "8Gi", "nvidia.com/gpu": "1"},
    "args": ["--enforce-eager"],
    "env": [{"name": "A", "value": "profile"}, {"name": "B", "value": "profile"}],
    "nodeSelector": {"gpu": "x"},
    "tolerations": [{"key": "gpu"}],
    "runtimeClassName": "nvidia",
}
MORE = Settings.model_validate(
    {
        "gatewayURL": "https://llm.example.com",
        "workerImages": {"cpu": "cpu:1", "nvidia": "cuda:1"},
        "resourceProfiles": {"cpu": {"accelerator": "cpu"}, "gpu": PROFILE},
        "imagePullSecrets": ["pull"],
        "drainSeconds": 60,
        "priorityClassName": "normal",
        "networkPolicy": {"enabled": True, "prometheusNamespace": ""},
    }
)


def resolved(settings: Settings = MORE, **spec: Any) -> Service:
    return resolve(observed(service(**spec)), settings)


def word_after(args: tuple[str, ...], flag: str) -> str:
    return args[args.index(flag) + 1]


def test_the_model_is_called_like_the_service_unless_it_has_a_name() -> None:
    assert resolved().model_name == "chat"
    named = resolved(model={"uri": "pvc://w", "name": "org/model-1"})
    assert named.model_name == "org/model-1"
    assert word_after(named.engine_args, "--served-model-name") == "org/model-1"


def test_a_profile_is_multiplied_and_single_resources_are_overridden() -> None:
    found = resolved(
        resourceProfile="gpu:2", resources={"requests": {"cpu": "3"}, "limits": {"memory": "20Gi"}}
    )
    assert found.requests == {"cpu": "3", "memory": "16Gi"}
    assert found.limits == {"memory": "20Gi", "nvidia.com/gpu": "2"}


def test_a_profile_places_the_workers() -> None:
    found = resolved(resourceProfile="gpu:1")
    placement = found.placement
    assert placement.node_selector == {"gpu": "x"}
    assert placement.tolerations == ({"key": "gpu"},)
    assert placement.runtime_class_name == "nvidia"
    assert [pool.priority_class_name for pool in found.pools] == ["normal"]


def test_the_image_is_the_accelerators_unless_one_is_named() -> None:
    assert resolved().image == "cpu:1"
    assert resolved(resourceProfile="gpu:1").image == "cuda:1"
    assert resolved(engine={"image": "mine:2"}).image == "mine:2"


def test_more_gpus_than_one_share_the_model() -> None:
    assert word_after(resolved(resourceProfile="gpu:4").engine_args, "--tensor-parallel-size") == "4"
    assert "--tensor-parallel-size" not in resolved(resourceProfile="gpu:1").engine_args


@pytest.mark.parametrize("words", [["-pp", "2"], ["--tensor_parallel_size=1"], ["--data-parallel-size", "2"]])
def test_who_spreads_the_model_alone_is_left_alone(words: list[str]) -> None:
    found = resolved(resourceProfile="gpu:2", engine={"args": words})
    assert found.engine_args[-len(words) :] == tuple(words)
    assert "--tensor-parallel-size" not in found.engine_args


def test_users_words_come_last_so_that_they_win() -> None:
    found = resolved(resourceProfile="gpu:1", engine={"maxModelLen": 4096, "args": ["--max-model-len=8192"]})
    tail = ("--enforce-eager", "--max-model-len", "4096", "--max-model-len=8192")
    assert found.engine_args[-4:] == tail


def test_fields_become_flags_and_none_is_no_quantization() -> None:
    fields = {"maxNumSeqs": 8, "quantization": "none", "kvCacheDtype": "fp8"}
    assert resolved(engine=fields).engine_args[-4:] == ("--max-num-seqs", "8", "--kv-cache-dtype", "fp8")
    assert word_after(resolved(engine={"quantization": "awq"}).engine_args, "--quantization") == "awq"


def test_variables_of_the_user_win_over_those_of_the_profile_over_ours() -> None:
    spec = {"engine": {"env": [{"name": "B", "value": "user"}, {"name": "HOME", "value": "/h"}]}}
    env = resolved(resourceProfile="gpu:1", **spec).env
    assert (env["A"], env["B"], env["HOME"]) == ("profile", "user", "/h")
    assert env["HF_HUB_OFFLINE"] == "1"


def test_a_cpu_worker_has_a_small_cache_unless_told_otherwise() -> None:
    assert resolved().env["VLLM_CPU_KVCACHE_SPACE"] == "1"
    told = resolved(engine={"env": [{"name": "VLLM_CPU_KVCACHE_SPACE", "value": "4"}]})
    assert told.env["VLLM_CPU_KVCACHE_SPACE"] == "4"
    assert "VLLM_CPU_KVCACHE_SPACE" not in resolved(resourceProfile="gpu:1").env


def test_settings_are_worked_in() -> None:
    found = resolved()
    assert found.url == "https://llm.example.com/v1"
    assert found.drain_seconds == 60
    assert word_after(found.engine_args, "--shutdown-timeout") == "60"
    assert found.image_pull_secrets == ("pull",)
    assert found.network is not None
    assert found.network.prometheus_namespace is None  # the chart writes an empty one for none
    assert resolved(SETTINGS).network is None


def test_the_default_settings_are_of_this_version() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == settings_module.VERSION


@pytest.mark.parametrize(
    ("spec", "reason", "says"),
    [
        pytest.param(
            {"engine": {"args": ["--max-model-length=1"]}},
            "UnknownFlag",
            "spec.engine.args[0]: vLLM 0.32.0 has no flag --max-model-length: did you mean --max-model-len?",
            id="an unknown flag",
        ),
        pytest.param(
            {"engine": {"args": ["--seed=1", "--host=::"]}},
            "ForbiddenFlag",
            "spec.engine.args[1]: --host may not be set",
            id="a forbidden flag",
        ),
        pytest.param(
            {"engine": {"args": ["--hots", "--host=::"]}},
            "UnknownFlag",
            "; spec.engine.args[1]",
            id="two problems",
        ),
        pytest.param(
            {"engine": {"env": [{"name": "A"}, {"name": "HF_TOKEN", "value": "hf_secret"}]}},
            "ForbiddenVariable",
            "spec.engine.env[1]: HF_TOKEN may not be set",
            id="an inline token",
        ),
        pytest.param(
            {"engine": {"env": [{"name": "AWS_SECRET_ACCESS_KEY", "value": "secret"}]}},
            "ForbiddenVariable",
            "readable by all",
            id="a credential of whatever",
        ),
        pytest.param(
            {"engine": {"env": [{"name": "VLLM_SERVER_DEV_MODE", "value": "1"}]}},
            "ForbiddenVariable",
            "opens endpoints",
            id="a variable that opens the worker",
        ),
        pytest.param(
            {"resourceProfile": "tpu:1"},
            "UnknownResourceProfile",
            "spec.resourceProfile: there is no profile 'tpu': use one of cpu, gpu",
            id="an unknown profile",
        ),
        pytest.param(
            {"model": {"uri": "ftp://a/b"}}, "InvalidValue", "spec.model.uri", id="an unknown scheme"
        ),
        pytest.param(
            {"model": {"uri": "file:///etc"}}, "FilePathNotAllowed", "/etc", id="a path not allowed"
        ),
        pytest.param(
            {"resourceProfile": "gpu:1", "resources": {"requests": {"memory": "9Gi"}}},
            "InvalidValue",
            "the request of memory, 9Gi, is over the limit, 8Gi",
            id="a request over the profile's limit",
        ),
        pytest.param(
            {"resources": {"requests": {"nvidia.com/gpu": "1"}, "limits": {"nvidia.com/gpu": "2"}}},
            "InvalidValue",
            "nvidia.com/gpu, 1, is not the limit, 2",
            id="part of a device",
        ),
        pytest.param({"replicas": -1}, "InvalidValue", "spec.replicas", id="fewer replicas than none"),
        pytest.param(
            {"surprise": 1}, "InvalidValue", "spec.surprise: there is no such field", id="an unknown field"
        ),
        pytest.param({"replicas": "many"}, "InvalidValue", "spec.replicas", id="a word for a number"),
        pytest.param(
            {"podTemplate": {"spec": {"containers": [{"name": "main", "args": []}]}}},
            "InvalidPodTemplate",
            "containers[main].args",
            id="a template that takes what is ours",
        ),
    ],
)
def test_what_the_user_must_mend_is_named_with_its_path(spec: Object, reason: str, says: str) -> None:
    with pytest.raises(Stalled) as refused:
        resolved(**spec)
    assert refused.value.reason == reason
    assert says in refused.value.message
    assert "secret" not in refused.value.message


def test_a_wrong_flag_of_a_profile_is_the_administrators_to_mend() -> None:
    profile = {"accelerator": "cpu", "args": ["--hots"]}
    with pytest.raises(Stalled, match=r"resourceProfiles\.cpu\.args of the operator's settings\[0\]"):
        resolved(Settings.model_validate({"resourceProfiles": {"cpu": profile}}))


@pytest.mark.parametrize(
    ("other", "created", "model", "is_refused"),
    [
        pytest.param("aaa", "2026-01-01T00:00:00Z", {"name": "chat"}, True, id="an older one has the name"),
        pytest.param("aaa", "2026-12-01T00:00:00Z", {"name": "chat"}, False, id="a younger one has the name"),
        pytest.param("aaa", EARLIER, {"name": "chat"}, True, id="of the same age, the first by name wins"),
        pytest.param("zzz", EARLIER, {"name": "chat"}, False, id="of the same age, the last by name loses"),
        pytest.param("aaa", "2026-01-01T00:00:00Z", {}, False, id="an older one has its own name"),
    ],
)
def test_a_model_name_belongs_to_the_oldest(
    other: str, created: str, model: dict[str, str], is_refused: bool
) -> None:
    sibling = service(other, model={"uri": "pvc://w", **model})
    sibling["metadata"]["creationTimestamp"] = created
    facts = observed(siblings=[sibling])
    if not is_refused:
        assert resolve(facts, SETTINGS).model_name == "chat"
        return
    with pytest.raises(
        Stalled, match="ModelNameTaken: the model name 'chat' belongs to the older LLMService 'aaa'"
    ):
        resolve(facts, SETTINGS)


def test_a_name_is_free_while_its_owner_is_being_deleted() -> None:
    sibling = service("aaa", model={"uri": "pvc://w", "name": "chat"})
    sibling["metadata"]["deletionTimestamp"] = EARLIER
    assert resolve(observed(siblings=[sibling]), SETTINGS).model_name == "chat"
