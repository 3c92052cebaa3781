"""An object for server-side apply is the same object read as JSON and read as YAML, whatever its texts hold."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tidegate_api.applied import as_yaml

TEXTS = st.text(st.characters(exclude_categories=("Cs",)))


@pytest.mark.parametrize(
    "text",
    [
        "\U0001f30a",
        "caf\u00e9",
        "\u2028\u2029\u0085",
        "\x00\x1b\x7f\x9f",
        "\ufeff\ufffe\uffff",
        "a\\ud83c\\udf0a",
        '"\n',
    ],
    ids=[
        "emoji",
        "accent",
        "ends of lines",
        "control characters",
        "byte order",
        "an escape as text",
        "quotes",
    ],
)
def test_a_text_comes_back_as_it_was(text: str) -> None:
    same_in_both({"a": text, text: ["x"]})


@given(st.dictionaries(TEXTS, st.lists(TEXTS)))
def test_so_does_any_text(manifest: dict[str, list[str]]) -> None:
    same_in_both(manifest)


def same_in_both(manifest: dict[str, object]) -> None:
    written = as_yaml(manifest)
    assert json.loads(written) == manifest
    assert yaml.safe_load(written) == manifest


def test_half_a_pair_of_surrogates_becomes_an_escape_and_no_error() -> None:
    assert as_yaml({"a": "\ud800"}).encode() == b'{"a": "\\ud800"}'
