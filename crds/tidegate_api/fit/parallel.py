"""Over how many accelerators the layers of a model can be spread: by tensor, by pipeline.

Owns the divisibility rules of vLLM 0.32 (`ModelConfig.verify_with_parallel_config`, the attention layers' and the
vocabulary embedding's own assertions, `get_pp_indices`). Must not look at memory.
"""

from collections.abc import Iterator
from typing import Final

from tidegate_api.fit.shape import Shape

# vLLM fills the vocabulary up to a multiple of this before it divides it.
_VOCABULARY_PADDING: Final = 64


def refusal(shape: Shape, tensor: int, pipeline: int = 1) -> str | None:
    """Return why vLLM would refuse to spread a model so, with the numbers; None where it would not."""
    heads = _heads_refusal(shape, tensor)
    if heads is not None:
        return heads
    padded = -(-shape.vocab_size // _VOCABULARY_PADDING) * _VOCABULARY_PADDING
    if padded % tensor:
        return f"its vocabulary of {padded} (filled up) cannot be divided by {tensor}"
    if pipeline > shape.layers:
        return f"its {shape.layers} layers cannot be put into {pipeline} stages"
    return None


def tensor_sizes(shape: Shape, most: int) -> Iterator[int]:
    """Yield the tensor parallel sizes that a model allows, up to `most`."""
    return (size for size in range(1, most + 1) if refusal(shape, size) is None)


def _heads_refusal(shape: Shape, tensor: int) -> str | None:
    if shape.attention_heads % tensor:
        return f"its {shape.attention_heads} attention heads cannot be divided by {tensor}"
    if shape.latent_dim is not None or shape.unknown is not None:
        # One latent vector is kept whole by everybody; and where layers differ, so may their heads.
        return None
    few, many = sorted((shape.kv_heads, tensor))
    if many % few:
        return f"its {shape.kv_heads} key-value heads cannot be divided by {tensor}, or shared evenly by {tensor}"
    return None
