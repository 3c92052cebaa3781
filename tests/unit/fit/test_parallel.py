"""Over how many accelerators a model can be spread."""

import pytest

from tidegate_api.fit.parallel import refusal, tensor_sizes
from unit.fit import families
from unit.fit.families import Config, shape_of


@pytest.mark.parametrize(
    ("config", "sizes"),
    [
        pytest.param(families.SMOLLM2_135M, [1, 3], id="nine heads: only by three"),
        pytest.param(
            families.LLAMA_3_8B, [1, 2, 4, 8, 16], id="powers of two, beyond the key-value heads too"
        ),
        pytest.param(families.QWEN25_7B, [1, 2, 4], id="28 heads of which 4 have keys"),
        pytest.param(families.FALCON_7B, [1], id="71 heads"),
        pytest.param(families.DEEPSEEK_V3, [1, 2, 4, 8, 16], id="latent"),
        pytest.param(families.GPT_OSS_20B, [1, 2, 4, 8, 16], id="64 heads"),
    ],
)
def test_the_tensor_sizes_that_a_model_allows(config: Config, sizes: list[int]) -> None:
    assert list(tensor_sizes(shape_of(config), 16)) == sizes


@pytest.mark.parametrize(
    ("config", "tensor", "pipeline", "words"),
    [
        pytest.param(families.SMOLLM2_135M, 2, 1, "9 attention heads cannot be divided by 2", id="heads"),
        pytest.param(
            families.QWEN25_7B, 7, 1, "4 key-value heads cannot be divided by 7", id="key-value heads"
        ),
        pytest.param(
            {**families.SMOLLM2_135M, "vocab_size": 32000}, 3, 1, "vocabulary of 32000", id="the vocabulary"
        ),
        pytest.param(families.LLAMA_3_8B, 1, 33, "32 layers cannot be put into 33 stages", id="layers"),
    ],
)
def test_a_refusal_has_the_numbers(config: Config, tensor: int, pipeline: int, words: str) -> None:
    said = refusal(shape_of(config), tensor, pipeline)
    assert said is not None
    assert words in said


def test_a_model_of_unknown_layers_is_refused_for_its_attention_heads_only() -> None:
    shape = shape_of({**families.QWEN3_NEXT_80B, "num_key_value_heads": 3})
    assert refusal(shape, 8) is None
    assert refusal(shape, 3) is not None
