"""A condition, as every custom resource of ours states it.

Owns the shape. Must not know a reason.
"""

from typing import Literal

from pydantic import Field

from tidegate_api.schema import Model


class Condition(Model):
    """One statement about the state of the object, as in every Kubernetes API."""

    type: str = Field(max_length=64, description="What is stated, such as Ready.")
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it holds.")
    reason: str = Field(
        max_length=64,
        description="One CamelCase word for why; each has a paragraph in docs/reference/conditions.md.",
    )
    message: str = Field(
        max_length=4096, description="The same for people: what is wrong, where, and what to do."
    )
    observed_generation: int = Field(ge=0, description="The generation of the spec that this was said about.")
    last_transition_time: str = Field(
        description="When the status last changed (RFC 3339, UTC).", json_schema_extra={"format": "date-time"}
    )
