"""How long workers take until they answer: `status.startup`.

Owns these fields. Must not know how the parts are told apart.
"""

from typing import Annotated, Final

from pydantic import Field

from tidegate_api.schema import Model, list_map

# The newest starts that are kept.
KEPT_STARTS: Final = 8
_PARTS: Final = (
    "`scheduling`: until the Pod had a node; `image`: until its container ran, with the pull of the image; "
    "`preflight`: checks of the model; `import`: until vLLM began to load it; `weights`: reading them; `compile`; "
    "`warmUp`: profiling, KV cache, graphs; `ready`: what is left until it answered, which is all of it for an engine "
    "that tells no parts; `total`"
)

Milliseconds = Annotated[int, Field(ge=0)]


class Start(Model):
    """One worker's start."""

    pod: str = Field(max_length=253, description="Name of its Pod.")
    at: str = Field(max_length=64, description="When it was ready (RFC 3339).")
    milliseconds: dict[str, Milliseconds] = Field(max_length=16, description="How long each part took.")


class Startup(Model):
    """The last starts, part by part."""

    median_milliseconds: dict[str, Milliseconds] | None = Field(
        None, max_length=16, description=f"The median of each part over the last starts. {_PARTS}."
    )
    recent: list[Start] | None = Field(
        None,
        max_length=KEPT_STARTS,
        description="The newest starts, the oldest first; a container that was started again in its Pod is none.",
        json_schema_extra=list_map("pod"),
    )
