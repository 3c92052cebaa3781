"""What is estimated of the KV cache against what a real vLLM reports: blocks, tokens, requests of full length.

The models of families are a config.json with a family's way of attention and few parameters, and made-up weights:
the size of a cache follows from the config alone. `docs/concepts/models.md` has the table of one run.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from integration.worker.reports import cache_report, made_up
from integration.worker.workers import ROOT
from tidegate_api.fit.memory import capacity
from tidegate_api.fit.shape import Shape, read_shape
from tidegate_api.settings import ResourceProfile
from tidegate_operator.asked import read_asked

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
# One engine more for each: `make thorough`.
thorough = pytest.mark.thorough

SMALL: Mapping[str, Any] = {
    "hidden_size": 256,
    "intermediate_size": 256,
    "num_attention_heads": 8,
    "vocab_size": 1024,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "torch_dtype": "bfloat16",
}
WINDOWS = {
    **SMALL,
    "architectures": ["MistralForCausalLM"],
    "model_type": "mistral",
    "num_hidden_layers": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32768,
    "sliding_window": 4096,
}
MIXED = {
    **SMALL,
    "architectures": ["Gemma3ForCausalLM"],
    "model_type": "gemma3_text",
    "num_hidden_layers": 13,
    "num_key_value_heads": 4,
    "head_dim": 64,
    "max_position_embeddings": 32768,
    "sliding_window": 1024,
    "query_pre_attn_scalar": 64,
    "hidden_activation": "gelu_pytorch_tanh",
}
LONG_HEADS = {
    **SMALL,
    "architectures": ["Qwen3ForCausalLM"],
    "model_type": "qwen3",
    "num_hidden_layers": 3,
    "num_key_value_heads": 2,
    "head_dim": 128,
    "max_position_embeddings": 40960,
    "use_sliding_window": False,
    "sliding_window": 4096,
}
LATENT = {
    **SMALL,
    "architectures": ["DeepseekV2ForCausalLM"],
    "model_type": "deepseek_v2",
    "num_hidden_layers": 2,
    "num_key_value_heads": 8,
    "kv_lora_rank": 512,
    "q_lora_rank": None,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "first_k_dense_replace": 2,
    "n_routed_experts": 8,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 128,
    "max_position_embeddings": 4096,
    "rope_theta": 10000,
}
FEW_HEADS = {
    **SMALL,
    "architectures": ["FalconForCausalLM"],
    "model_type": "falcon",
    "num_hidden_layers": 4,
    "multi_query": True,
    "new_decoder_architecture": False,
    "parallel_attn": True,
    "bias": False,
    "alibi": False,
}


@pytest.fixture(scope="module")
def smollm2(vllm_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with SmolLM2 135M, as the example model has it."""
    target = tmp_path_factory.mktemp("models") / "smollm2"
    script = ROOT / "examples" / "01-quickstart" / "prepare_model.py"
    made = subprocess.run([vllm_python, script, target], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return target


def estimated(model: Path, kv_gib: int, flags: tuple[str, ...]) -> dict[str, float]:
    """Return what the operator would tell of this model with these flags."""
    config = json.loads((model / "config.json").read_text())
    shape = read_shape(config, sum(file.stat().st_size for file in model.glob("*.safetensors")))
    assert isinstance(shape, Shape), shape
    env, profiles = {"VLLM_CPU_KVCACHE_SPACE": str(kv_gib)}, {"cpu": ResourceProfile(accelerator="cpu")}
    asked = read_asked(flags, env, {}, "cpu:1", profiles)
    held = capacity(shape, asked.serving, asked.kv_bytes or 0)
    assert held is not None
    return {"blocks": held.blocks, "tokens": held.tokens, "requests": held.concurrency}


def compare(python: Path, model: Path, home: Path, kv_gib: int, *flags: str) -> None:
    """Start the engine and compare."""
    found = cache_report(python, model, home, kv_gib, *flags)
    reported = {
        "blocks": float(found["num_gpu_blocks"]),
        "tokens": float(found["kv_cache_size_tokens"]),
        "requests": float(found["kv_cache_max_concurrency"]),
    }
    said = estimated(model, kv_gib, flags)
    print(
        json.dumps({"model": model.name, "gib": kv_gib, "flags": flags, "said": said, "reported": reported}),
        file=sys.stderr,
    )
    for name, value in reported.items():
        assert said[name] == pytest.approx(value, rel=0.05), (name, said, reported)


@pytest.mark.parametrize(
    ("kv_gib", "flags"),
    [
        pytest.param(1, (), id="one GiB"),
        pytest.param(2, ("--max-model-len=2048",), id="two GiB, short requests", marks=thorough),
        pytest.param(1, ("--kv-cache-dtype=fp8",), id="one GiB in fp8", marks=thorough),
    ],
)
def test_the_example_model(
    vllm_python: Path, smollm2: Path, tmp_path: Path, kv_gib: int, flags: tuple[str, ...]
) -> None:
    compare(vllm_python, smollm2, tmp_path / "home", kv_gib, *flags)


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param((), id="as it is", marks=thorough),
        pytest.param(("--block-size=64", "--max-model-len=1k"), id="other blocks", marks=thorough),
    ],
)
def test_the_tiny_model(vllm_python: Path, tiny_model: Path, tmp_path: Path, flags: tuple[str, ...]) -> None:
    compare(vllm_python, tiny_model, tmp_path / "home", 1, *flags)


@pytest.mark.parametrize(
    ("config", "flags"),
    [
        pytest.param(WINDOWS, (), id="all layers with a window", marks=thorough),
        pytest.param(MIXED, (), id="some layers with a window"),
        pytest.param(
            MIXED,
            ("--max-model-len=2048", "--max-num-batched-tokens=512"),
            id="short, in small steps",
            marks=thorough,
        ),
        pytest.param(LONG_HEADS, (), id="long heads", marks=thorough),
        pytest.param(LATENT, (), id="latent attention"),
        pytest.param(FEW_HEADS, (), id="one head for all", marks=thorough),
    ],
)
def test_a_family(
    vllm_python: Path, tiny_model: Path, tmp_path: Path, config: Mapping[str, Any], flags: tuple[str, ...]
) -> None:
    model = made_up(tmp_path / str(config["model_type"]), tiny_model, config)
    compare(vllm_python, model, tmp_path / "home", 1, "--load-format=dummy", *flags)
