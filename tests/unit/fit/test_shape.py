"""What is read from a config.json, and where a model says too little for a number."""

import json
from typing import Any

import pytest

from tidegate_api.fit.shape import Problem, from_json, read_shape, to_json
from unit.fit import families
from unit.fit.families import Config, shape_of

ALL = [value for name, value in vars(families).items() if name.isupper() and isinstance(value, dict)]


@pytest.mark.parametrize(
    ("config", "kv_heads", "head_dim"),
    [
        pytest.param(families.LLAMA_3_8B, 8, 128, id="a head is its share of the hidden size"),
        pytest.param(
            families.QWEN3_06B, 8, 128, id="a head is as long as the config says, whatever its share"
        ),
        pytest.param(families.FALCON_7B, 1, 64, id="multi-query attention, though the config names 71"),
        pytest.param(families.FALCON_40B, 8, 64, id="Falcon's later architecture means what it names"),
        pytest.param(families.GEMMA3_27B, 16, 128, id="the language part of a model that also sees"),
    ],
)
def test_the_heads_that_keep_keys_and_values(config: Config, kv_heads: int, head_dim: int) -> None:
    shape = shape_of(config)
    assert (shape.kv_heads, shape.head_dim) == (kv_heads, head_dim)


@pytest.mark.parametrize(
    ("config", "length"),
    [
        pytest.param(families.LLAMA_31_70B, 131072, id="Llama 3.1's length contains its factor"),
        pytest.param(families.DEEPSEEK_V3, 163840, id="so does YaRN's"),
        pytest.param(families.GEMMA3_27B, 131072, id="and Gemma 3's"),
        pytest.param(
            families.PHI3_MINI_128K, 4096, id="LongRoPE goes beyond the trained length only if asked"
        ),
        pytest.param(families.FALCON_7B, 2048, id="a model that says nothing"),
        pytest.param(
            {**families.LLAMA_3_8B, "rope_scaling": {"type": "linear", "factor": 4.0}},
            32768,
            id="linear scaling stretches it",
        ),
    ],
)
def test_the_longest_sequence_is_what_vllm_takes_by_itself(config: Config, length: int) -> None:
    assert shape_of(config).context_length == length


@pytest.mark.parametrize(
    ("config", "window", "layers"),
    [
        pytest.param(families.MISTRAL_7B_V01, 4096, 32, id="Mistral's first: every layer"),
        pytest.param(families.MISTRAL_NEMO, None, 0, id="a window of null is none"),
        pytest.param(families.PHI3_MINI_4K, 2047, 32, id="Phi-3 with 4k: every layer"),
        pytest.param(families.GEMMA2_9B, 4096, 21, id="Gemma 2: every second layer"),
        pytest.param(families.GEMMA3_27B, 1024, 52, id="Gemma 3: five of six, and the last two"),
        pytest.param(families.GPT_OSS_20B, 128, 12, id="those that the model lists"),
        pytest.param(families.QWEN25_7B, None, 0, id="Qwen names a window and does not use it"),
        pytest.param(
            {**families.QWEN25_7B, "use_sliding_window": True, "max_window_layers": 20},
            131072,
            8,
            id="Qwen that uses it, from some layer on",
        ),
    ],
)
def test_layers_that_keep_a_window_only(config: Config, window: int | None, layers: int) -> None:
    shape = shape_of(config)
    assert (shape.sliding_window, shape.sliding_layers) == (window, layers)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param(families.QWEN3_NEXT_80B, "a state instead of keys and values", id="hybrid"),
        pytest.param(families.LLAMA_4_SCOUT, "within chunks", id="chunked attention"),
        pytest.param({**families.LLAMA_3_8B, "layer_types": ["conv"]}, "(conv)", id="a new kind of layer"),
        pytest.param({**families.DEEPSEEK_V3, "index_topk": 2048}, "an index", id="sparse attention"),
        pytest.param(
            {**families.DEEPSEEK_V3, "model_type": "minicpm3"},
            "compresses",
            id="a latent family of another kind",
        ),
        pytest.param(
            {**families.MISTRAL_7B_V01, "sliding_window": [4096, None]}, "pattern", id="windows in a list"
        ),
    ],
)
def test_where_the_rules_end_the_shape_says_why(changes: Config, words: str) -> None:
    shape = shape_of(changes)
    assert shape.unknown is not None
    assert words in shape.unknown


@pytest.mark.parametrize(
    ("config", "quantization", "kv_cache"),
    [
        pytest.param(families.LLAMA_3_8B, None, None, id="not quantized"),
        pytest.param(families.DEEPSEEK_V3, "fp8", None, id="by its quantization_config"),
        pytest.param(
            {**families.LLAMA_3_8B, "compression_config": {"quant_method": "compressed-tensors"}},
            "compressed-tensors",
            None,
            id="by its older name",
        ),
        pytest.param(
            {
                **families.LLAMA_3_8B,
                "quantization_config": {
                    "quant_method": "modelopt",
                    "kv_cache_scheme": {"dynamic": False, "num_bits": 8, "type": "float"},
                },
            },
            "modelopt",
            "fp8",
            id="ModelOpt decides about the KV cache too",
        ),
    ],
)
def test_what_is_stored_quantized(config: Config, quantization: str | None, kv_cache: str | None) -> None:
    shape = shape_of(config)
    assert (shape.quantization, shape.kv_cache_dtype) == (quantization, kv_cache)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        pytest.param({}, "num_hidden_layers", id="nothing"),
        pytest.param(
            {**families.LLAMA_3_8B, "num_attention_heads": [8, 8]}, "num_attention_heads", id="a list"
        ),
        pytest.param({**families.LLAMA_3_8B, "hidden_size": -1}, "hidden_size", id="a number below one"),
        pytest.param({**families.LLAMA_3_8B, "vocab_size": True}, "vocab_size", id="a truth value"),
    ],
)
def test_a_config_without_the_numbers_has_no_shape(config: Config, words: str) -> None:
    found = read_shape(config, 1)
    assert isinstance(found, Problem)
    assert words in found.message


def test_the_type_of_the_weights_is_asked_of_the_files_where_the_config_is_silent() -> None:
    config = {key: value for key, value in families.LLAMA_3_8B.items() if key != "torch_dtype"}
    found = read_shape(config, 1, stored_dtype="float16")
    assert not isinstance(found, Problem)
    assert found.dtype == "float16"


@pytest.mark.parametrize("config", ALL, ids=lambda config: str(config["architectures"][0]))
def test_a_shape_survives_its_way_through_json_and_is_small(config: Config) -> None:
    shape = shape_of(config, 16_060_522_240)
    text = json.dumps(to_json(shape))
    assert from_json(json.loads(text)) == shape
    assert len(text) < 1000


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"layers": 3}, id="too little"),
        pytest.param({**to_json(shape_of(families.LLAMA_3_8B)), "layers": "many"}, id="words for numbers"),
        pytest.param({**to_json(shape_of(families.LLAMA_3_8B)), "kvHeads": 0}, id="zeros"),
    ],
)
def test_what_is_no_shape_is_none(content: dict[str, Any]) -> None:
    assert from_json(content) is None


def test_fields_of_a_later_version_are_left_out() -> None:
    shape = shape_of(families.LLAMA_3_8B, 5)
    assert from_json({**to_json(shape), "spin": 0.5}) == shape
