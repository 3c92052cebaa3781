"""What would become of a model on what a worker gets: weights, room for a KV cache, and a verdict.

Owns the verdict, which says no only to what could never work. The arithmetic is in `tidegate_api.fit`. Must not word
anything.
"""

from dataclasses import dataclass
from typing import Final, Literal

from tidegate_api.fit.memory import Capacity, capacity, overhead_bytes, weight_bytes
from tidegate_api.fit.shape import Shape
from tidegate_operator.asked import Asked

# Files may hold what vLLM does not load, such as layers for speculation: 2 % in DeepSeek V3.
_LOADED_SHARE: Final = 0.95
# What a worker without an accelerator takes beside weights and cache, as its own check before the start has it.
ENGINE_BYTES: Final = 3 * 2**30 // 2

Verdict = Literal["fits", "tight", "weights", "cache", "unknown"]


@dataclass(frozen=True, slots=True)
class Prospect:
    """What would become of a model; `held` is what the KV cache would hold.

    The verdict is `weights` or `cache` where these can never fit, and `tight` where they should not.
    """

    weights: int
    held: Capacity | None
    # Bytes for the KV cache: at the very most, and as expected.
    most: int | None
    expected: int | None
    verdict: Verdict


def prospect_of(shape: Shape, asked: Asked) -> Prospect:
    """Return what would become of a model of this shape."""
    weights = weight_bytes(shape, asked.serving)
    most, expected = _room(shape, asked, weights)
    held = None if expected is None else capacity(shape, asked.serving, max(expected, 0))
    return Prospect(weights, held, most, expected, _verdict(asked, weights, held, most, expected))


def _room(shape: Shape, asked: Asked, weights: int) -> tuple[int | None, int | None]:
    """Return the bytes for the KV cache, at the very most and as expected."""
    if asked.kv_bytes is not None:
        return asked.kv_bytes, asked.kv_bytes
    if asked.serving.on_cpu or asked.memory is None:
        return None, None
    usable = int(asked.memory * asked.utilization)
    overhead = overhead_bytes(shape, asked.serving, asked.requests)
    return usable - int(weights * _LOADED_SHARE), usable - weights - overhead


def _verdict(
    asked: Asked, weights: int, held: Capacity | None, most: int | None, expected: int | None
) -> Verdict:
    if not asked.is_plain:
        return "unknown"
    # Without accelerators all processes share one memory.
    together = weights * (asked.ranks_per_pod if asked.serving.on_cpu else 1)
    if asked.memory is not None and together * _LOADED_SHARE > asked.memory:
        return "weights"
    if held is not None and most is not None and expected is not None and not asked.fits_length_itself:
        if held.needed_bytes > most:
            return "cache"
        if held.needed_bytes > expected:
            return "tight"
    if asked.serving.on_cpu and asked.memory is not None:
        needed = together + (asked.kv_bytes or 0) * asked.ranks_per_pod + ENGINE_BYTES
        return "tight" if needed > asked.memory else "fits"
    return "unknown" if expected is None else "fits"
