"""Whether a model fits into what its workers get, before one is started: the estimate, a refusal, a warning.

Owns the judgement, which refuses only what could never work, and the settings that it names instead. The arithmetic
is in `tidegate_api.fit`. Must not read files, Pods or the clock.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from tidegate_api.fit.memory import (
    Capacity,
    capacity,
    kv_bytes_per_token,
    longest,
    overhead_bytes,
    weight_bytes,
)
from tidegate_api.fit.parallel import refusal, tensor_sizes
from tidegate_api.fit.shape import Shape, from_json
from tidegate_operator.asked import Asked
from tidegate_operator.desired import Fitting
from tidegate_operator.errors import Withheld
from tidegate_operator.facts import Observed

_GIB: Final = 2**30
# Files may hold what vLLM does not load, such as layers for speculation: 2 % in DeepSeek V3.
_LOADED_SHARE: Final = 0.95
# What a worker without an accelerator takes beside weights and cache, as its own check before the start has it.
_ENGINE_BYTES: Final = 3 * _GIB // 2
_MOST_ACCELERATORS: Final = 64
_SUGGESTED_SIZES: Final = 16
_LENGTH_STEP: Final = 1024
_LEAST_LENGTH: Final = 512
_SHOWN: Final = 4

Verdict = Literal["fits", "tight", "weights", "cache", "unknown"]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What would become of a model; `held` is what the KV cache would hold."""

    weights: int
    held: Capacity | None
    # Bytes for the KV cache: at the very most, and as expected.
    most: int | None
    expected: int | None
    verdict: Verdict


def shape_of(observed: Observed, job: str | None) -> Shape | None:
    """Return the model's shape, from whoever has read its config.json: a loader, or this Job; None while nobody has."""
    status: Mapping[str, Any] = (observed.model or {}).get("status") or {}
    found = observed.inspections.get(job, {}).get("shape") if job is not None else status.get("shape")
    return from_json(found) if isinstance(found, Mapping) else None


def fit(shape: Shape, asked: Asked) -> Fitting:
    """Return what is known of the model's memory and of its parallelism."""
    outcome = _outcome(shape, asked)
    estimate = _estimate(shape, asked, outcome)
    said = refusal(shape, asked.serving.tensor, asked.serving.pipeline)
    if said is not None:
        message = f"the model cannot be spread over {_spread(asked)}: {said}. {_other_spread(shape, asked)}"
        return Fitting(estimate, refusal=Withheld("InvalidParallelism", message, estimate=estimate))
    if outcome.verdict in ("weights", "cache"):
        message = f"{_why_not(shape, asked, outcome)}. {_advice(shape, asked)}"
        return Fitting(estimate, refusal=Withheld("ModelDoesNotFit", message, estimate=estimate))
    if outcome.verdict == "tight":
        message = f"{_why_not(shape, asked, outcome)}. It is started all the same. {_advice(shape, asked)}"
        return Fitting({**estimate, "message": message[:1024]}, warning=message)
    return Fitting(estimate)


def crowded(asked: Asked) -> Withheld | None:
    """Return why a worker has too few GPUs for its processes, whatever the model; None where it has enough."""
    wanted = asked.ranks * asked.copies
    if asked.gpus == 0 or wanted <= asked.gpus:
        return None
    sizes = (
        f"{asked.serving.tensor} by tensor x {asked.serving.pipeline} by pipeline x {asked.copies} by data"
    )
    return Withheld(
        "InvalidParallelism",
        f"the engine is asked for {wanted} processes ({sizes}), each on a GPU of its own, and a worker has "
        f"{asked.gpus}: set spec.resourceProfile to {asked.profile}:{wanted}, or lower the parallel sizes in "
        "spec.engine.args",
    )


def _outcome(shape: Shape, asked: Asked) -> _Outcome:
    weights = weight_bytes(shape, asked.serving)
    most, expected = _room(shape, asked, weights)
    held = None if expected is None else capacity(shape, asked.serving, max(expected, 0))
    return _Outcome(weights, held, most, expected, _verdict(asked, weights, held, most, expected))


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
    together = weights * (asked.ranks if asked.serving.on_cpu else 1)
    if asked.memory is not None and together * _LOADED_SHARE > asked.memory:
        return "weights"
    if held is not None and most is not None and expected is not None and not asked.fits_length_itself:
        if held.needed_bytes > most:
            return "cache"
        if held.needed_bytes > expected:
            return "tight"
    if asked.serving.on_cpu and asked.memory is not None:
        needed = together + (asked.kv_bytes or 0) * asked.ranks + _ENGINE_BYTES
        return "tight" if needed > asked.memory else "fits"
    return "unknown" if expected is None else "fits"


def _estimate(shape: Shape, asked: Asked, outcome: _Outcome) -> dict[str, Any]:
    per_token = kv_bytes_per_token(shape, asked.serving)
    held = outcome.held if asked.is_plain else None
    memory = asked.kv_bytes if asked.serving.on_cpu else asked.memory
    found = {
        "weightsBytes": outcome.weights,
        "kvBytesPerToken": per_token,
        "kvCacheTokens": None if held is None else held.tokens,
        "maxConcurrency": None if held is None else f"{held.concurrency:.1f}",
        "acceleratorMemoryBytes": memory,
        "message": _summary(shape, asked, outcome, per_token),
    }
    return {name: value for name, value in found.items() if value is not None}


