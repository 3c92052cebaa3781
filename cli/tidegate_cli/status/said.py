"""What an engine says in its own log of how it runs: device, data type, quantization. Pure.

Owns reading vLLM's line of it. What the line does not have is None; another engine has no such line.
"""

import re
from dataclasses import dataclass
from typing import Final

# vLLM 0.32, v1/engine/core.py: one line with the whole of its configuration, before the weights are read.
_LINE: Final = re.compile(r"Initializing a V\d LLM engine \(v\S+\) with config: (.*)")
_FIELD: Final = re.compile(r"(?<!\w)(device_config|dtype|quantization)=([\w.:-]+)")


@dataclass(frozen=True, slots=True)
class Said:
    """How an engine runs, by its own words; None is what it did not say."""

    device: str | None = None
    dtype: str | None = None
    quantization: str | None = None


def said(log: str) -> Said:
    """Return what the beginning of an engine's log says; of several starts the last counts."""
    lines = _LINE.findall(log)
    fields = dict(_FIELD.findall(lines[-1])) if lines else {}
    dtype = fields.get("dtype")
    quantization = fields.get("quantization")
    return Said(
        fields.get("device_config"),
        dtype.removeprefix("torch.") if dtype else None,
        "none" if quantization == "None" else quantization,
    )
