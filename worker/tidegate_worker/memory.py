"""Whether model, key-value cache and engine fit into the container's memory, on machines without a GPU.

Owns the estimate, which is a lower bound: it refuses only what could never work. Must not read files.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tidegate_worker.facts import EngineFacts

GIB: Final = 1024**3
# Private memory of API server and engine without model and cache: vLLM 0.32.0 takes 1.6 GiB with a model of nothing,
# 2.0 GiB with one that has a vocabulary.
ENGINE_BYTES: Final = 3 * GIB // 2
ROOM: Final = GIB // 2

KV_SPACE: Final = "VLLM_CPU_KVCACHE_SPACE"


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes that the worker takes at least."""

    weights: int
    cache: int
    engine: int = ENGINE_BYTES

    @property
    def total(self) -> int:
        return self.weights + self.cache + self.engine

    @property
    def comfortable_gib(self) -> int:
        """Return a limit in whole GiB that leaves room for what requests take."""
        return -(-(self.total + ROOM) * 11 // (10 * GIB))


def need(weight_bytes: int, engine: EngineFacts) -> Need:
    """Return what this model takes at least with these settings."""
    return Need(smallest(weight_bytes, engine), cache_bytes(engine.env))


def smallest(weight_bytes: int, engine: EngineFacts) -> int:
    """Return the weights' size in memory, or none of it where the engine makes them smaller while loading."""
    return 0 if engine.value_of("--quantization") else weight_bytes


def cache_bytes(env: Mapping[str, str]) -> int:
    """Return the space set aside for the key-value cache; unset, vLLM takes what is left."""
    space = env.get(KV_SPACE, "")
    return int(space) * GIB if space.isdigit() else 0


def gib(size: int) -> str:
    """Return a size as people write it."""
    return f"{size / GIB:.1f} GiB"
