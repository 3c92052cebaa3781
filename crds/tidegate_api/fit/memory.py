"""How much memory a model takes: its weights, and keys and values of each token; and how many tokens that leaves.

Owns the arithmetic, which follows vLLM 0.32 block by block (`v1/kv_cache_interface.py`, `v1/core/kv_cache_utils.py`).
All sizes are bytes of the accelerator, or process, that takes the most. Must not decide what to do about it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from tidegate_api.fit.shape import Shape

_WIDTHS: Final[Mapping[str, int]] = {"float32": 4, "float16": 2, "bfloat16": 2, "half": 2, "float": 4}
# Makes experts small and nothing else (vLLM 0.32, `config/quantization.py`): a dense model stays as large as it was.
EXPERTS_INT8: Final = "int8_per_channel_weight_only"
# Bytes per parameter of the layers that vLLM can make smaller while it loads them. bitsandbytes: four bits, and a
# four-byte scale for each 64 of them.
_AT_LOAD: Final[Mapping[str, float]] = {"fp8": 1.0, EXPERTS_INT8: 1.0, "bitsandbytes": 0.5625}
# The least that a method not listed could make of a parameter.
_LEAST_AT_LOAD: Final = 0.5

# vLLM's defaults: tokens per block, and in a step, without and with an accelerator (`EngineArgs`, `platforms/cpu.py`).
CPU_BLOCK: Final = 128
CPU_LATENT_BLOCK: Final = 16
GPU_BLOCK: Final = 16
CPU_BATCHED_TOKENS: Final = 2048

# What an engine takes on an accelerator beside weights, cache and activations: CUDA's context, NCCL's buffers, graphs.
# A round figure after what vLLM logs at its start ("non-torch memory", "graph capturing"); not measured here.
_CONTEXT_BYTES: Final = 2**30
# How many vectors of the hidden size are alive at a time for each token of a step, and copies of the logits for each
# request: a round figure of the same kind.
_VECTORS_ALIVE: Final = 12
_LOGITS_ALIVE: Final = 2


@dataclass(frozen=True, slots=True)
class Serving:
    """How the engine is asked to serve a model; what is None is its own default.

    `quantization` is what was asked for, `batched_tokens` the most tokens of one step.
    """

    on_cpu: bool
    tensor: int = 1
    pipeline: int = 1
    max_model_len: int | None = None
    batched_tokens: int = CPU_BATCHED_TOKENS
    block_size: int | None = None
    dtype: str = "auto"
    kv_cache_dtype: str = "auto"
    quantization: str | None = None

    def length(self, shape: Shape) -> int:
        """Return the longest sequence, in tokens."""
        return self.max_model_len or shape.context_length


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a KV cache of some size holds.

    `tokens` and `concurrency` (requests of full length) are the numbers that vLLM itself reports; `needed_bytes` is
    what it needs at least to start: one request of full length, and a block that it keeps back.
    """

    blocks: int
    tokens: int
    concurrency: float
    needed_bytes: int


@dataclass(frozen=True, slots=True)
class _Groups:
    """How vLLM groups layers that keep everything and layers that keep a window: all groups equally large."""

    layers_per_group: int
    full: int
    windowed: int


def weight_bytes(shape: Shape, serving: Serving) -> int:
    """Return the bytes of weights in memory."""
    width = _WIDTHS[_dtype(shape, serving)]
    total = shape.weight_bytes * (1.0 if shape.quantization else width / _WIDTHS[shape.dtype])
    embedding = shape.vocab_size * shape.hidden_size * width
    body = max(total - embedding * (1 if shape.tied else 2), 0.0)
    embeddings = total - body
    if _shrinks(shape, serving):
        body *= _AT_LOAD.get(serving.quantization or "", _LEAST_AT_LOAD) / width
    if serving.pipeline > 1:
        # The first stage has the embedding, the last the head.
        body *= _layers(shape.layers, serving) / shape.layers
        embeddings = min(embeddings, float(embedding))
    return int((body + embeddings) / serving.tensor)


def _shrinks(shape: Shape, serving: Serving) -> bool:
    """Return whether the engine makes weights smaller while it loads them."""
    if not serving.quantization or shape.quantization:
        return False
    return serving.quantization != EXPERTS_INT8 or shape.experts > 0


