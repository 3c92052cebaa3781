"""A LoRA adapter comes whole and alone: nothing of a model around it, nothing that can run, and never as a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.loader.loading import CONFIG, SMALL, Place, hashes, publish
from tidegate_loader.cache import Cache

PEFT = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"]}
ADAPTER = {"adapter_config.json": PEFT, "adapter_model.safetensors": SMALL}
# What trainers leave beside an adapter.
AROUND = {"README.md": b"about", "tokenizer.json": {"a": 1}, "optimizer.pt": b"pickle", "LICENSE": b"MIT"}
MODEL = {"config.json": CONFIG, "model.safetensors": SMALL}


@pytest.mark.parametrize("scheme", ["hf", "ms"])
def test_an_adapter_comes_with_its_licence_and_nothing_else(place: Place, shelf: Path, scheme: str) -> None:
    publish(shelf, "Org/Lora", {**ADAPTER, **AROUND})
    ended = place.load(f"{scheme}://Org/Lora", "--adapter")
    assert ended.code == 0, ended.log
    assert "shape" not in ended.said
    there = {
        name: digest for name, digest in hashes(shelf / "Org/Lora").items() if name in (*ADAPTER, "LICENSE")
    }
    assert place.content(ended.said["path"]) == there
    assert (Cache(place.cache).marker(ended.said["path"]) or {})["type"] == "Adapter"


def test_the_weights_of_a_model_beside_it_stay_behind(place: Place, shelf: Path) -> None:
    publish(shelf, "Org/Both", {**ADAPTER, **MODEL})
    ended = place.load("hf://Org/Both", "--adapter")
    assert sorted(place.content(ended.said["path"])) == sorted(ADAPTER)


REFUSED = [
    pytest.param(MODEL, "InvalidModelConfig", "no LoRA adapter", id="a model"),
    pytest.param(
        {"adapter_config.json": PEFT, "adapter_model.bin": b"pickle"},
        "UnsafeFormat",
        "a pickle",
        id="a pickle",
    ),
    pytest.param({"adapter_config.json": PEFT}, "ModelNotFound", "adapter_model", id="no weights"),
    pytest.param({**ADAPTER, "run.py": b"x"}, "UnsafeFormat", "run.py", id="code"),
    pytest.param(
        {**ADAPTER, "adapter_config.json": {**PEFT, "auto_map": {"A": "x.Y"}}},
        "UnsafeFormat",
        "auto_map",
        id="a configuration that names code",
    ),
    pytest.param(
        {**ADAPTER, "adapter_config.json": {"peft_type": "IA3"}},
        "InvalidModelConfig",
        "IA3",
        id="another kind",
    ),
    pytest.param(
        {**ADAPTER, "adapter_model.safetensors": SMALL[:-10]}, "CorruptWeights", "corrupt", id="cut weights"
    ),
]


@pytest.mark.parametrize(("files", "reason", "words"), REFUSED)
def test_what_is_no_adapter_that_could_be_loaded(
    place: Place, shelf: Path, files: dict[str, object], reason: str, words: str
) -> None:
    publish(shelf, "Org/Lora", files)
    ended = place.load("hf://Org/Lora", "--adapter")
    assert (ended.reason, ended.code) == (reason, 78)
    assert words in ended.said["message"]


def test_what_is_there_as_an_adapter_is_not_taken_for_a_model_and_stays(place: Place, shelf: Path) -> None:
    publish(shelf, "Org/Both", {**ADAPTER, **MODEL})
    path = place.load("hf://Org/Both", "--adapter").said["path"]
    as_model = place.load("hf://Org/Both")
    assert as_model.reason == "InvalidModelConfig"
    assert "in the cache as an adapter, and wanted as a model" in as_model.said["message"]
    assert sorted(place.content(path)) == sorted(ADAPTER)
    again = place.load("hf://Org/Both", "--adapter")
    assert (again.code, again.said["path"]) == (0, path)


def test_an_adapter_named_as_a_model_is_told_where_adapters_go(place: Place, shelf: Path) -> None:
    publish(shelf, "Org/Lora", ADAPTER)
    ended = place.load("hf://Org/Lora")
    assert ended.reason == "InvalidModelConfig"
    assert "the adapter in model.lora" in ended.said["message"]
