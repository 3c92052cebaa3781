"""Model directories made by hand: a few bytes where the content does not matter, a real tiny model where it does.

Owns the test data of worker and engine. The bytes need nothing but the standard library.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LLAMA: Mapping[str, Any] = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}


def safetensors(header: object, data: bytes = b"") -> bytes:
    """Return a safetensors file with this header; bytes and strings go in as they are."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def tensor(
    begin: int = 0, end: int = 4, dtype: str = "BF16", shape: tuple[int, ...] = (2,)
) -> dict[str, Any]:
    """Return the header's entry of one tensor."""
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


GOOD = safetensors({"__metadata__": {"format": "pt"}, "a": tensor()}, b"1234")


def write_model(folder: Path, files: Mapping[str, object]) -> Path:
    """Write these files; bytes as they are, everything else as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return folder
