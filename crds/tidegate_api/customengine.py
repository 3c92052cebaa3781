"""Another engine than vLLM: the fields of `spec.engine` that only it has, and those of vLLM's that it has not.

Owns these fields and the rules between both kinds. Must not know any engine.
"""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from tidegate_api.schema import Model, pattern_message

EngineType = Literal["vLLM", "Custom"]
Argument = Annotated[str, StringConstraints(min_length=1, max_length=1024)]

_PATH_PATTERN: Final = r"^/[^\s?#]*$"
_NO_IMAGE: Final = (
    "engine.image must be set where engine.type is Custom: Tidegate has no image of such an engine"
)
_OF_CUSTOM: Final = ("command", "port", "health_path", "ready_path")
_NOT_CUSTOM: Final = (
    "engine.command, port, healthPath and readyPath are for engine.type Custom: how vLLM starts and where it answers "
    "is Tidegate's"
)
# What Tidegate does with flags of vLLM.
_TUNING: Final = ("preset", "speculative", "kv_cache_offloading", "compile_cache")
# Flags of vLLM under other names.
_OF_VLLM: Final = ("max_model_len", "quantization", "kv_cache_dtype", *_TUNING)
_NOT_VLLM: Final = (
    f"engine.{', '.join(map(to_camel, _OF_VLLM[:-1]))} and {to_camel(_OF_VLLM[-1])} are settings of vLLM: where "
    "engine.type is Custom, tell the engine in engine.args"
)


def _none_of(fields: tuple[str, ...]) -> str:
    lists = {"command": "(!has(self.command) || self.command.size() == 0)"}
    return " && ".join(lists.get(name, f"!has(self.{to_camel(name)})") for name in fields)


# The API server checks rules on the default of `spec.engine` too, in which nothing has been filled in yet.
_IS_CUSTOM: Final = "(has(self.type) && self.type == 'Custom')"
RULES: Final = (
    (f"!{_IS_CUSTOM} || has(self.image)", _NO_IMAGE),
    (f"{_IS_CUSTOM} || {_none_of(_OF_CUSTOM)}", _NOT_CUSTOM),
    (f"!{_IS_CUSTOM} || {_none_of(_OF_VLLM)}", _NOT_VLLM),
)


def _path(default: str, description: str) -> str | None:
    field: str | None = Field(
        None,
        min_length=1,
        max_length=256,
        pattern=_PATH_PATTERN,
        description=f"{description} Custom only; default `{default}`.",
        json_schema_extra=pattern_message(
            "engine.healthPath and readyPath must be paths such as /health, without a query"
        ),
    )
    return field


class CustomEngine(Model):
    """What another engine than vLLM has to say of itself."""

    type: EngineType = Field(
        "vLLM",
        description="`vLLM`: Tidegate's worker image, checked and started by Tidegate. `Custom`: any container that "
        "speaks the OpenAI API on one port, such as SGLang's, Triton's or llama.cpp's; `image` is then required, "
        "`args` are the container's own, and nothing is known of its memory.",
    )
    command: list[Argument] = Field(
        [],
        max_length=64,
        description="Command of the container; empty: that of the image. Custom only.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    port: int | None = Field(
        None,
        ge=1024,
        le=65535,
        description="Port on which the engine answers, on all addresses of the Pod; it finds it in the variable PORT. "
        "Custom only; default 8000.",
    )
    health_path: str | None = _path(
        "/health",
        "Answers GET with 200 once the engine has started (startup probe) and while it is alive (liveness probe).",
    )
    ready_path: str | None = _path(
        "/v1/models", "Answers GET with 200 while the model can be asked (readiness probe)."
    )

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        if self.type == "Custom":
            if getattr(self, "image", None) is None:
                raise ValueError(_NO_IMAGE)
            if any(getattr(self, name, None) is not None for name in _OF_VLLM):
                raise ValueError(_NOT_VLLM)
        elif any(getattr(self, name) not in (None, []) for name in _OF_CUSTOM):
            raise ValueError(_NOT_CUSTOM)
        return self
