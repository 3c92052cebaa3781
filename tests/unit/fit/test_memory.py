"""Bytes of weights, of keys and values, and how many tokens fit: against numbers worked out by hand."""

import pytest

from tidegate_api.fit.memory import Serving, capacity, kv_bytes_per_token, longest, weight_bytes
from unit.fit import families
from unit.fit.families import GIB, Config, shape_of

CPU = Serving(on_cpu=True)
GPU = Serving(on_cpu=False, batched_tokens=8192)


@pytest.mark.parametrize(
    ("config", "per_token"),
    [
        # Keys and values x layers x key-value heads x head length x two bytes, from each model's config.json.
        pytest.param(families.LLAMA_3_8B, 2 * 32 * 8 * 128 * 2, id="Llama 3 8B: 128 KiB"),
        pytest.param(families.LLAMA_31_70B, 2 * 80 * 8 * 128 * 2, id="Llama 3.1 70B: 320 KiB"),
        pytest.param(families.SMOLLM2_135M, 2 * 30 * 3 * 64 * 2, id="SmolLM2 135M: 22.5 KiB"),
        pytest.param(families.QWEN25_7B, 2 * 28 * 4 * 128 * 2, id="Qwen2.5 7B: 56 KiB"),
        pytest.param(families.QWEN3_06B, 2 * 28 * 8 * 128 * 2, id="Qwen3 0.6B: 112 KiB"),
        pytest.param(
            families.QWEN3_30B_A3B, 2 * 48 * 4 * 128 * 2, id="Qwen3 30B A3B: 96 KiB, experts keep none"
        ),
        pytest.param(families.MISTRAL_7B_V01, 2 * 32 * 8 * 128 * 2, id="Mistral 7B: 128 KiB"),
        pytest.param(families.MISTRAL_NEMO, 2 * 40 * 8 * 128 * 2, id="Mistral Nemo: 160 KiB"),
        pytest.param(families.MIXTRAL_8X7B, 2 * 32 * 8 * 128 * 2, id="Mixtral 8x7B: 128 KiB"),
        pytest.param(families.GEMMA2_9B, 2 * 42 * 8 * 256 * 2, id="Gemma 2 9B: 336 KiB, stored in float32"),
        pytest.param(families.GEMMA3_27B, 2 * 62 * 16 * 128 * 2, id="Gemma 3 27B: 496 KiB"),
        pytest.param(families.PHI3_MINI_4K, 2 * 32 * 32 * 96 * 2, id="Phi-3 mini: 384 KiB, all heads"),
        pytest.param(families.GPT_OSS_20B, 2 * 24 * 8 * 64 * 2, id="GPT-OSS 20B: 48 KiB"),
        pytest.param(families.FALCON_7B, 2 * 32 * 1 * 64 * 2, id="Falcon 7B: 8 KiB, one head"),
        pytest.param(families.FALCON_40B, 2 * 60 * 8 * 64 * 2, id="Falcon 40B: 120 KiB"),
        # One vector of rank 512 and 64 rotary values a layer (DeepSeek-V2, arXiv:2405.04434, section 2.1).
        pytest.param(families.DEEPSEEK_V3, 61 * (512 + 64) * 2, id="DeepSeek V3: 68.6 KiB, latent"),
        pytest.param(families.QWEN3_NEXT_80B, None, id="Qwen3 Next: not known"),
        pytest.param(families.LLAMA_4_SCOUT, None, id="Llama 4: not known"),
    ],
)
def test_a_token_takes_so_much_in_all_layers(config: Config, per_token: int | None) -> None:
    assert kv_bytes_per_token(shape_of(config), GPU) == per_token


