"""Names of OpenTelemetry's semantic conventions for generative AI, of which none is stable yet.

Owns the names and who has asked for them: they may change with each version of the conventions, so that a span has them
only where OTEL_SEMCONV_STABILITY_OPT_IN says so, as the conventions ask for. Pure.
"""

from typing import Final

from tidegate_gateway.usage import Usage

# https://opentelemetry.io/docs/specs/semconv/gen-ai/ (Development): how its users opt in.
OPT_IN: Final = "gen_ai_latest_experimental"
PROVIDER: Final = "tidegate"
OPERATIONS: Final = {
    b"/v1/chat/completions": "chat",
    b"/v1/completions": "text_completion",
    b"/v1/embeddings": "embeddings",
}


def is_opted_in(value: str) -> bool:
    """Tell whether the variable's list of words has that of generative AI."""
    return OPT_IN in [word.strip() for word in value.split(",")]


def attributes(path: bytes, model: str, usage: Usage | None) -> dict[str, str | int]:
    """Return what a span says of a request to generate; tokens only where the engine has counted them."""
    told: dict[str, str | int] = {"gen_ai.provider.name": PROVIDER, "gen_ai.request.model": model}
    operation = OPERATIONS.get(path)
    if operation is not None:
        told["gen_ai.operation.name"] = operation
    if usage is not None:
        told["gen_ai.usage.input_tokens"] = usage.prompt_tokens
        told["gen_ai.usage.output_tokens"] = usage.completion_tokens
    return told
