"""Depth is counted outside of texts, however they are written."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_gateway.nesting import is_deeper

VALUES = st.recursive(
    st.text(alphabet='[]{}"\\,:a\n') | st.none() | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet='[]{}"\\a'), inner, max_size=4)
    ),
    max_leaves=20,
)


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@settings(deadline=None, max_examples=300)
@given(value=VALUES, wrapped=st.integers(0, 6), indent=st.sampled_from([None, 1]))
def test_depth_is_that_of_the_values(value: Any, wrapped: int, indent: int | None) -> None:
    for _ in range(wrapped):
        value = [value, "[[["]
    data, levels = json.dumps(value, indent=indent).encode(), depth(value)
    assert not is_deeper(data, levels)
    assert levels == 0 or is_deeper(data, levels - 1)


@pytest.mark.parametrize(
    ("data", "levels"), [(b'"[[[["', 0), (b"7", 0), (b"[]", 1), (b'{"a":[]}', 2), (b"[[],[],[[]]]", 3)]
)
def test_depth_by_example(data: bytes, levels: int) -> None:
    assert not is_deeper(data, levels)
    assert is_deeper(b"[" + data + b"]", levels)
