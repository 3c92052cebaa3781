"""What makes vLLM quick for one kind of work: the fields of `spec.engine` with which Tidegate chooses flags.

Owns these fields and what `status.engine` says of them. Must not know flags: the operator chooses them.
"""

from typing import Literal

from pydantic import Field

from tidegate_api.schema import Model

Preset = Literal["Balanced", "Interactive", "Throughput", "LongContext", "Batch"]


class Tuning(Model):
    """What the engine is to be good at."""

    preset: Preset | None = Field(
        None,
        description="What the engine is to be good at; the flags that follow, each with its reason, are in "
        "`status.engine`. A flag that another field or `args` sets is left as it is set there. `Balanced`: vLLM's own "
        "defaults, among them chunked prefill and prefix caching. `Interactive`: few callers, who wait for each token. "
        "`Throughput`: many callers, and tokens per second count. `LongContext`: long prompts beside short ones. "
        "`Batch`: nobody waits. Default: `Balanced`.",
    )


class ChosenFlag(Model):
    """A flag that Tidegate has chosen, and why."""

    flag: str = Field(max_length=2048, description="The flag with its value, as vLLM gets it.")
    reason: str = Field(max_length=512, description="Why it is set.")


class EngineState(Model):
    """What Tidegate has chosen for the engine."""

    preset: Preset | None = Field(None, description="The preset, its default filled in.")
    flags: list[ChosenFlag] | None = Field(
        None,
        max_length=16,
        description="The flags that follow from the preset and from the fields about speed and memory; none: vLLM's "
        "own defaults.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