def overhead_bytes(shape: Shape, serving: Serving, requests: int) -> int:
    """Return about what an accelerator holds beside weights and KV cache while it serves so many requests."""
    activations = serving.batched_tokens * shape.hidden_size * _VECTORS_ALIVE * 2
    logits = requests * shape.vocab_size * 4 * _LOGITS_ALIVE // serving.tensor
    return _CONTEXT_BYTES + activations + logits


def kv_bytes_per_token(shape: Shape, serving: Serving) -> int | None:
    """Return the bytes that one token takes in all layers, None where that is not known."""
    page = _layer_bytes(shape, serving)
    return None if page is None else page * _layers(shape.layers, serving)


def capacity(shape: Shape, serving: Serving, kv_bytes: int) -> Capacity | None:
    """Return what a KV cache of so many bytes holds, None where the model does not say enough."""
    per_token = _layer_bytes(shape, serving)
    if per_token is None:
        return None
    groups, size = _groups(shape, serving), _block_size(shape, serving)
    block_bytes = groups.layers_per_group * per_token * size
    per_request = _blocks_per_request(shape, serving, groups, size)
    blocks = max(kv_bytes // block_bytes, 0)
    concurrency = blocks / per_request
    return Capacity(
        blocks=blocks,
        tokens=int(concurrency * serving.length(shape)),
        concurrency=concurrency,
        needed_bytes=(per_request + 1) * block_bytes,
    )


def longest(shape: Shape, serving: Serving, kv_bytes: int) -> int:
    """Return the greatest length with which the engine starts in so many bytes of KV cache; 0: with none."""
    low, high = 0, serving.length(shape)
    while low < high:
        middle = (low + high + 1) // 2
        held = capacity(shape, replace(serving, max_model_len=middle), kv_bytes)
        if held is not None and held.needed_bytes <= kv_bytes:
            low = middle
        else:
            high = middle - 1
    return low


def _dtype(shape: Shape, serving: Serving) -> str:
    """Return the type the engine computes in: it halves what is stored in float32 unless it is told not to."""
    if serving.dtype in _WIDTHS:
        return serving.dtype
    return "bfloat16" if shape.dtype == "float32" else shape.dtype


def _layer_bytes(shape: Shape, serving: Serving) -> int | None:
    """Return the bytes that one token takes in one layer."""
    width = _kv_width(shape, serving)
    if shape.unknown is not None or width is None:
        return None
    if shape.latent_dim is not None:
        return shape.latent_dim * width
    return 2 * max(shape.kv_heads // serving.tensor, 1) * shape.head_dim * width


def _kv_width(shape: Shape, serving: Serving) -> int | None:
    named = serving.kv_cache_dtype
    if named == "auto":
        named = shape.kv_cache_dtype or _dtype(shape, serving)
    return 1 if named in ("fp8", "fp8_e4m3", "fp8_e5m2") else _WIDTHS.get(named)


def _layers(layers: int, serving: Serving) -> int:
    return -(-layers // serving.pipeline)


def _block_size(shape: Shape, serving: Serving) -> int:
    if serving.on_cpu and shape.latent_dim is not None:
        return CPU_LATENT_BLOCK
    return serving.block_size or (CPU_BLOCK if serving.on_cpu else GPU_BLOCK)


def _groups(shape: Shape, serving: Serving) -> _Groups:
    """Group layers as `_get_kv_cache_groups_uniform_page_size` does."""
    windowed = _layers(shape.sliding_layers, serving)
    full = _layers(shape.layers, serving) - windowed
    few, many = sorted((full, windowed))
    if few <= 0:
        return _Groups(max(many, 1), int(windowed == 0), int(windowed > 0))
    size = many if many < few * 1.5 else few
    return _Groups(size, -(-full // size), -(-windowed // size))


def _blocks_per_request(shape: Shape, serving: Serving, groups: _Groups, size: int) -> int:
    """Return how many blocks a request of full length holds at most."""
    length = serving.length(shape)
    blocks = groups.full * -(-length // size)
    if shape.sliding_window is not None and groups.windowed:
        # Out of the window is given back only when a step has ended; with an accelerator two are under way.
        in_flight = serving.batched_tokens * (1 if serving.on_cpu else 1 + serving.pipeline)
        held = min(shape.sliding_window - 1 + in_flight, length)
        blocks += groups.windowed * (-(-held // size) + 1)
    return max(blocks, 1)
