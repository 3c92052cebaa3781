"""What the fields about speculation, offloading and compiled code come to: flags with reasons, volumes, memory.

Owns the refusals of what cannot work. Sources are vLLM 0.32's `config/speculative.py`, `config/cache.py` and
`v1/kv_offload`. Must not know presets.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tidegate_api.fit.shape import Shape
from tidegate_api.serving import Engine
from tidegate_api.settings import Settings
from tidegate_api.tuning import Speculative
from tidegate_operator import drafts, quantities
from tidegate_operator.asked import Asked
from tidegate_operator.desired import SideVolume
from tidegate_operator.errors import Stalled, Withheld
from tidegate_operator.facts import Observed
from tidegate_operator.presets import Choice

_GIB: Final = 2**30
# vLLM fills the rest of a schedule with its last entry, and cuts off what is above its own limit of requests.
_MOST_REQUESTS: Final = 65536
_GUESSED: Final = {"mtp": 1}
_GUESSED_BY_OTHERS: Final = 4
CACHE_MOUNT: Final = "/compiled"


@dataclass(frozen=True, slots=True)
class Extras:
    """What the fields come to beside plain flags.

    `memory` are the bytes by which a worker's memory grows, all of it shared memory. `missing` is why the workers
    cannot be made yet.
    """

    choices: tuple[Choice, ...] = ()
    volumes: tuple[SideVolume, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    memory: int = 0
    draft: Shape | None = None
    missing: Withheld | None = None


def extras(observed: Observed, engine: Engine, asked: Asked, settings: Settings) -> Extras:
    """Return what the fields come to; raises Stalled for what cannot work on these workers."""
    choices, volumes, memory = list[Choice](), list[SideVolume](), 0
    draft = None
    if engine.speculative is not None:
        if engine.speculative.model is not None:
            draft = drafts.place(observed, engine.speculative.model, settings)
            volumes.append(draft.volume)
        choices.append(_speculation(engine.speculative, draft, asked))
    if engine.kv_cache_offloading is not None:
        memory = int(quantities.parse(engine.kv_cache_offloading.cpu))
        choices.append(_offloading(memory, asked))
    env = {}
    if engine.compile_cache is not None:
        _refuse_eager(asked)
        claim = {"persistentVolumeClaim": {"claimName": engine.compile_cache.claim_name}}
        volumes.append(SideVolume("compiled", claim, CACHE_MOUNT, is_read_only=False))
        env = _kept(observed.key.name)
    return Extras(
        choices=tuple(choices),
        volumes=tuple(volumes),
        env=env,
        memory=memory,
        draft=draft.shape if draft is not None else None,
        missing=draft.missing if draft is not None else None,
    )


def grown(amounts: Mapping[str, str], extra: int) -> Mapping[str, str]:
    """Return requests or limits with so many bytes more of memory, where they name memory at all."""
    if extra == 0 or "memory" not in amounts:
        return amounts
    return {**amounts, "memory": str(int(quantities.parse(amounts["memory"])) + extra)}


def _speculation(asked_for: Speculative, draft: drafts.Draft | None, asked: Asked) -> Choice:
    method, most = asked_for.method, asked_for.max_running
    count = asked_for.num_speculative_tokens or _GUESSED.get(method, _GUESSED_BY_OTHERS)
    config: dict[str, Any] = {
        "method": method,
        "model": draft.path if draft is not None else None,
        "num_speculative_tokens": count,
        "prompt_lookup_max": asked_for.prompt_lookup_max,
        "prompt_lookup_min": asked_for.prompt_lookup_min,
        "num_speculative_tokens_per_batch_size": [[1, most, count], [most + 1, _MOST_REQUESTS, 0]],
    }
    told = {name: value for name, value in config.items() if value is not None}
    when = f"while a worker runs at most {most} requests; above that nothing is guessed"
    if asked.copies > 1:
        # vLLM drops the schedule: copies that guess different numbers would wait for each other for ever.
        told.pop("num_speculative_tokens_per_batch_size")
        when = "at any load: with data parallelism vLLM 0.32 cannot do otherwise"
    alone = " vLLM then plans each step after the last one." if method == "ngram" else ""
    return Choice(
        "--speculative-config",
        json.dumps(told, separators=(",", ":")),
        f"spec.engine.speculative: {count} tokens are guessed at a time on all pools, {when}.{alone}",
    )


def _offloading(size: int, asked: Asked) -> Choice:
    if asked.serving.on_cpu:
        raise Stalled(
            "InvalidValue",
            "spec.engine.kvCacheOffloading needs an NVIDIA GPU: on a CPU the KV cache is in the node's memory already; "
            "remove it, and set VLLM_CPU_KVCACHE_SPACE in spec.engine.env for a larger one",
        )
    if asked.nodes > 1:
        raise Stalled(
            "InvalidValue",
            "spec.engine.kvCacheOffloading is for workers of one Pod: remove it, or lower spec.parallelism",
        )
    each = size / _GIB / asked.copies
    return Choice(
        "--kv-offloading-size",
        f"{each:g}",
        f"spec.engine.kvCacheOffloading: keys and values that the GPU has no room for stay in {size / _GIB:g} GiB of "
        "the node's memory, by which the worker's request and limit grow",
    )


def _refuse_eager(asked: Asked) -> None:
    if asked.is_eager:
        raise Stalled(
            "InvalidValue",
            "spec.engine.compileCache: nothing is compiled, since --enforce-eager is set by spec.engine.args or by the "
            "resource profile: remove one of the two",
        )


def _kept(name: str) -> dict[str, str]:
    """Return where compiled code goes; vLLM, Inductor and Triton name it by a hash of all that it depends on."""
    root = f"{CACHE_MOUNT}/{name}"
    return {
        "VLLM_CACHE_ROOT": f"{root}/vllm",
        "TORCHINDUCTOR_CACHE_DIR": f"{root}/inductor",
        "TRITON_CACHE_DIR": f"{root}/triton",
    }
