"""What could be set instead, so that a model fits or can be spread: only settings that were reckoned with.

Owns the choice and how users write it. Must not judge: `prospect.py` does.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from tidegate_api.fit.memory import EXPERTS_INT8, longest, weight_bytes
from tidegate_api.fit.parallel import refusal, tensor_sizes
from tidegate_api.fit.shape import Shape
from tidegate_operator.asked import Asked
from tidegate_operator.prospect import ENGINE_BYTES, prospect_of

_GIB: Final = 2**30
_MOST_ACCELERATORS: Final = 64
_SUGGESTED_SIZES: Final = 16
_LENGTH_STEP: Final = 1024
_LEAST_LENGTH: Final = 512
_SHOWN: Final = 4


def advice(shape: Shape, asked: Asked) -> str:
    """Return what to set, in a sentence."""
    found = [
        words for words, changed in _changes(shape, asked) if prospect_of(shape, changed).verdict == "fits"
    ]
    if not found:
        return (
            "No setting that is known here makes it fit: use a smaller model, or one that is stored quantized"
        )
    return f"Set {', or '.join(found[:_SHOWN])}"


def other_spread(shape: Shape, asked: Asked) -> str:
    """Return how else the model can be spread, in a sentence."""
    if refusal(shape, asked.serving.tensor) is None:
        return f"Set --pipeline-parallel-size to {shape.layers} or less"
    sizes = ", ".join(str(size) for size in tensor_sizes(shape, _SUGGESTED_SIZES))
    return (
        f"Tensor parallel sizes that work are {sizes}: use one of them as the count of spec.resourceProfile, or in "
        "--tensor-parallel-size"
    )


def _changes(shape: Shape, asked: Asked) -> Iterator[tuple[str, Asked]]:
    """Yield what could be set instead, as users write it, the least change first."""
    serving = asked.serving
    length = _shorter(shape, asked)
    if length is not None:
        shorter = replace(asked, serving=replace(serving, max_model_len=length))
        yield f"spec.engine.maxModelLen to {length} or less", shorter
    if serving.kv_cache_dtype == "auto":
        yield (
            "spec.engine.kvCacheDtype to fp8",
            replace(asked, serving=replace(serving, kv_cache_dtype="fp8")),
        )
    if serving.on_cpu:
        yield from _more_memory(shape, asked)
    else:
        yield from _more_accelerators(shape, asked)
    # On a CPU only experts can be made smaller at load; there a dense model has to be stored small.
    method = (EXPERTS_INT8 if shape.experts else None) if serving.on_cpu else "fp8"
    if method is not None and shape.quantization is None and serving.quantization is None:
        yield (
            f"spec.engine.quantization to {method}",
            replace(asked, serving=replace(serving, quantization=method)),
        )


def _shorter(shape: Shape, asked: Asked) -> int | None:
    expected = prospect_of(shape, asked).expected
    length = longest(shape, asked.serving, max(expected or 0, 0))
    length -= length % (_LENGTH_STEP if length >= _LENGTH_STEP else 1)
    return length if _LEAST_LENGTH <= length < asked.serving.length(shape) else None


def _more_memory(shape: Shape, asked: Asked) -> Iterator[tuple[str, Asked]]:
    """Yield a larger cache and a larger limit, in whole GiB."""
    held = prospect_of(shape, asked).held
    cache = asked.kv_bytes
    if held is not None and cache is not None and held.needed_bytes > cache:
        cache = -(-held.needed_bytes // _GIB) * _GIB
        yield (
            f"VLLM_CPU_KVCACHE_SPACE to {cache // _GIB} in spec.engine.env",
            replace(asked, kv_bytes=cache),
        )
    if asked.memory is not None:
        needed = (weight_bytes(shape, asked.serving) + (cache or 0)) * asked.ranks + ENGINE_BYTES
        memory = (-(-needed // _GIB) + 1) * _GIB
        words = f"spec.resources.limits.memory to {memory // _GIB}Gi"
        yield words, replace(asked, memory=memory)


def _more_accelerators(shape: Shape, asked: Asked) -> Iterator[tuple[str, Asked]]:
    """Yield more of the same accelerators, the fewest that do, then others that have more memory."""
    for count in tensor_sizes(shape, _MOST_ACCELERATORS):
        more = replace(asked, serving=replace(asked.serving, tensor=count))
        if count > asked.serving.tensor and prospect_of(shape, more).verdict == "fits":
            yield f"spec.resourceProfile to {asked.profile}:{count * asked.serving.pipeline}", more
            break
    for name, memory in asked.larger_profiles:
        yield f"spec.resourceProfile to {name}:{asked.count}", replace(asked, memory=memory)
