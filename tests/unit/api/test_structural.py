"""From pydantic to structural schema: what is translated, and what is refused rather than weakened."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from tidegate_api.quantity import Quantity
from tidegate_api.schema import Model, pattern_message, rules
from tidegate_api.structural import NotStructural, schema_of


class Inner(Model):
    """What is inside."""

    depth: int = Field(3, description="How deep.")


def property_of(annotation: Any, field: Any) -> dict[str, Any]:
    """Return the schema of a model's one field."""
    made = type("Sample", (Model,), {"__annotations__": {"some_field": annotation}, "some_field": field})
    found: dict[str, Any] = schema_of(made)["properties"]["someField"]
    return found


@pytest.mark.parametrize(
    ("annotation", "field", "want"),
    [
        pytest.param(
            int,
            Field(1, ge=0),
            {"type": "integer", "minimum": 0, "default": 1},
            id="a bound and a default stay",
        ),
        pytest.param(
            float,
            Field(1.5, gt=0),
            {"type": "number", "minimum": 0, "exclusiveMinimum": True, "default": 1.5},
            id="an exclusive bound is said in the words of draft 4",
        ),
        pytest.param(
            str | None,
            Field(None, max_length=5),
            {"type": "string", "maxLength": 5, "nullable": True},
            id="an optional field is nullable and has no default",
        ),
        pytest.param(
            Literal["one"] | None,
            Field(None),
            {"type": "string", "enum": ["one"]},
            id="a single literal is an enum, and no enum is nullable",
        ),
        pytest.param(
            Inner,
            Field(Inner()),
            {
                "type": "object",
                "description": "What is inside.",
                "properties": {"depth": {"type": "integer", "default": 3, "description": "How deep."}},
                "default": {},
            },
            id="a nested object is inlined, and its defaults stand in its own fields",
        ),
        pytest.param(
            Inner,
            Field(Inner(depth=4), description="Its own."),
            {
                "type": "object",
                "description": "Its own.",
                "properties": {"depth": {"type": "integer", "default": 3, "description": "How deep."}},
                "default": {"depth": 4},
            },
            id="a field's description and default go over those of its type",
        ),
        pytest.param(
            dict[str, Annotated[int, Field(ge=1)]],
            Field({}, max_length=2),
            {
                "type": "object",
                "additionalProperties": {"type": "integer", "minimum": 1},
                "maxProperties": 2,
                "default": {},
            },
            id="a map keeps the schema of its values",
        ),
        pytest.param(
            dict[str, Any],
            Field({}, json_schema_extra={"x-kubernetes-preserve-unknown-fields": True}),
            {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "default": {}},
            id="an opaque object says so in the API server's words only",
        ),
        pytest.param(
            str,
            Field("a", pattern="^a$", json_schema_extra=pattern_message("must be a")),
            {
                "type": "string",
                "default": "a",
                "x-kubernetes-validations": [{"rule": "self.matches(r'^a$')", "message": "must be a"}],
            },
            id="a pattern with a message becomes a rule",
        ),
        pytest.param(
            str,
            Field("a", examples=["a"], title="A"),
            {"type": "string", "default": "a"},
            id="titles and examples go",
        ),
    ],
)
def test_a_field_is_translated(annotation: Any, field: Any, want: dict[str, Any]) -> None:
    assert property_of(annotation, field) == want


def test_a_field_may_be_called_as_a_keyword_is() -> None:
    assert set(schema_of(Keywords)["properties"]) == {"title", "examples"}


def test_unknown_fields_are_the_business_of_the_api_server() -> None:
    assert "additionalProperties" not in schema_of(Keywords)


def test_a_required_field_is_listed() -> None:
    assert schema_of(Keywords)["required"] == ["title"]


def test_the_rules_of_a_model_stand_beside_its_fields() -> None:
    assert schema_of(Keywords)["x-kubernetes-validations"] == [{"rule": "true", "message": "never wrong"}]


def test_a_quantity_may_be_a_number_without_quotes_and_is_text_inside() -> None:
    assert property_of(Quantity, Field())["x-kubernetes-int-or-string"] is True
    assert Amount.model_validate({"amount": 4}).amount == "4"


class Keywords(Model):
    """A model whose fields are called as keywords of the schema are."""

    model_config = rules(("true", "never wrong"))

    title: str = Field(description="A title.")
    examples: list[str] = Field([], description="Examples.")


class Amount(Model):
    """A model with a quantity."""

    amount: Quantity = Field(description="How much.")


class Recursive(Model):
    """A model that contains itself."""

    child: "Recursive | None" = Field(None, description="Another.")


class Cat(Model):
    """One of two."""

    kind: Literal["cat"] = "cat"


class Dog(Model):
    """The other of two."""

    kind: Literal["dog"] = "dog"


class Discriminated(Model):
    """A model with a choice told apart by a field."""

    pet: Cat | Dog = Field(discriminator="kind")


class Either(Model):
    """A model with a choice of types."""

    either: int | list[int] = Field(description="One or many.")


class Pair(Model):
    """A model with a list of fixed places."""

    pair: tuple[int, str] = Field(description="Two.")


@pytest.mark.parametrize(
    ("model", "word"),
    [
        pytest.param(Either, "union", id="a union of types"),
        pytest.param(Discriminated, "discriminated", id="a discriminated union"),
        pytest.param(Recursive, "contains itself", id="a recursive model"),
        pytest.param(Pair, "prefixItems", id="a keyword that structural schemas lack"),
    ],
)
def test_what_cannot_be_said_is_refused(model: type[Model], word: str) -> None:
    with pytest.raises(NotStructural, match=word):
        schema_of(model)