@pytest.mark.parametrize(
    ("config", "serving", "per_token"),
    [
        pytest.param(families.LLAMA_3_8B, {"kv_cache_dtype": "fp8"}, 65536, id="fp8 halves it"),
        pytest.param(families.LLAMA_3_8B, {"tensor": 4}, 32768, id="heads are shared out"),
        pytest.param(families.LLAMA_3_8B, {"tensor": 16}, 16384, id="nobody has less than one head"),
        pytest.param(families.LLAMA_3_8B, {"pipeline": 2}, 65536, id="layers are shared out"),
        pytest.param(families.DEEPSEEK_V3, {"tensor": 8}, 70272, id="a latent vector is kept whole by all"),
        pytest.param(families.DEEPSEEK_V3, {"kv_cache_dtype": "fp8"}, 35136, id="a latent vector in fp8"),
        pytest.param(families.LLAMA_3_8B, {"dtype": "float32"}, 262144, id="computed in float32"),
        pytest.param(families.LLAMA_3_8B, {"kv_cache_dtype": "nvfp4"}, None, id="a type not counted here"),
    ],
)
def test_settings_change_what_a_token_takes(
    config: Config, serving: dict[str, object], per_token: int | None
) -> None:
    assert kv_bytes_per_token(shape_of(config), Serving(on_cpu=False, **serving)) == per_token  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("config", "stored", "serving", "expected"),
    [
        # 8 030 261 248 parameters in bfloat16 (model.safetensors.index.json of Meta-Llama-3-8B).
        pytest.param(families.LLAMA_3_8B, 16_060_522_496, {}, 16_060_522_496, id="as stored"),
        pytest.param(
            families.LLAMA_3_8B, 16_060_522_496, {"tensor": 4}, 4_015_130_624, id="spread by tensor"
        ),
        pytest.param(families.GEMMA2_9B, 36_966_824_960, {}, 18_483_412_480, id="float32 is halved"),
        pytest.param(
            families.GEMMA2_9B, 36_966_824_960, {"dtype": "float32"}, 36_966_824_960, id="unless asked"
        ),
        pytest.param(
            families.LLAMA_3_8B,
            16_060_522_496,
            {"quantization": "fp8"},
            # What is neither embedding nor head (2 x 128256 x 4096 x 2 bytes) is halved.
            (16_060_522_496 - 2_101_346_304) // 2 + 2_101_346_304,
            id="quantized while loading",
        ),
        pytest.param(
            families.DEEPSEEK_V3, 688_586_727_753, {"quantization": "fp8"}, 688_586_727_753, id="stored so"
        ),
        pytest.param(
            families.LLAMA_3_8B,
            16_060_522_496,
            {"pipeline": 2},
            (16_060_522_496 - 2_101_346_304) // 2 + 1_050_673_152,
            id="half of the layers and the embedding",
        ),
        pytest.param(
            families.SMOLLM2_135M,
            269_060_552,
            {"quantization": "fp8"},
            (269_060_552 - 56_623_104) // 2 + 56_623_104,
            id="one tied embedding",
        ),
        pytest.param(
            families.SMOLLM2_135M,
            269_060_552,
            {"quantization": "int8_per_channel_weight_only"},
            269_060_552,
            id="what makes experts small leaves a dense model as large as it was",
        ),
        pytest.param(
            families.MIXTRAL_8X7B,
            93_405_585_408,
            {"quantization": "int8_per_channel_weight_only"},
            (93_405_585_408 - 524_288_000) // 2 + 524_288_000,
            id="and a model of experts about half as large",
        ),
    ],
)
def test_weights_in_memory(config: Config, stored: int, serving: dict[str, object], expected: int) -> None:
    found = weight_bytes(shape_of(config, stored), Serving(on_cpu=False, **serving))  # type: ignore[arg-type]
    assert found == expected


def test_a_cache_holds_whole_blocks() -> None:
    # 128 tokens of 23 040 bytes make a block of 2 949 120: 364 in a GiB; a request of 8192 tokens takes 64 of them.
    held = capacity(shape_of(families.SMOLLM2_135M), CPU, GIB)
    assert held is not None
    assert (held.blocks, held.tokens) == (364, 46592)
    assert held.concurrency == 364 / 64
    assert held.needed_bytes == 65 * 2_949_120


def test_a_window_is_all_that_a_request_holds_of_its_layers() -> None:
    # 4095 tokens and two steps of 8192: 1280 blocks of 16, and one, since windows begin within a block.
    held = capacity(shape_of(families.MISTRAL_7B_V01), GPU, 16 * GIB)
    assert held is not None
    assert held.blocks == 16 * GIB // (16 * 131072)
    assert held.concurrency == held.blocks / (1280 + 1)
    short = Serving(on_cpu=False, batched_tokens=8192, max_model_len=4096)
    cut = capacity(shape_of(families.MISTRAL_7B_V01), short, 16 * GIB)
    assert cut is not None
    assert cut.concurrency == cut.blocks / (256 + 1)


def test_layers_with_and_without_a_window_share_one_pool_of_blocks() -> None:
    # 52 layers with a window and 10 without: groups of 10, one of all, six with a window (two places stay empty).
    held = capacity(shape_of(families.GEMMA3_27B), GPU, 40 * GIB)
    assert held is not None
    assert held.blocks == 40 * GIB // (16 * 10 * 2 * 16 * 128 * 2)
    per_window = -(-(1023 + 2 * 8192) // 16) + 1
    assert held.concurrency == held.blocks / (131072 // 16 + 6 * per_window)
    # Twelve and twelve are two groups of twelve.
    even = capacity(shape_of(families.GPT_OSS_20B), GPU, 40 * GIB)
    assert even is not None
    assert even.blocks == 40 * GIB // (16 * 12 * 2 * 8 * 64 * 2)


def test_the_longest_length_that_works_is_the_last_that_needs_no_more_than_there_is() -> None:
    shape = shape_of(families.LLAMA_31_70B)
    room = 8 * GIB
    found = longest(shape, GPU, room)
    # 8 GiB hold 1638 blocks of 16 tokens; one is kept back.
    assert found == 1637 * 16
    for length, fits in ((found, True), (found + 1, False)):
        held = capacity(shape, Serving(on_cpu=False, max_model_len=length), room)
        assert held is not None
        assert (held.needed_bytes <= room) is fits
    assert longest(shape, GPU, 1) == 0
    assert longest(shape_of(families.LLAMA_3_8B), GPU, 80 * GIB) == 8192


def test_what_is_not_known_of_a_token_is_not_known_of_a_cache() -> None:
    assert capacity(shape_of(families.QWEN3_NEXT_80B), GPU, GIB) is None


def test_almost_as_many_with_a_window_as_without_are_two_groups_with_a_gap() -> None:
    kinds = ["sliding_attention"] * 14 + ["full_attention"] * 10
    held = capacity(shape_of(families.GPT_OSS_20B, layer_types=kinds), GPU, 40 * GIB)
    assert held is not None
    # Groups of 14, of which one has ten layers: fewer blocks, and not four groups of ten.
    assert held.blocks == 40 * GIB // (16 * 14 * 2 * 8 * 64 * 2)
    assert held.concurrency == held.blocks / (131072 // 16 + -(-(127 + 2 * 8192) // 16) + 1)
