"""From a pydantic model to the structural schema that the API server accepts.

Owns the differences between the two dialects of JSON Schema, and refuses what cannot be said in the narrower
one instead of weakening it silently. Must not know any resource.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from tidegate_api.schema import PATTERN_MESSAGE

VALUE_KEYS: Final = ("type", "format", "description", "default", "enum", "nullable", "pattern", "required")
BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
SIZES: Final = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
KEPT: Final = frozenset((*VALUE_KEYS, *BOUNDS, *SIZES, PATTERN_MESSAGE))
# `additionalProperties` is a mere yes or no here; where it is a schema it is handled before.
DROPPED: Final = frozenset(("title", "examples", "additionalProperties", "$defs"))


class NotStructural(ValueError):
    """A model says something that a custom resource cannot."""


class StructuralSchema(GenerateJsonSchema):
    """Generates what `CustomResourceDefinition.spec.versions[].schema.openAPIV3Schema` may hold."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Say `nullable: true`: the API server knows no type `null`.

        Not of an enum: null would have to be among its values, and kubectl refuses such a definition.
        """
        inner = self.generate_inner(schema["schema"])
        return inner if "enum" in inner else {**inner, "nullable": True}

    def union_schema(self, schema: core_schema.UnionSchema) -> JsonSchemaValue:
        """Refuse: a structural schema has one type per field."""
        raise NotStructural(f"a union of several types has no structural schema: {schema['choices']}")

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """Refuse, as any other union."""
        raise NotStructural("a discriminated union has no structural schema")

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        """Say `enum`, also for a single value: the API server knows no `const`."""
        found = super().literal_schema(schema)
        if "const" in found:
            found["enum"] = [found.pop("const")]
        return found

    def encode_default(self, dft: object) -> Any:
        """Leave a nested object's own defaults to its own schema, so that each stands in one place."""
        if isinstance(dft, BaseModel):
            return dft.model_dump(by_alias=True, exclude_unset=True)
        return super().encode_default(dft)

    def generate(self, schema: CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        """Return the whole schema with every definition in the place where it is used."""
        found = super().generate(schema, mode)
        return structural(found, found.get("$defs", {}), ())


def structural(node: Mapping[str, Any], defs: Mapping[str, Any], seen: tuple[str, ...]) -> dict[str, Any]:
    """Return one node of a schema in the API server's dialect; `seen` are the definitions it lies within."""
    if "$ref" in node:
        name = node["$ref"].removeprefix("#/$defs/")
        if name in seen:
            raise NotStructural(f"{name} contains itself")
        siblings = {key: value for key, value in node.items() if key != "$ref"}
        return structural({**defs[name], **siblings}, defs, (*seen, name))
    result: dict[str, Any] = {}
    for key, value in node.items():
        if key == "properties":
            result[key] = {name: structural(child, defs, seen) for name, child in value.items()}
        elif key == "items" or (key == "additionalProperties" and isinstance(value, Mapping)):
            result[key] = structural(value, defs, seen)
        elif key in KEPT or key.startswith("x-kubernetes-"):
            result[key] = value
        elif key not in DROPPED:
            raise NotStructural(f"{key!r} has no place in a structural schema: {node}")
    return spoken_pattern(old_bounds(result))


def spoken_pattern(node: dict[str, Any]) -> dict[str, Any]:
    """Turn a pattern that has a message into a rule: the API server would only quote the expression."""
    if message := node.pop(PATTERN_MESSAGE, None):
        rule = {"rule": f"self.matches(r'{node.pop('pattern')}')", "message": message}
        node["x-kubernetes-validations"] = [rule, *node.get("x-kubernetes-validations", [])]
    return node


def old_bounds(node: dict[str, Any]) -> dict[str, Any]:
    """Say exclusive bounds in the words of JSON Schema draft 4, and nothing where the default is null."""
    for exclusive, plain in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in node:
            node[plain], node[exclusive] = node[exclusive], True
    if node.get("default", ...) is None:
        del node["default"]
    return node


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the structural schema of a model, with its fields under the names that users write."""
    return model.model_json_schema(by_alias=True, schema_generator=StructuralSchema)
