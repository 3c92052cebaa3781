"""The table of what gateways are asked, and how often.

A round asks every arm twice. What a fast gateway answers in a fifth of a second takes a slow one many: it is
asked less, and costs are per request.
"""

from dataclasses import replace
from typing import Final

from tidegate_bench.client import Load

SEED: Final = 20261121
ROUNDS: Final = 7
INTERVAL_MS: Final = 5.0
CHUNKS: Final = 100
LARGE_BYTES: Final = 220_000

LOADS: Final = {
    "json": Load(stream=False, requests=2000, connections=16),
    "sse": Load(stream=True, requests=64, connections=64, chunks=CHUNKS),
    "large": Load(stream=False, requests=240, connections=8, prompt_bytes=LARGE_BYTES),
}
SLOW: Final = {
    "json": replace(LOADS["json"], requests=24, connections=4),
    "sse": replace(LOADS["sse"], requests=3, connections=3),
    "large": replace(LOADS["large"], requests=8, connections=2),
}
UNITS: Final = {"json": "request", "sse": "chunk", "large": "request of 220 KB"}
# The second half of a round, and whatever runs beside it, must not make the whole one wait for a slow arm.
SLICE_ROUNDS: Final = 3


def load_for(name: str, slow: bool) -> Load:
    """Return the load of this name for a fast or a slow arm."""
    return SLOW[name] if slow else LOADS[name]
