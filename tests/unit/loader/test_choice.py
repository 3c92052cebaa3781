"""Which files of a repository are fetched, by the layouts that repositories have."""

import pytest

from tidegate_loader.choice import first_files, wanted_files

INDEX = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}


@pytest.mark.parametrize(
    ("listed", "index", "wanted"),
    [
        pytest.param(
            [".gitattributes", "README.md", "config.json", "model.safetensors", "tokenizer.json", "LICENSE"],
            None,
            ["config.json", "model.safetensors", "tokenizer.json", "LICENSE"],
            id="a small model: weights, texts and the licence, not the page about it",
        ),
        pytest.param(
            [
                "config.json",
                "pytorch_model.bin",
                "pytorch_model.bin.index.json",
                "tf_model.h5",
                "model.safetensors",
            ],
            None,
            ["config.json", "model.safetensors"],
            id="the same weights for other programs stay behind",
        ),
        pytest.param(
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "extra.safetensors"],
            INDEX,
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
            id="with an index, the weights that it names",
        ),
        pytest.param(
            ["consolidated.safetensors", "params.json", "model.safetensors", "config.json", "tekken.json"],
            None,
            ["params.json", "model.safetensors", "config.json", "tekken.json"],
            id="Mistral's second copy of the weights stays behind",
        ),
        pytest.param(
            ["consolidated.safetensors", "params.json", "tekken.json"],
            None,
            ["consolidated.safetensors", "params.json", "tekken.json"],
            id="Mistral's own layout where there is no other",
        ),
        pytest.param(
            ["original/params.json", "original/consolidated.00.pth", "onnx/model.onnx", "onnx/config.json"],
            None,
            [],
            id="folders of other programs",
        ),
        pytest.param(
            [
                "1_Pooling/config.json",
                "2_Dense/model.safetensors",
                "2_Dense/config.json",
                "model.safetensors",
            ],
            None,
            [
                "1_Pooling/config.json",
                "2_Dense/model.safetensors",
                "2_Dense/config.json",
                "model.safetensors",
            ],
            id="layers behind an embedding model",
        ),
        pytest.param(
            [
                "vae/diffusion.safetensors",
                "chat_template.jinja",
                "merges.txt",
                "spiece.model",
                "qwen.tiktoken",
            ],
            None,
            ["chat_template.jinja", "merges.txt", "spiece.model", "qwen.tiktoken"],
            id="templates and vocabularies, but no weights of other folders",
        ),
    ],
)
def test_what_a_worker_needs(listed: list[str], index: dict[str, object] | None, wanted: list[str]) -> None:
    assert list(wanted_files(listed, index)) == wanted


def test_what_is_read_first_are_configurations_at_the_top_and_the_index() -> None:
    listed = [
        "config.json",
        "1_Pooling/config.json",
        "tokenizer_config.json",
        "tokenizer.json",
        "model.safetensors",
        "model.safetensors.index.json",
    ]
    assert first_files(listed) == ("config.json", "tokenizer_config.json", "model.safetensors.index.json")