def _summary(shape: Shape, asked: Asked, outcome: _Outcome, per_token: int | None) -> str:
    each = "" if asked.ranks == 1 else f" on each of {asked.ranks}"
    words = f"The weights take {_size(outcome.weights)}{each}"
    if per_token is None:
        return (
            f"{words}. Nothing is reckoned of the KV cache: {shape.unknown or 'its type is not known here'}."
        )
    words += f", the KV cache {_size(per_token)} for each token"
    if not asked.is_plain:
        return f"{words}. How much room there is depends on flags that are not reckoned with here."
    if outcome.held is None:
        why = (
            "no memory limit"
            if asked.serving.on_cpu
            else "the resource profile does not say its accelerators' memory"
        )
        return f"{words}. Nothing is reckoned of what fits: {why}."
    held = outcome.held
    return (
        f"{words}: about {held.tokens} tokens fit, or {held.concurrency:.1f} requests of "
        f"{asked.serving.length(shape)} tokens."
    )


def _why_not(shape: Shape, asked: Asked, outcome: _Outcome) -> str:
    memory = _size(asked.memory or 0)
    if outcome.verdict == "weights":
        if asked.serving.on_cpu:
            return f"the weights take {_size(outcome.weights * asked.ranks)}, and a worker may use {memory}"
        return f"the weights take {_size(outcome.weights)} on each of {asked.ranks}, and an accelerator has {memory}"
    held = outcome.held
    if held is None or outcome.expected is None or held.needed_bytes <= outcome.expected:
        needed = (outcome.weights + (asked.kv_bytes or 0)) * asked.ranks + _ENGINE_BYTES
        return f"weights, KV cache and engine take about {_size(needed)}, and a worker may use {memory}"
    room = outcome.most if outcome.verdict == "cache" else outcome.expected
    return (
        f"one request of {asked.serving.length(shape)} tokens takes {_size(held.needed_bytes)} of KV cache, and there "
        f"{'is' if outcome.verdict == 'cache' else 'may be'} room for {_size(max(room or 0, 0))} beside the weights "
        f"({_size(outcome.weights)})"
    )


def _advice(shape: Shape, asked: Asked) -> str:
    found = [words for words, changed in _changes(shape, asked) if _outcome(shape, changed).verdict == "fits"]
    if not found:
        return (
            "No setting that is known here makes it fit: use a smaller model, or one that is stored quantized"
        )
    return f"Set {', or '.join(found[:_SHOWN])}"


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
    if shape.quantization is None and serving.quantization is None:
        method = "int8_per_channel_weight_only" if serving.on_cpu else "fp8"
        yield (
            f"spec.engine.quantization to {method}",
            replace(asked, serving=replace(serving, quantization=method)),
        )


def _shorter(shape: Shape, asked: Asked) -> int | None:
    expected = _outcome(shape, asked).expected
    length = longest(shape, asked.serving, max(expected or 0, 0))
    length -= length % (_LENGTH_STEP if length >= _LENGTH_STEP else 1)
    return length if _LEAST_LENGTH <= length < asked.serving.length(shape) else None


def _more_memory(shape: Shape, asked: Asked) -> Iterator[tuple[str, Asked]]:
    """Yield a larger cache and a larger limit, in whole GiB."""
    held = _outcome(shape, asked).held
    cache = asked.kv_bytes
    if held is not None and cache is not None and held.needed_bytes > cache:
        cache = -(-held.needed_bytes // _GIB) * _GIB
        yield (
            f"VLLM_CPU_KVCACHE_SPACE to {cache // _GIB} in spec.engine.env",
            replace(asked, kv_bytes=cache),
        )
    if asked.memory is not None:
        needed = (weight_bytes(shape, asked.serving) + (cache or 0)) * asked.ranks + _ENGINE_BYTES
        memory = (-(-needed // _GIB) + 1) * _GIB
        words = f"spec.resources.limits.memory to {memory // _GIB}Gi"
        yield words, replace(asked, memory=memory)


def _more_accelerators(shape: Shape, asked: Asked) -> Iterator[tuple[str, Asked]]:
    """Yield more of the same accelerators, the fewest that do, then others that have more memory."""
    for count in tensor_sizes(shape, _MOST_ACCELERATORS):
        more = replace(asked, serving=replace(asked.serving, tensor=count))
        if count > asked.serving.tensor and _outcome(shape, more).verdict == "fits":
            yield f"spec.resourceProfile to {asked.profile}:{count * asked.serving.pipeline}", more
            break
    for name, memory in asked.larger_profiles:
        yield f"spec.resourceProfile to {name}:{asked.count}", replace(asked, memory=memory)


def _spread(asked: Asked) -> str:
    tensor, pipeline = asked.serving.tensor, asked.serving.pipeline
    return f"{tensor} by tensor" + (f" and {pipeline} by pipeline" if pipeline > 1 else "")


def _other_spread(shape: Shape, asked: Asked) -> str:
    if refusal(shape, asked.serving.tensor) is None:
        return f"Set --pipeline-parallel-size to {shape.layers} or less"
    sizes = ", ".join(str(size) for size in tensor_sizes(shape, _SUGGESTED_SIZES))
    return (
        f"Tensor parallel sizes that work are {sizes}: use one of them as the count of spec.resourceProfile, or in "
        "--tensor-parallel-size"
    )


def _size(count: int) -> str:
    """Return a size as people write it."""
    if count >= _GIB // 10:
        return f"{count / _GIB:.1f} GiB"
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count / 1024:.1f} KiB"
