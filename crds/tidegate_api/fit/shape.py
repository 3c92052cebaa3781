"""The shape of a model: the few numbers of its config.json that memory and parallelism follow from.

Owns what is read, its names on the wire, and what is left out when a model says too little. Must not read files or
judge what fits.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from dataclasses import fields as columns
from typing import Any, Final

from tidegate_api.fit import fields
from tidegate_api.fit.attention import kv_heads, read_attention

# Types of rotary embeddings whose factor the context length already contains (vLLM 0.32, _get_and_verify_max_len).
_ALREADY_SCALED: Final = frozenset(
    {"su", "longrope", "llama3", "yarn", "deepseek_yarn", "deepseek_llama_scaling"}
)
# What vLLM assumes where a model does not say how long its context is.
_DEFAULT_CONTEXT: Final = 2048
_DTYPES: Final = frozenset({"float32", "float16", "bfloat16"})


@dataclass(frozen=True, slots=True)
class Shape:
    """One model.

    `weight_bytes` is the size of its weight files, `dtype` the type that its config names for what is not quantized.
    `context_length` is vLLM's default for the longest sequence, in tokens. `latent_dim`, `sliding_window`,
    `sliding_layers` and `unknown` are those of `attention.Attention`; `kv_cache_dtype` is what the model itself asks
    for. `experts` are those of a layer, 0 for a dense model.
    """

    architecture: str
    layers: int
    attention_heads: int
    kv_heads: int
    head_dim: int
    hidden_size: int
    vocab_size: int
    context_length: int
    dtype: str
    weight_bytes: int
    tied: bool = False
    quantization: str | None = None
    kv_cache_dtype: str | None = None
    latent_dim: int | None = None
    sliding_window: int | None = None
    sliding_layers: int = 0
    unknown: str | None = None
    experts: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a config.json has no shape: nothing can be estimated. It is no reason to refuse a model."""

    message: str


def read_shape(
    config: Mapping[str, Any], weight_bytes: int, stored_dtype: str | None = None
) -> Shape | Problem:
    """Return the shape of a model from its config.json and the size of all its weight files in bytes.

    `stored_dtype` is the type of most of the stored weights, for a config that names none.
    """
    model = fields.language_model(config)
    named = (fields.LAYERS, fields.HEADS, fields.HIDDEN, fields.VOCABULARY)
    numbers = [fields.number(model, names) for names in named]
    missing = [names[0] for names, value in zip(named, numbers, strict=True) if value is None]
    if missing:
        return Problem(f"config.json has no number for {', '.join(missing)}")
    layers, heads, hidden, vocabulary = (value or 0 for value in numbers)
    attention = read_attention(model, layers)
    return Shape(
        architecture=_architecture(config),
        layers=layers,
        attention_heads=heads,
        kv_heads=kv_heads(model, heads),
        head_dim=fields.number(model, ("head_dim", "hidden_size_per_head")) or max(hidden // heads, 1),
        hidden_size=hidden,
        vocab_size=vocabulary,
        context_length=_context_length(model),
        dtype=_dtype(config, model, stored_dtype),
        weight_bytes=weight_bytes,
        tied=bool(config.get("tie_word_embeddings", model.get("tie_word_embeddings", False))),
        quantization=_quantization(config, model),
        kv_cache_dtype=_kv_cache_dtype(config),
        latent_dim=attention.latent_dim,
        sliding_window=attention.sliding_window,
        sliding_layers=attention.sliding_layers,
        unknown=attention.unknown,
        experts=fields.number(model, fields.EXPERTS) or 0,
    )


def to_json(shape: Shape) -> dict[str, Any]:
    """Return the shape as an object in camelCase, without what is not known or not the case."""
    return {_camel(name): value for name, value in asdict(shape).items() if value not in (None, False, 0)}


def from_json(content: Mapping[str, Any]) -> Shape | None:
    """Return the shape that `to_json` wrote, None for anything else; fields that are not known here are left out."""
    known = {_camel(column.name): column.name for column in columns(Shape)}
    given = {known[name]: value for name, value in content.items() if name in known}
    try:
        shape = Shape(**{"weight_bytes": 0, **given})
    except TypeError:
        return None
    counts = (shape.layers, shape.attention_heads, shape.kv_heads, shape.head_dim, shape.context_length)
    return shape if all(fields.is_count(value) for value in counts) else None


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _architecture(config: Mapping[str, Any]) -> str:
    names = config.get("architectures")
    first = names[0] if isinstance(names, list) and names else config.get("model_type")
    return str(first or "unknown")[:100]


def _context_length(model: Mapping[str, Any]) -> int:
    """Return vLLM's default for the longest sequence."""
    lengths = (fields.number(model, (name,)) for name in fields.POSITIONS)
    length = min((value for value in lengths if value is not None), default=_DEFAULT_CONTEXT)
    rope = model.get("rope_parameters") or model.get("rope_scaling")
    if not isinstance(rope, Mapping) or "gemma3" in str(model.get("model_type")):
        return length
    kind = str(rope.get("rope_type") or rope.get("type"))
    if kind in ("longrope", "su"):
        # What follows after this length is worse for short sequences, so vLLM takes it only where it is asked for.
        return fields.number(model, ("original_max_position_embeddings",)) or length
    factor = rope.get("factor")
    if kind in _ALREADY_SCALED or not isinstance(factor, int | float):
        return length
    return int(length * factor)


def _dtype(config: Mapping[str, Any], model: Mapping[str, Any], stored: str | None) -> str:
    named = (
        fields.text(config, "dtype", "torch_dtype") or fields.text(model, "dtype", "torch_dtype") or stored
    )
    found = (named or "float32").removeprefix("torch.")
    return found if found in _DTYPES else "bfloat16"


def _quantization(config: Mapping[str, Any], model: Mapping[str, Any]) -> str | None:
    """Return how the stored weights are quantized, as the model calls it."""
    for part in (config, model):
        for name in ("quantization_config", "compression_config"):
            found = part.get(name)
            if isinstance(found, Mapping):
                return str(found.get("quant_method") or "unknown").lower()[:40]
    return None


def _kv_cache_dtype(config: Mapping[str, Any]) -> str | None:
    """Return the type of the KV cache that a model of NVIDIA's ModelOpt asks for; vLLM asks no other model."""
    found = config.get("quantization_config")
    if not isinstance(found, Mapping) or not str(found.get("quant_method", "")).startswith("modelopt"):
        return None
    inner = found.get("quantization")
    for part in (inner if isinstance(inner, Mapping) else found, found):
        scheme = part.get("kv_cache_scheme") or part.get("kv_cache_quant_algo")
        if isinstance(scheme, Mapping):
            return "fp8" if scheme.get("num_bits") == 8 and scheme.get("dynamic") is False else "unknown"
        if isinstance(scheme, str):
            return "fp8" if scheme.lower() in ("fp8", "fp8_e4m3") else "unknown"
    return None
