"""Whether a model fits into what its workers get, before one is started: the estimate, a refusal, a warning.

Owns the words about it. Must not judge, read files or Pods, or know the clock.
"""

from collections.abc import Mapping
from typing import Any, Final

from tidegate_api.fit.parallel import refusal
from tidegate_api.fit.shape import Shape, from_json
from tidegate_operator.advice import advice, other_spread
from tidegate_operator.asked import Asked
from tidegate_operator.desired import Fitting
from tidegate_operator.errors import Withheld
from tidegate_operator.facts import Observed
from tidegate_operator.prospect import ENGINE_BYTES, Prospect, per_token, prospect_of

_GIB: Final = 2**30


def shape_of(observed: Observed, job: str | None) -> Shape | None:
    """Return the model's shape, from whoever has read its config.json: a loader, or this Job; None while nobody has."""
    status: Mapping[str, Any] = (observed.model or {}).get("status") or {}
    found = observed.inspections.get(job, {}).get("shape") if job is not None else status.get("shape")
    return from_json(found) if isinstance(found, Mapping) else None


def fit(shape: Shape, asked: Asked) -> Fitting:
    """Return what is known of the model's memory and of its parallelism."""
    prospect = prospect_of(shape, asked)
    estimate = _estimate(shape, asked, prospect)
    said = refusal(shape, asked.serving.tensor, asked.serving.pipeline)
    if said is not None:
        message = f"the model cannot be spread over {_spread(asked)}: {said}. {other_spread(shape, asked)}"
        return Fitting(estimate, refusal=Withheld("InvalidParallelism", message, estimate=estimate))
    if prospect.verdict in ("weights", "cache"):
        message = f"{_why_not(shape, asked, prospect)}. {advice(shape, asked)}"
        return Fitting(estimate, refusal=Withheld("ModelDoesNotFit", message, estimate=estimate))
    if prospect.verdict == "tight":
        message = f"{_why_not(shape, asked, prospect)}. It is started all the same. {advice(shape, asked)}"
        return Fitting({**estimate, "message": message[:1024]}, warning=message)
    return Fitting(estimate)


def crowded(asked: Asked) -> Withheld | None:
    """Return why a worker has too few GPUs for its processes, whatever the model; None where it has enough."""
    wanted = asked.ranks * asked.copies
    if asked.gpus == 0 or wanted <= asked.gpus * asked.nodes:
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


def _estimate(shape: Shape, asked: Asked, prospect: Prospect) -> dict[str, Any]:
    each = per_token(shape, asked)
    held = prospect.held if asked.is_reckoned else None
    memory = asked.kv_bytes if asked.serving.on_cpu else asked.memory
    found = {
        "weightsBytes": prospect.weights,
        "kvBytesPerToken": each,
        "kvCacheTokens": None if held is None else held.tokens,
        "maxConcurrency": None if held is None else f"{held.concurrency:.1f}",
        "acceleratorMemoryBytes": memory,
        "message": _summary(shape, asked, prospect, each),
    }
    return {name: value for name, value in found.items() if value is not None}


def _summary(shape: Shape, asked: Asked, prospect: Prospect, each_token: int | None) -> str:
    each = "" if asked.ranks == 1 else f" on each of {asked.ranks}"
    words = f"The weights take {_size(prospect.weights)}{each}"
    if each_token is None:
        return (
            f"{words}. Nothing is reckoned of the KV cache: {shape.unknown or 'its type is not known here'}."
        )
    words += f", the KV cache {_size(each_token)} for each token"
    if not asked.is_reckoned:
        return f"{words}. How much room there is depends on flags that are not reckoned with here."
    if prospect.held is None:
        why = (
            "no memory limit"
            if asked.serving.on_cpu
            else "the resource profile does not say its accelerators' memory"
        )
        return f"{words}. Nothing is reckoned of what fits: {why}."
    held = prospect.held
    return (
        f"{words}: about {held.tokens} tokens fit, or {held.concurrency:.1f} requests of "
        f"{asked.serving.length(shape)} tokens."
    )


def _why_not(shape: Shape, asked: Asked, prospect: Prospect) -> str:
    memory = _size(asked.memory or 0)
    if prospect.verdict == "weights":
        if asked.serving.on_cpu:
            return f"the weights take {_size(prospect.weights * asked.ranks_per_pod)}, and a worker may use {memory}"
        return f"the weights take {_size(prospect.weights)} on each of {asked.ranks}, and an accelerator has {memory}"
    held = prospect.held
    if held is None or prospect.expected is None or held.needed_bytes <= prospect.expected:
        needed = (prospect.weights + (asked.kv_bytes or 0)) * asked.ranks_per_pod + ENGINE_BYTES
        return f"weights, KV cache and engine take about {_size(needed)}, and a worker may use {memory}"
    room = prospect.most if prospect.verdict == "cache" else prospect.expected
    return (
        f"one request of {asked.serving.length(shape)} tokens takes {_size(held.needed_bytes)} of KV cache, and there "
        f"{'is' if prospect.verdict == 'cache' else 'may be'} room for {_size(max(room or 0, 0))} beside the weights "
        f"({_size(prospect.weights)})"
    )


def _spread(asked: Asked) -> str:
    tensor, pipeline = asked.serving.tensor, asked.serving.pipeline
    return f"{tensor} by tensor" + (f" and {pipeline} by pipeline" if pipeline > 1 else "")


def _size(count: int) -> str:
    """Return a size as people write it."""
    if count >= _GIB // 10:
        return f"{count / _GIB:.1f} GiB"
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count / 1024:.1f} KiB"
