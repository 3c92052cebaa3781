"""What an engine is asked to be, as far as memory follows from it: read from its flags, variables and resources.

Owns the reading. Must not judge.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from tidegate_api.fit.memory import CPU_BATCHED_TOKENS, Serving
from tidegate_api.fit.shape import Shape
from tidegate_api.settings import ResourceProfile
from tidegate_operator import flags, quantities

GPU: Final = "nvidia.com/gpu"
KV_SPACE: Final = "VLLM_CPU_KVCACHE_SPACE"
_GIB: Final = 2**30
# vLLM 0.32's defaults (`config/cache.py`, `EngineArgs.get_batch_defaults`).
_UTILIZATION: Final = 0.92
_LARGE: Final = 70 * _GIB
_VERY_LARGE: Final = 160 * _GIB
_CPU_REQUESTS: Final = 128
# With one of these, memory is not what the other flags say.
_OTHERS: Final = (
    "--cpu-offload-gb",
    "--num-gpu-blocks-override",
    "--hf-overrides",
    "--decode-context-parallel-size",
)
# Ways to guess tokens that load no second model.
_NO_DRAFT: Final = ("ngram", "ngram_gpu", "suffix", "mtp")
_HUMAN: Final = re.compile(r"^([0-9]+(?:\.[0-9]+)?)([kKmMgG])?$")
_FACTORS: Final[Mapping[str, int]] = {
    "k": 10**3,
    "m": 10**6,
    "g": 10**9,
    "K": 2**10,
    "M": 2**20,
    "G": 2**30,
}

N = TypeVar("N", int, float)


@dataclass(frozen=True, slots=True)
class Asked:
    """One worker.

    `memory` is that of one accelerator, or what a worker without one may use; `kv_bytes` what is set aside for the KV
    cache of each process by number, None where it is what is left; `requests` the most at a time. `is_plain`: no flag
    changes memory in a way that is not reckoned with. `fits_length_itself`: the engine takes the greatest length that
    fits. `copies` is the data parallel size, `gpus` what a worker gets of NVIDIA's (0: none, or of another kind).
    `larger_profiles` are names and memory of others of the kind, the least first.
    """

    serving: Serving
    profile: str
    count: int
    memory: int | None
    kv_bytes: int | None
    requests: int
    utilization: float = _UTILIZATION
    is_plain: bool = True
    copies: int = 1
    gpus: int = 0
    fits_length_itself: bool = False
    larger_profiles: tuple[tuple[str, int], ...] = ()
    # Nothing is compiled, and no graph captured.
    is_eager: bool = False
    # The model that guesses tokens, where somebody has read its config.json; without one `has_draft` is False.
    has_draft: bool = False
    draft: Shape | None = None
    # Over how many Pods.
    nodes: int = 1

    @property
    def is_reckoned(self) -> bool:
        """Return whether all is known that takes memory."""
        return self.is_plain and (self.draft is not None or not self.has_draft)

    @property
    def ranks_per_pod(self) -> int:
        """Return how many of the processes share one Pod."""
        return self.ranks // self.nodes

    @property
    def ranks(self) -> int:
        """Return over how many processes the model is spread."""
        return self.serving.tensor * self.serving.pipeline


def read_asked(
    words: Sequence[str],
    env: Mapping[str, str],
    limits: Mapping[str, str],
    chosen: str,
    profiles: Mapping[str, ResourceProfile],
) -> Asked:
    """Return what these flags, variables and limits ask of a worker; `chosen` is NAME:COUNT of its profile."""
    name, _, count = chosen.rpartition(":")
    profile = profiles[name]
    on_cpu = profile.accelerator == "cpu"
    memory = limits.get("memory") if on_cpu else profile.accelerator_memory
    size = None if memory is None else int(quantities.parse(memory))
    read = _Reader(words)
    tensor, pipeline = (read.number(f"--{kind}-parallel-size") or 1 for kind in ("tensor", "pipeline"))
    # Twice as much of each by default (`EngineArgs._set_default_max_num_seqs_and_batched_tokens_args`).
    factor = 2 if read.text("--performance-mode") == "throughput" else 1
    batched, requests = (factor * one for one in _batch(on_cpu, size, "a100" in name, tensor * pipeline))
    length = read.text("--max-model-len")
    return Asked(
        serving=Serving(
            on_cpu=on_cpu,
            tensor=tensor,
            pipeline=pipeline,
            max_model_len=read.number("--max-model-len"),
            batched_tokens=read.number("--max-num-batched-tokens") or batched,
            block_size=read.number("--block-size"),
            dtype=read.text("--dtype") or "auto",
            kv_cache_dtype=read.text("--kv-cache-dtype") or "auto",
            quantization=read.text("--quantization"),
        ),
        profile=name,
        count=int(count),
        memory=size,
        kv_bytes=read.number("--kv-cache-memory-bytes") or (_space(env) if on_cpu else None),
        requests=read.number("--max-num-seqs") or requests,
        utilization=read.real("--gpu-memory-utilization") or _UTILIZATION,
        is_plain=all(read.text(flag) is None for flag in _OTHERS),
        is_eager=flags.is_on(words, "--enforce-eager", flags.engine_table()),
        has_draft=_has_draft(words, read.text("--speculative-config")),
        copies=read.number("--data-parallel-size") or 1,
        gpus=int(quantities.parse(limits.get(GPU, "0"))),
        fits_length_itself=length in ("-1", "auto"),
        larger_profiles=_larger(profiles, profile.accelerator, size) if not on_cpu else (),
    )


class _Reader:
    """The values of flags, as the engine takes them."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self._table = flags.engine_table()

    def text(self, flag: str) -> str | None:
        return flags.value_of(self._words, flag, self._table)

    def number(self, flag: str) -> int | None:
        """Return a whole number above zero, also one written as `8k`."""
        match = _HUMAN.match(self.text(flag) or "")
        if match is None:
            return None
        digits, unit = match.groups()
        return int(float(digits) * _FACTORS.get(unit or "", 1)) or None

    def real(self, flag: str) -> float | None:
        return _read(float, self.text(flag))


