"""Reads a model directory into facts: names, small JSON files, the headers of the weights.

Owns every read of the model before vLLM starts, each of them bounded. Must not judge, and must not read tensors.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tidegate_worker import safetensors
from tidegate_worker.facts import Document, ModelFacts, Presence, WeightFile

MAX_FILES: Final = 10_000
# config.json is a few kilobytes; an index of a very large model reaches ten megabytes.
MAX_JSON_BYTES: Final = 64 * 1024 * 1024

CONFIG: Final = "config.json"
INDEX: Final = "model.safetensors.index.json"
SUFFIX: Final = ".safetensors"


def read_model(path: Path) -> ModelFacts:
    """Return what is known about the model in this directory."""
    presence, detail = presence_of(path)
    if presence != "present":
        return ModelFacts(str(path), presence, detail)
    files = tuple(sorted(walk(path)))
    index = read_json(path / INDEX)
    shards = indexed_shards(index) or loose_shards(files)
    weights = tuple(read_weight(path, name) for name in shards if (path / name).exists())
    return ModelFacts(
        path=str(path),
        presence="present",
        files=files,
        config=read_json(path / CONFIG),
        code_references=tuple(name for name in files if names_code(path, name)),
        index=index,
        missing_shards=tuple(name for name in shards if not (path / name).exists()),
        weights=weights,
    )


def presence_of(path: Path) -> tuple[Presence, str]:
    """Return whether the directory is there and can be listed."""
    try:
        with os.scandir(path):
            return "present", ""
    except FileNotFoundError:
        return "absent", nearest(path)
    except NotADirectoryError:
        return "not a directory", ""
    except OSError as error:
        return "unreadable", error.strerror or str(error)


def nearest(path: Path) -> str:
    """Return what is there instead: the closest existing folder above and what it holds."""
    folder = next((parent for parent in path.parents if parent.is_dir()), None)
    if folder is None:
        return ""
    try:
        names = sorted(entry.name for entry in folder.iterdir())[:20]
    except OSError:
        return ""
    return f"{folder} holds {', '.join(names)}" if names else f"{folder} is empty"


def walk(path: Path) -> Iterator[str]:
    """Yield the relative names of files, links to files included; folders that are links are not followed."""
    count = 0
    for folder, _, names in os.walk(path):
        for name in names:
            yield str((Path(folder) / name).relative_to(path))
            count += 1
            if count == MAX_FILES:
                return


def read_json(path: Path) -> Document:
    """Return the JSON object in a file, or what is wrong with it."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_JSON_BYTES + 1)
    except FileNotFoundError:
        return Document()
    except OSError as error:
        return Document(problem=f"cannot be read by user {os.getuid()}: {error.strerror}")
    if len(text) > MAX_JSON_BYTES:
        return Document(problem=f"is larger than {MAX_JSON_BYTES // 1024 // 1024} MiB")
    try:
        content = json.loads(text)
    except ValueError as error:
        return Document(problem=f"is not valid JSON: {error}")
    except RecursionError:
        return Document(problem="is nested too deeply")
    return Document(content) if isinstance(content, dict) else Document(problem="is not a JSON object")


def names_code(path: Path, name: str) -> bool:
    """Return whether this is a configuration of the model that names Python code to load."""
    if "/" in name or not name.endswith("config.json"):
        return False
    content = read_json(path / name).content
    return content is not None and bool(content.get("auto_map"))


def indexed_shards(index: Document) -> tuple[str, ...]:
    """Return the weight files that the index names; only plain names, so that none leads elsewhere."""
    weight_map = index.content.get("weight_map") if index.content else None
    if not isinstance(weight_map, dict):
        return ()
    return tuple(sorted({name for name in weight_map.values() if isinstance(name, str) and "/" not in name}))


def loose_shards(files: tuple[str, ...]) -> tuple[str, ...]:
    """Return the weight files of a model without an index, without a second copy in Mistral's own layout."""
    shards = tuple(name for name in files if name.endswith(SUFFIX) and "/" not in name)
    usual = tuple(name for name in shards if not name.startswith("consolidated"))
    return usual or shards


def read_weight(path: Path, name: str) -> WeightFile:
    """Return the size of a weight file and what its header gives away."""
    try:
        with (path / name).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            prefix = file.read(safetensors.LENGTH_BYTES)
            problem = safetensors.length_problem(prefix, size)
            if problem is None:
                header = file.read(safetensors.header_length(prefix))
                problem = safetensors.header_problem(header, size)
    except OSError as error:
        return WeightFile(name, 0, unreadable=error.strerror or str(error))
    return WeightFile(name, size, problem)
