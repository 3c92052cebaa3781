"""How our pydantic models differ from plain ones: camelCase outside, frozen inside, rules for the API server.

Owns the base class of every model of the API. Must not know any resource.
"""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, JsonValue
from pydantic.alias_generators import to_camel

# Says in words what a field's pattern asks for; becomes the message of a rule in the custom resource.
PATTERN_MESSAGE: Final = "x-tidegate-pattern-message"


class Model(BaseModel):
    """A part of a custom resource: unknown fields are refused, values never change after parsing."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


def rules(*pairs: tuple[str, str]) -> ConfigDict:
    """Return a model configuration carrying CEL rules as (expression, message) pairs.

    The API server prefixes a message only with the path of the object, so a message names its field.
    """
    validations: list[JsonValue] = [{"rule": rule, "message": message} for rule, message in pairs]
    return ConfigDict(json_schema_extra={"x-kubernetes-validations": validations})


def pattern_message(message: str) -> dict[str, Any]:
    """Return the schema extension with which a wrong value is answered by `message`, not by the pattern."""
    return {PATTERN_MESSAGE: message}


def list_map(*keys: str) -> dict[str, Any]:
    """Return the schema extension of a list whose entries are told apart by `keys`."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


def opaque() -> dict[str, Any]:
    """Return the schema extension of an object that the API server stores as it comes."""
    return {"x-kubernetes-preserve-unknown-fields": True}
