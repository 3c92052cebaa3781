"""What an engine is asked to be, read from flags, variables, limits and profiles."""

from typing import Any

import pytest

from tidegate_api.fit.memory import Serving
from tidegate_api.settings import default_profiles
from tidegate_operator.asked import Asked, read_asked

GIB = 2**30


def asked(
    *words: str,
    profile: str = "cpu:1",
    env: dict[str, str] | None = None,
    limits: dict[str, str] | None = None,
) -> Asked:
    return read_asked(words, env or {}, limits or {}, profile, default_profiles())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param([], {}, id="nothing: the engine's defaults"),
        pytest.param(["--max-model-len", "8k"], {"max_model_len": 8000}, id="a length as people write it"),
        pytest.param(["--max-model-len=8K"], {"max_model_len": 8192}, id="and as machines count"),
        pytest.param(["--max-model-len=1.5k"], {"max_model_len": 1500}, id="and in parts"),
        pytest.param(["-q", "fp8", "--dtype=half"], {"quantization": "fp8", "dtype": "half"}, id="words"),
        pytest.param(
            ["-tp=2", "-pp", "3"], {"tensor": 2, "pipeline": 3, "batched_tokens": 6 * 2048}, id="spread"
        ),
        pytest.param(["--block-size=0"], {}, id="a zero is no number"),
    ],
)
def test_flags_are_read_as_the_engine_reads_them(words: list[str], expected: dict[str, Any]) -> None:
    assert asked(*words).serving == Serving(on_cpu=True, **expected)


@pytest.mark.parametrize(
    ("env", "words", "expected"),
    [
        pytest.param({"VLLM_CPU_KVCACHE_SPACE": "4"}, [], 4 * GIB, id="by its variable"),
        pytest.param({"VLLM_CPU_KVCACHE_SPACE": "4"}, ["--kv-cache-memory-bytes=1G"], GIB, id="by its flag"),
        pytest.param({"VLLM_CPU_KVCACHE_SPACE": ""}, [], None, id="what is left"),
        pytest.param({"VLLM_CPU_KVCACHE_SPACE": "some"}, [], None, id="no number"),
    ],
)
def test_what_is_set_aside_for_the_cache(env: dict[str, str], words: list[str], expected: int | None) -> None:
    assert asked(*words, env=env).kv_bytes == expected


def test_without_an_accelerator_memory_is_what_the_container_may_use() -> None:
    assert asked(limits={"memory": "6Gi"}).memory == 6 * GIB
    assert asked().memory is None


@pytest.mark.parametrize(
    ("profile", "memory", "batched", "requests"),
    [
        pytest.param("nvidia-l4:1", 22 * GIB, 2048, 256, id="a small GPU"),
        pytest.param("nvidia-h100-80gb:2", 79 * GIB, 8192, 1024, id="a large one"),
        pytest.param("nvidia-a100-80gb:1", 79 * GIB, 2048, 256, id="an A100, which vLLM treats as small"),
        pytest.param("nvidia:1", None, 2048, 256, id="one of which nothing is known"),
    ],
)
def test_the_engines_defaults_follow_from_the_gpus_memory(
    profile: str, memory: int | None, batched: int, requests: int
) -> None:
    found = asked(profile=profile)
    assert (found.memory, found.serving.batched_tokens, found.requests) == (memory, batched, requests)


def test_larger_gpus_are_known_the_least_first() -> None:
    assert asked(profile="nvidia-l4:1").larger_profiles == (
        ("nvidia-a100-80gb", 79 * GIB),
        ("nvidia-h100-80gb", 79 * GIB),
    )
    assert asked(profile="nvidia-h100-80gb:1").larger_profiles == ()
    assert asked().larger_profiles == ()


@pytest.mark.parametrize("flag", ["--cpu-offload-gb=4", "--hf-overrides={}", "--num-gpu-blocks-override=5"])
def test_some_flags_change_memory_in_ways_not_reckoned_with(flag: str) -> None:
    assert asked().is_plain
    assert not asked(flag).is_plain
