"""What is refused before any weights are fetched, and in which words."""

from typing import Any

import pytest

from tidegate_loader.listing import Listing, RemoteFile
from tidegate_loader.refusals import refuse_documents, refuse_listing

PAGE = "https://hub.example/Org/Name"


def listing(*names: str) -> Listing:
    return Listing("0" * 40, tuple(RemoteFile(name, 1, "sha256", "0" * 64) for name in names))


@pytest.mark.parametrize(
    ("names", "reason", "words"),
    [
        (["config.json", "model.safetensors"], None, ""),
        (["params.json", "consolidated.safetensors"], None, ""),
        (["config.json", "model.safetensors", "pytorch_model.bin"], None, ""),
        (
            ["config.json", "model.safetensors", "modeling_x.py"],
            "UnsafeFormat",
            "Python files (modeling_x.py)",
        ),
        (["config.json", "model.safetensors", "a/b/c.py"], "UnsafeFormat", "a/b/c.py"),
        (
            ["config.json", "pytorch_model.bin", "x.pth"],
            "UnsafeFormat",
            "only as pickles (pytorch_model.bin, x.pth)",
        ),
        (["config.json", "model.gguf"], "UnsafeFormat", "only as model.gguf"),
        (["config.json", "onnx/model.onnx"], "UnsafeFormat", "only as onnx/model.onnx"),
        (["config.json", "README.md"], "ModelNotFound", "no *.safetensors file, only config.json, README.md"),
        ([], "ModelNotFound", "only nothing"),
        (["adapter_config.json", "adapter_model.safetensors"], "InvalidModelConfig", "a LoRA adapter"),
        (["model_index.json", "unet.safetensors"], "InvalidModelConfig", "a pipeline of several models"),
        (["model.safetensors"], "InvalidModelConfig", "no language model"),
        (["../x", "config.json", "model.safetensors"], "UnsafeFormat", "'../x' leads elsewhere"),
        (["config.json", "model.safetensors", "model.safetensors/x"], "UnsafeFormat", "a file and a folder"),
    ],
)
def test_a_repository_by_its_names(names: list[str], reason: str | None, words: str) -> None:
    refused = refuse_listing(listing(*names), PAGE)
    assert (refused.reason if refused else None) == reason
    if refused:
        assert words in refused.message
        assert PAGE in refused.message


INDEX = "model.safetensors.index.json"


@pytest.mark.parametrize(
    ("documents", "reason", "words"),
    [
        ({"config.json": {"model_type": "llama"}}, None, ""),
        ({"config.json": {"auto_map": {}}}, None, ""),
        ({"config.json": {"auto_map": {"AutoModel": "x.Y"}}}, "UnsafeFormat", "config.json of"),
        (
            {"tokenizer_config.json": {"auto_map": {"A": "x--y.Z"}}},
            "UnsafeFormat",
            "tokenizer_config.json of",
        ),
        ({"config.json": None}, "InvalidModelConfig", "no JSON object"),
        ({INDEX: {"weight_map": {"a": "model.safetensors"}}}, None, ""),
        ({INDEX: {"weight_map": {"a": "gone.safetensors"}}}, "CorruptWeights", "lacks gone.safetensors"),
        ({INDEX: {"weight_map": {"a": "../../x"}}}, "CorruptWeights", "lacks ../../x"),
        ({INDEX: {"weight_map": "text"}}, None, ""),
    ],
)
def test_a_repository_by_its_documents(documents: dict[str, Any], reason: str | None, words: str) -> None:
    refused = refuse_documents(listing("config.json", "model.safetensors"), documents, PAGE)
    assert (refused.reason if refused else None) == reason
    if refused:
        assert words in refused.message
        assert PAGE in refused.message
