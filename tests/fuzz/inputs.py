"""Inputs that are almost right: seeds, cut, repeated, and put together anew."""

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

NUMBERS = st.sampled_from(
    ["0", "-1", "1e308", "1e999", "-0.0", "9" * 30, "9" * 5000, "NaN", "Infinity", "0x1", "1.5"]
)
NASTY_TEXT = st.text(max_size=12) | st.sampled_from(
    ["\0", "\ud800", "﷽", "../..", "a" * 300, '"', "\\", "\r\n", "{{x}}", "__proto__", "0x7f", "\u202e", ""]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | NASTY_TEXT | st.just(10**400)


def values(leaves: int = 12) -> st.SearchStrategy[Any]:
    """Return JSON values of any kind, among them what JSON cannot say."""
    return st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NASTY_TEXT, inner, max_size=4),
        max_leaves=leaves,
    )


def spoiled(good: Any) -> st.SearchStrategy[Any]:
    """Return a value like a good one in which some members are missing, of another kind, or too many."""
    if isinstance(good, dict):
        members = {key: spoiled(one) for key, one in good.items()}
        kept = st.fixed_dictionaries({}, optional=members)
        more = st.dictionaries(NASTY_TEXT, SCALARS, max_size=2)
        return st.one_of(kept, kept, st.builds(lambda a, b: {**a, **b}, kept, more), SCALARS)
    if isinstance(good, list):
        inner = st.one_of([spoiled(one) for one in good]) if good else SCALARS
        return st.lists(inner, max_size=3) | SCALARS
    return st.one_of(st.just(good), st.just(good), SCALARS, values(3))


@st.composite
def shuffled(draw: st.DrawFn, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    """Return a seed with pieces taken out, put in and repeated."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(data)))
        to = min(len(data), at + draw(st.integers(0, 20)))
        piece = draw(st.sampled_from(tokens) | st.binary(max_size=6) | st.just(data[at:to]))
        data = data[:at] + piece + data[draw(st.sampled_from([at, to])) :]
    return data


def dumped(value: Any) -> bytes:
    """Return JSON as Python writes it, NaN and halves of pairs included."""
    return json.dumps(value).encode()


@st.composite
def cuts(draw: st.DrawFn, size: int) -> list[int]:
    """Return where something of this size is cut."""
    return sorted(draw(st.lists(st.integers(0, size), max_size=6)))


def split(data: bytes, at: Sequence[int]) -> list[bytes]:
    """Return the pieces between cuts."""
    edges = [0, *at, len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(edges)]


def described(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return values that a CRD's schema lets pass, but for its patterns and rules."""
    made = _of_type(schema)
    return st.none() | made if schema.get("nullable") else made


def _of_type(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema.get("x-kubernetes-int-or-string"):
        return st.integers(0, 9) | st.sampled_from(["1", "1Gi", "500m"])
    make = _BY_TYPE.get(schema.get("type", ""))
    return values(3) if make is None else make(schema)


def _object(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    if "properties" not in schema:
        inner = schema.get("additionalProperties")
        return st.dictionaries(
            NASTY_TEXT, described(inner) if isinstance(inner, dict) else SCALARS, max_size=2
        )
    needed = set(schema.get("required", ()))
    members = {key: described(one) for key, one in schema["properties"].items()}
    return st.fixed_dictionaries(
        {key: one for key, one in members.items() if key in needed},
        optional={key: one for key, one in members.items() if key not in needed},
    )


def _array(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    return st.lists(described(schema.get("items", {})), max_size=min(3, schema.get("maxItems", 3)))


def _number(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    return st.floats(
        schema.get("minimum"),
        schema.get("maximum"),
        allow_nan=False,
        allow_infinity=False,
        allow_subnormal=False,
    )


_TEXTS = st.sampled_from(["a", "hf://a/b", "pvc://c/d", "oci://r/i:1", "s3://b/c", "1Gi", "0", "1"])
_BY_TYPE: Mapping[str, Callable[[Mapping[str, Any]], st.SearchStrategy[Any]]] = {
    "object": _object,
    "array": _array,
    "integer": lambda schema: st.integers(schema.get("minimum", -(2**31)), schema.get("maximum", 2**31)),
    "number": _number,
    "boolean": lambda _: st.booleans(),
    "string": lambda _: NASTY_TEXT | _TEXTS,
}
