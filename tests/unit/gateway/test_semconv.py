"""Names of the conventions for generative AI."""

import pytest

from tidegate_gateway import semconv
from tidegate_gateway.usage import Usage


@pytest.mark.parametrize(
    ("value", "is_in"),
    [
        ("gen_ai_latest_experimental", True),
        ("http/dup, gen_ai_latest_experimental", True),
        ("gen_ai", False),
        ("http", False),
        ("", False),
    ],
)
def test_the_names_are_those_of_who_asks_for_them(value: str, is_in: bool) -> None:
    assert semconv.is_opted_in(value) is is_in


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        (b"/v1/chat/completions", "chat"),
        (b"/v1/completions", "text_completion"),
        (b"/v1/embeddings", "embeddings"),
        (b"/v1/rerank", None),
    ],
)
def test_an_operation_is_named_where_the_conventions_have_a_name(path: bytes, operation: str | None) -> None:
    assert semconv.attributes(path, "m", None).get("gen_ai.operation.name") == operation


def test_tokens_are_those_that_the_engine_counted() -> None:
    told = semconv.attributes(b"/v1/completions", "m", Usage(7, 3))
    assert (told["gen_ai.usage.input_tokens"], told["gen_ai.usage.output_tokens"]) == (7, 3)
    assert "gen_ai.usage.input_tokens" not in semconv.attributes(b"/v1/completions", "m", None)
