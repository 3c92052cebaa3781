"""What would become of a model on what a worker gets: weights, room for a KV cache, and a verdict.

Owns the verdict, which says no only to what could never work. The arithmetic is in `tidegate_api.fit`. Must not word
anything.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

from tidegate_api.fit.memory import (
    Capacity,
    Serving,
    capacity,
    kv_bytes_per_token,
    overhead_bytes,
    weight_bytes,
)
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
    weights = weight_bytes(shape, asked.serving) + _draft_weights(asked)
    most, expected = _room(shape, asked, weights)
    held = None if expected is None else _held(shape, asked, max(expected, 0))
    return Prospect(weights, held, most, expected, _verdict(asked, weights, held, most, expected))


def per_token(shape: Shape, asked: Asked) -> int | None:
    """Return the bytes of the KV cache for each token, those of a draft too; None where that is not known."""
    own = kv_bytes_per_token(shape, asked.serving)
    if own is None or asked.draft is None:
        return own
    guessed = kv_bytes_per_token(asked.draft, _of_draft(asked))
    return None if guessed is None else own + guessed


def _held(shape: Shape, asked: Asked, room: int) -> Capacity | None:
    """Return what so many bytes hold: a draft keeps its own keys and values of the same tokens."""
    own, together = kv_bytes_per_token(shape, asked.serving), per_token(shape, asked)
    if not own or not together:
        return None
    found = capacity(shape, asked.serving, room * own // together)
    return None if found is None else replace(found, needed_bytes=-(-found.needed_bytes * together // own))


def _draft_weights(asked: Asked) -> int:
    return 0 if asked.draft is None else weight_bytes(asked.draft, _of_draft(asked))


def _of_draft(asked: Asked) -> Serving:
    """Return how vLLM serves a draft: spread as the model is, and as it is stored."""
    return replace(asked.serving, quantization=None, pipeline=1)


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
    if not asked.is_reckoned:
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
