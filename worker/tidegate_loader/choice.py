"""Which files of a repository a worker needs, of a model or of a LoRA adapter, and which of them are read first.

Owns the lists of endings. Pure: names in, names out.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

Kind = Literal["Model", "Adapter"]

CONFIG: Final = "config.json"
INDEX: Final = "model.safetensors.index.json"
WEIGHTS: Final = ".safetensors"
# Mistral's own layout: params.json and consolidated weights, often beside the usual ones.
MISTRAL_CONFIG: Final = "params.json"
MISTRAL_WEIGHTS: Final = "consolidated"

# A LoRA adapter, as PEFT saves one.
ADAPTER_CONFIG: Final = "adapter_config.json"
ADAPTER_WEIGHTS: Final = "adapter_model.safetensors"

# Tokenizers, templates, configurations, vocabularies.
TEXTS: Final = (".json", ".jinja", ".txt", ".model", ".tiktoken")
# What a licence asks to be passed on with the weights.
LEGAL: Final = ("LICENSE", "LICENCE", "NOTICE", "USE_POLICY")
# The same weights once more, for other programs.
OTHER_PROGRAMS: Final = ("original/", "onnx/", "openvino/", "coreml/", "gguf/", "metal/", "mlx/", "assets/")
OTHER_WEIGHTS: Final = ("pytorch_model", "tf_model", "flax_model", "rust_model", "consolidated")
# Layers behind the model, as sentence-transformers numbers their folders.
LAYER_FOLDER: Final = re.compile(r"[0-9]+_[A-Za-z]+/[^/]+")


def first_files(names: Sequence[str], kind: Kind = "Model") -> tuple[str, ...]:
    """Return the files that say what the others are: small, and read before any weights are fetched."""
    if kind == "Adapter":
        return tuple(name for name in names if name == ADAPTER_CONFIG)
    return tuple(
        name for name in names if "/" not in name and (name.endswith("config.json") or name == INDEX)
    )


def wanted_files(
    names: Sequence[str], index: Mapping[str, Any] | None, kind: Kind = "Model"
) -> tuple[str, ...]:
    """Return what a worker needs of a repository, given its index of weights where it has one."""
    if kind == "Adapter":
        return tuple(name for name in names if name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS) or is_legal(name))
    shards = set(weight_files(names, index))
    return tuple(name for name in names if name in shards or is_text(name))


def weight_files(names: Sequence[str], index: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the weights: those of the index, else those at the top, without a second copy in Mistral's layout."""
    layers = tuple(name for name in names if name.endswith(WEIGHTS) and LAYER_FOLDER.fullmatch(name))
    top = tuple(name for name in names if name.endswith(WEIGHTS) and "/" not in name)
    if indexed := indexed_shards(index):
        return (*(name for name in top if name in indexed), *layers)
    usual = tuple(name for name in top if not name.startswith(MISTRAL_WEIGHTS))
    return (*(usual or top), *layers)


def indexed_shards(index: Mapping[str, Any] | None) -> frozenset[str]:
    """Return the files that an index of weights names."""
    weight_map = index.get("weight_map") if index else None
    if not isinstance(weight_map, dict):
        return frozenset()
    return frozenset(name for name in weight_map.values() if isinstance(name, str))


def is_text(name: str) -> bool:
    """Return whether a worker reads this file beside the weights, or its licence asks for it."""
    if name.startswith((".", *OTHER_PROGRAMS)):
        return False
    return is_legal(name) or (name.endswith(TEXTS) and not name.startswith(OTHER_WEIGHTS))


def is_legal(name: str) -> bool:
    """Return whether a licence asks for this file to be passed on."""
    return "/" not in name and name.startswith(LEGAL)
