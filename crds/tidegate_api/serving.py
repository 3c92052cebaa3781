"""How an LLMService's model is served: `spec.engine` and `spec.resources`.

Owns these fields, and the grammar of flags and variables. Must not know which flags an engine has: the
operator checks them against its table.
"""

from typing import Literal

from pydantic import Field

from tidegate_api.customengine import RULES, Argument, CustomEngine
from tidegate_api.quantity import Quantity
from tidegate_api.schema import Model, list_map, pattern_message, rules
from tidegate_api.tuning import Tuning

# Names of variables whose values are secrets, such as HF_TOKEN and VLLM_API_KEY.
CREDENTIAL_PATTERN = r"(^|_)(TOKEN|SECRET|PASSWORD|API_KEY|ACCESS_KEY)$"


class EnvVar(Model):
    """One environment variable of the engine."""

    model_config = rules(
        (
            f"!self.name.matches('{CREDENTIAL_PATTERN}')",
            "engine.env must not hold a token, key or password: all who may read the LLMService could read it, and "
            "workers need none, since they load the model from a volume",
        ),
    )

    name: str = Field(
        min_length=1,
        max_length=256,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="Name of the variable.",
        json_schema_extra=pattern_message(
            "env.name must be letters, digits and _, and not begin with a digit"
        ),
    )
    value: str = Field("", max_length=4096, description="Its value, in the open: never put a secret here.")


class Engine(CustomEngine, Tuning):
    """How the model is served. What is not set is the engine's own default."""

    model_config = rules(*RULES)

    image: str | None = Field(
        None,
        min_length=1,
        max_length=512,
        description="Worker image to run instead of the one that the operator's settings name for the accelerator. "
        "Build it from the `worker-cpu` or `worker-cuda` target of Tidegate's Dockerfile. With `type: Custom`: the "
        "engine's own image.",
    )
    args: list[Argument] = Field(
        [],
        max_length=64,
        description="vLLM flags as separate words, such as `--max-num-batched-tokens=4096`. They win over what "
        "Tidegate sets. An unknown flag, or one that Tidegate owns (such as `--host`), is refused in the "
        "condition ConfigValid before any Pod starts. With `type: Custom`: the container's arguments, unchecked, in "
        "which `$(MODEL_PATH)`, `$(MODEL_NAME)`, `$(PORT)` and `$(MAX_NUM_SEQS)` stand for these variables; empty: "
        "those of the image.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    env: list[EnvVar] = Field(
        [],
        max_length=64,
        description="Environment variables of the engine, such as `VLLM_CPU_KVCACHE_SPACE`.",
        json_schema_extra=list_map("name"),
    )
    max_model_len: int | None = Field(
        None,
        ge=1,
        le=16777216,
        description="Longest prompt plus answer, in tokens (vLLM `--max-model-len`). Defaults to the model's own.",
    )
    max_num_seqs: int | None = Field(
        None,
        ge=1,
        le=65536,
        description="Most requests that one worker batches at a time (vLLM `--max-num-seqs`). With `type: Custom`: as "
        "many as its worker runs at a time, which is what gateways send it and what scaling counts by; the variable "
        "MAX_NUM_SEQS.",
    )
    quantization: (
        Literal[
            "none", "awq", "gptq", "fp8", "bitsandbytes", "compressed-tensors", "int8_per_channel_weight_only"
        ]
        | None
    ) = Field(
        None,
        description="Weight format (vLLM `--quantization`): `awq`, `gptq`, `compressed-tensors` for a model stored "
        "that way; `fp8` and `bitsandbytes` are made at load, `int8_per_channel_weight_only` of experts only. "
        "Unset or `none`: as the model says.",
    )
    kv_cache_dtype: Literal["auto", "fp8", "fp8_e4m3", "fp8_e5m2"] | None = Field(
        None,
        description="Format of the KV cache (vLLM `--kv-cache-dtype`): `fp8` halves its memory per token.",
    )


class Resources(Model):
    """Compute resources of one worker, over those of the resource profile."""

    requests: dict[str, Quantity] = Field(
        {},
        max_length=16,
        description="Least of each resource that a node must have free, such as `memory: 8Gi`.",
    )
    limits: dict[str, Quantity] = Field(
        {},
        max_length=16,
        description="Most of each resource that a worker may use; over its memory limit it is killed.",
    )
