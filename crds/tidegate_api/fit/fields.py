"""How numbers are read from a config.json: by any of the names that model families gave them.

Owns the spelling. Must not know what the numbers mean.
"""

from collections.abc import Mapping
from typing import Any, Final

# Where models that also see or hear keep the configuration of their language model.
_LANGUAGE_MODELS: Final = ("text_config", "llm_config", "language_config")

# After the attribute maps of the configurations in transformers.
LAYERS: Final = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
HEADS: Final = ("num_attention_heads", "n_head", "n_heads")
HIDDEN: Final = ("hidden_size", "n_embd", "d_model")
VOCABULARY: Final = ("vocab_size", "padded_vocab_size")
# Names of the number of heads that keys and values have (vLLM 0.32, ModelArchConfigConvertorBase).
KV_HEADS: Final = (
    "n_head_kv",
    "num_kv_heads",
    "num_key_value_heads",
    "multi_query_group_num",
    "num_attention_groups",
)
# Names of how many experts a layer has, where each token goes to a few of them.
EXPERTS: Final = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")
# Names of the longest sequence, of which the least holds (same place).
POSITIONS: Final = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "seq_length",
    "model_max_length",
    "max_target_positions",
    "max_sequence_length",
    "max_seq_length",
    "seq_len",
)


def language_model(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the part of a config.json that is about the language model: all of it for one that only reads text."""
    found = (config.get(name) for name in _LANGUAGE_MODELS)
    return next((part for part in found if isinstance(part, Mapping)), config)


def number(config: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    """Return the first of these fields that holds a positive number."""
    values = (config.get(name) for name in names)
    return next((value for value in values if is_count(value)), None)


def is_count(value: object) -> bool:
    """Return whether a value is a whole number above zero."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def text(config: Mapping[str, Any], *names: str) -> str | None:
    """Return the first of these fields that holds a word."""
    values = (config.get(name) for name in names)
    return next((value for value in values if isinstance(value, str) and value), None)