def _read(kind: Callable[[str], N], text: str | None) -> N | None:
    try:
        return None if text is None else kind(text)
    except ValueError:
        return None


def _space(env: Mapping[str, str]) -> int | None:
    space = _read(int, env.get(KV_SPACE) or None)
    return None if space is None or space <= 0 else space * _GIB


def _has_draft(words: Sequence[str], config: str | None) -> bool:
    """Return whether a second model is loaded to guess tokens; a model's own layers for it are in its files."""
    if config is None:
        return flags.sets_any(words, frozenset({"--speculative-config"}), flags.engine_table())
    try:
        told = json.loads(config)
    except ValueError:
        return True
    return not isinstance(told, dict) or told.get("method") not in _NO_DRAFT


def _batch(on_cpu: bool, memory: int | None, is_a100: bool, ranks: int) -> tuple[int, int]:
    """Return the engine's defaults: the most tokens of a step, and the most requests at a time."""
    if on_cpu:
        return CPU_BATCHED_TOKENS * ranks, _CPU_REQUESTS * ranks
    if memory is not None and memory >= _VERY_LARGE:
        return 16384, 1024
    if memory is not None and memory >= _LARGE and not is_a100:
        return 8192, 1024
    return 2048, 256


def _larger(
    profiles: Mapping[str, ResourceProfile], accelerator: str, memory: int | None
) -> tuple[tuple[str, int], ...]:
    known = (
        (name, int(quantities.parse(one.accelerator_memory)))
        for name, one in profiles.items()
        if one.accelerator == accelerator and one.accelerator_memory is not None
    )
    return tuple(sorted((one for one in known if one[1] > (memory or 0)), key=lambda one: (one[1], one[0])))
