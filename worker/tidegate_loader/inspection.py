"""What a model's files say about its size: config.json, and the headers of its weights.

Owns how the shape is put together from a folder. Must not read tensors, and judges only whether the weights are whole.
"""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tidegate_api.fit.shape import Shape, read_shape, to_json
from tidegate_loader.failure import LoadFailed
from tidegate_worker import safetensors
from tidegate_worker.facts import ModelFacts
from tidegate_worker.model_files import read_model

# As config.json calls what safetensors calls so.
DTYPES: Final = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def inspect(path: Path) -> dict[str, Any]:
    """Return bytes and shape of a model in a folder. Raises LoadFailed where there is none."""
    model = read_model(path)
    if model.presence != "present":
        raise LoadFailed("ModelNotFound", f"there is no model in {path}: it is {model.presence}.")
    if model.config.problem:
        raise LoadFailed("InvalidModelConfig", f"{path}/config.json {model.config.problem}.")
    if not model.weights:
        raise LoadFailed("ModelNotFound", f"{path} holds no weights: no *.safetensors file.")
    return {"bytes": model.weight_bytes, **shape_of(model)}


def check_weights(path: Path, uri: str) -> ModelFacts:
    """Return what is known of a model that was just loaded. Raises LoadFailed where its weights are not whole."""
    model = read_model(path)
    broken = next((weight for weight in model.weights if weight.problem), None)
    if broken is not None:
        message = f"{broken.name} of {uri} is corrupt as the hub has it: {broken.problem}."
        raise LoadFailed("CorruptWeights", f"{message} Use another revision or copy of the model.")
    return model


def shape_of(model: ModelFacts) -> dict[str, Any]:
    """Return the shape as `{"shape": …}`, or nothing where config.json does not tell it."""
    if model.config.content is None:
        return {}
    path = Path(model.path)
    shape = read_shape(model.config.content, model.weight_bytes, stored_dtype(path, model))
    return {"shape": to_json(shape)} if isinstance(shape, Shape) else {}


def stored_dtype(path: Path, model: ModelFacts) -> str | None:
    """Return the type of most of the stored bytes, None where it is none that config.json could name."""
    held: Counter[str] = Counter()
    for weight in model.weights:
        for entry in header_of(path / weight.name).values():
            match entry:
                case {"dtype": str(dtype), "data_offsets": [int(begin), int(end)]}:
                    held[dtype] += end - begin
    most = held.most_common(1)
    return DTYPES.get(most[0][0]) if most else None


def header_of(file: Path) -> Mapping[str, Any]:
    """Return the header of a weight file; of one that is broken, nothing."""
    try:
        with file.open("rb") as content:
            prefix = content.read(safetensors.LENGTH_BYTES)
            if safetensors.length_problem(prefix, file.stat().st_size):
                return {}
            header = json.loads(content.read(safetensors.header_length(prefix)))
    except (OSError, ValueError, RecursionError):
        return {}
    return header if isinstance(header, dict) else {}
