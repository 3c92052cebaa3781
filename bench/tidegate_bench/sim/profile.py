"""What a simulated engine is: its limits and how long its steps take.

Owns the parameters and the arithmetic of one step. Must not know requests or time.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

BYTES_PER_TOKEN = 4
Policy = Literal["fcfs", "priority"]


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One engine. Defaults are the shape of an 8B model on one H100: 10 to 15 ms between tokens.

    Raises ValueError where vLLM would not start either.
    """

    model: str = "m"
    # LoRA adapters by the names that clients use; at most `max_loras` of them are in one batch.
    adapters: tuple[str, ...] = ()
    max_loras: int = 4
    # Seconds that a step takes longer for each adapter that has to be loaded for it.
    lora_load_seconds: float = 0.05

    # Scheduler, named as vLLM's flags.
    max_model_len: int = 8192
    max_num_seqs: int = 256
    max_num_batched_tokens: int = 2048
    scheduling_policy: Policy = "priority"
    enable_prefix_caching: bool = True
    block_size: int = 16
    # KV cache in blocks: 64 Ki tokens.
    num_gpu_blocks: int = 4096

    # Seconds before a request reaches the scheduler: HTTP, template, tokens.
    request_seconds: float = 0.002
    # Seconds of a step: as such, per prompt token computed, per sequence that decodes, per token of context read.
    step_seconds: float = 0.008
    prefill_token_seconds: float = 35e-6
    decode_seq_seconds: float = 20e-6
    context_token_seconds: float = 4e-8

    # Tokens of an answer whose request sets no limit, or sets a higher one without `ignore_eos`.
    answer_tokens: int = 128
    embedding_size: int = 8
    # As vLLM's --enable-prompt-tokens-details: `usage` says how much of the prompt was cached.
    prompt_tokens_details: bool = True
    # As VLLM_HTTP_TIMEOUT_KEEP_ALIVE: idle connections are closed after this long.
    keep_alive_seconds: float = 5.0

    def __post_init__(self) -> None:
        """Refuse what cannot run."""
        if self.num_gpu_blocks * self.block_size < self.max_model_len:
            raise ValueError(
                f"num_gpu_blocks={self.num_gpu_blocks} of {self.block_size} tokens hold fewer than "
                f"max_model_len={self.max_model_len} tokens"
            )
        for name in ("max_num_seqs", "max_num_batched_tokens", "block_size", "answer_tokens", "max_loras"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")

    def duration(self, prefill_tokens: int, decode_seqs: int, context_tokens: int, loaded: int) -> float:
        """Return the seconds of a step that computes this much and loads `loaded` adapters first."""
        return (
            self.step_seconds
            + prefill_tokens * self.prefill_token_seconds
            + decode_seqs * self.decode_seq_seconds
            + context_tokens * self.context_token_seconds
            + loaded * self.lora_load_seconds
        )

    def faster(self, factor: float) -> "Profile":
        """Return the same engine with all its times divided by `factor`."""
        return msgspec.structs.replace(
            self,
            lora_load_seconds=self.lora_load_seconds / factor,
            request_seconds=self.request_seconds / factor,
            step_seconds=self.step_seconds / factor,
            prefill_token_seconds=self.prefill_token_seconds / factor,
            decode_seq_seconds=self.decode_seq_seconds / factor,
            context_token_seconds=self.context_token_seconds / factor,
        )


def load(path: Path | None, changes: Sequence[str] = ()) -> Profile:
    """Return the profile in a JSON file, or the defaults, with `name=value` changes on top.

    Values are JSON, or else words. Raises ValueError that names what was wrong.
    """
    fields = msgspec.json.decode(path.read_bytes(), type=dict[str, object]) if path else {}
    for change in changes:
        name, is_pair, value = change.partition("=")
        if not is_pair:
            raise ValueError(f"expected name=value, got {change!r}")
        try:
            fields[name] = msgspec.json.decode(value)
        except msgspec.DecodeError:
            fields[name] = value
    return msgspec.convert(fields, Profile)
