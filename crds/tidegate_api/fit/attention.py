"""What each layer of a model keeps of the tokens it has seen, as far as its config.json says.

Owns the rules by model family, after vLLM 0.32 and the configurations of transformers that it reads. Where the
rules end, it says why instead of a number. Must not count bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tidegate_api.fit import fields

# Families that keep one compressed vector for all heads (vLLM's is_deepseek_mla), if they name its rank.
_LATENT: Final = frozenset(
    {
        "deepseek_v2",
        "deepseek_v3",
        "glm4_moe_lite",
        "kimi_k2",
        "pangu_ultra_moe",
    }
)
# Families whose every nth layer sees everything and whose others see a window, where no list says so.
_FULL_EVERY: Final[Mapping[str, int]] = {
    "gemma2": 2,
    "gemma3": 6,
    "gemma3_text": 6,
    "cohere2": 4,
    "gpt_oss": 2,
}
# Families that use their `sliding_window` only where `use_sliding_window` says so.
_OPT_IN: Final = ("qwen2", "qwen3")
# Fields of models whose layers keep something else than keys and values of each token, or not all alike.
_FOREIGN: Final[Mapping[str, str]] = {
    "layers_block_type": "some of its layers keep a state instead of keys and values",
    "hybrid_override_pattern": "some of its layers keep a state instead of keys and values",
    "attn_type_list": "some of its layers keep a state instead of keys and values",
    "attn_layer_period": "some of its layers keep a state instead of keys and values",
    "full_attention_interval": "some of its layers keep a state instead of keys and values",
    "linear_attn_config": "some of its layers keep a state instead of keys and values",
    "mamba_d_state": "some of its layers keep a state instead of keys and values",
    "ssm_cfg": "its layers keep a state instead of keys and values",
    "state_size": "its layers keep a state instead of keys and values",
    "attention_chunk_size": "its layers attend within chunks",
    "compress_ratios": "its layers compress what they keep, each in its own way",
    "index_topk": "it keeps an index beside keys and values",
    "block_configs": "its layers differ from each other",
    "per_layer_config": "its layers differ from each other",
    "global_head_dim": "its layers differ from each other",
    "num_kv_shared_layers": "some of its layers share keys and values",
    "cross_attention_layers": "some of its layers attend to images",
    "rswa_window": "it keeps its prompt and a window of its answer",
    "is_encoder_decoder": "it keeps what its encoder made beside keys and values",
}
_KNOWN_TYPES: Final = frozenset({"full_attention", "sliding_attention"})


@dataclass(frozen=True, slots=True)
class Attention:
    """What the layers keep.

    `latent_dim` is the length of the one vector that a layer with multi-head latent attention keeps for a token, None
    where heads keep keys and values. `sliding_layers` of the layers keep a window of `sliding_window` tokens only.
    `unknown` is why none of this can be relied on.
    """

    latent_dim: int | None = None
    sliding_window: int | None = None
    sliding_layers: int = 0
    unknown: str | None = None


def read_attention(config: Mapping[str, Any], layers: int) -> Attention:
    """Return what the `layers` of a language model keep."""
    foreign = next((why for field, why in _FOREIGN.items() if config.get(field)), None)
    if foreign is not None:
        return Attention(unknown=foreign)
    family = fields.text(config, "model_type") or ""
    rank, rope = config.get("kv_lora_rank"), config.get("qk_rope_head_dim")
    if isinstance(rank, int) and isinstance(rope, int):
        if family in _LATENT:
            return Attention(latent_dim=rank + rope)
        return Attention(unknown="how it compresses keys and values is not known here")
    return _windows(config, family, layers)


def kv_heads(config: Mapping[str, Any], attention_heads: int) -> int:
    """Return how many heads have keys and values of their own."""
    family = fields.text(config, "model_type") or ""
    if family in ("falcon", "RefinedWebModel", "RefinedWeb") and not config.get("new_decoder_architecture"):
        # Falcon's first models name as many as there are attention heads, and have one.
        if config.get("multi_query", False):
            return 1
    elif family == "gpt_bigcode" and config.get("multi_query", True):
        return 1
    attention = config.get("attn_config")
    if isinstance(attention, Mapping) and isinstance(attention.get("kv_n_heads"), int):
        return int(attention["kv_n_heads"])
    return fields.number(config, fields.KV_HEADS) or attention_heads


def _windows(config: Mapping[str, Any], family: str, layers: int) -> Attention:
    """Return which layers see a window only."""
    types = config.get("layer_types")
    if isinstance(types, list):
        other = sorted({str(one) for one in types} - _KNOWN_TYPES)
        if other:
            return Attention(unknown=f"some of its layers are of a kind not known here ({', '.join(other)})")
        sliding = sum(one == "sliding_attention" for one in types[:layers])
    else:
        sliding = _sliding_by_family(config, family, layers)
    window = config.get("sliding_window")
    has_pattern = not isinstance(types, list) and isinstance(config.get("sliding_window_pattern"), str | list)
    if isinstance(window, list) or has_pattern:
        return Attention(unknown="its layers have windows in a pattern not known here")
    if not fields.is_count(window) or sliding == 0 or _is_opted_out(config, family):
        return Attention()
    # Cohere's window is counted without the token itself (vLLM 0.32, commandr.py).
    return Attention(sliding_window=int(window or 0) + (family == "cohere2"), sliding_layers=sliding)


def _sliding_by_family(config: Mapping[str, Any], family: str, layers: int) -> int:
    """Return how many layers see a window where no list names them: by the family's pattern, or all."""
    pattern = config.get("sliding_window_pattern")
    every = pattern if isinstance(pattern, int) and pattern > 0 else _FULL_EVERY.get(family)
    if every is not None:
        return layers - layers // every
    if family.startswith(_OPT_IN):
        first = config.get("max_window_layers", layers)
        return max(layers - first, 0) if isinstance(first, int) else 0
    return layers


def _is_opted_out(config: Mapping[str, Any], family: str) -> bool:
    return config.get("use_sliding_window", not family.startswith(_OPT_IN)) is False
