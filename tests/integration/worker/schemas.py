"""JSON schemas to answer in: made from a seed, so that number 17 is the same one everywhere.

Every part is bounded (lengths, items, digits), since a model that talks nonsense ends a string only where it has to; an
answer that is cut off by `max_tokens` would be the test's mistake.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

Schema = dict[str, Any]

COUNT = 200
_DEPTH = 3
_WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "haven")
_PATTERNS = (
    "^[a-z]{3,8}$",
    "^[A-Z]{2}-[0-9]{4}$",
    "^(low|medium|high)$",
    "^[0-9]{4}-[0-1][0-9]-[0-3][0-9]$",
    "^#[0-9a-f]{6}$",
)


def schema(number: int) -> Schema:
    """Return one schema: an object, with definitions where it refers to some."""
    rng = random.Random(number)
    top = _object(rng, _DEPTH)
    if number % 3 == 0:
        top["$defs"] = {"part": _object(rng, 1)}
        top["properties"]["part"] = {"$ref": "#/$defs/part"}
        top["properties"]["parts"] = {"type": "array", "items": {"$ref": "#/$defs/part"}, "maxItems": 2}
        top["required"] = sorted({*top["required"], "part"})
    return top


def features(of: Any) -> Counter[str]:
    """Return how often each keyword is used."""
    found: Counter[str] = Counter()
    if isinstance(of, Mapping):
        found.update(key for key in of if key in _TOLD)
        found["optional"] += int("properties" in of and len(of["properties"]) > len(of["required"]))
        for value in of.values():
            found += features(value)
    elif isinstance(of, list):
        for value in of:
            found += features(value)
    return found


_TOLD = frozenset(
    {"enum", "const", "pattern", "minimum", "maximum", "minItems", "maxItems", "anyOf", "$ref", "$defs"}
)


def _any(rng: random.Random, depth: int) -> Schema:
    flat: tuple[Callable[[random.Random], Schema], ...] = (
        _enum,
        _constant,
        _text,
        _pattern,
        _integer,
        _number,
        _plain,
    )
    if depth == 0 or rng.random() < 0.5:
        return rng.choice(flat)(rng)
    return rng.choice((_object, _array, _either))(rng, depth - 1)


def _object(rng: random.Random, depth: int) -> Schema:
    names = rng.sample(_WORDS, rng.randint(1, 4))
    return {
        "type": "object",
        "properties": {name: _any(rng, depth) for name in names},
        "required": sorted(rng.sample(names, rng.randint(0, len(names)))),
        "additionalProperties": False,
    }


def _array(rng: random.Random, depth: int) -> Schema:
    least = rng.randint(0, 2)
    return {
        "type": "array",
        "items": _any(rng, depth),
        "minItems": least,
        "maxItems": least + rng.randint(0, 2),
    }


def _either(rng: random.Random, depth: int) -> Schema:
    return {"anyOf": [_any(rng, depth), _any(rng, 0)]}


def _enum(rng: random.Random) -> Schema:
    return {"enum": rng.sample([*_WORDS, 1, 2.5, True, None], rng.randint(2, 4))}


def _constant(rng: random.Random) -> Schema:
    return {"const": rng.choice([*_WORDS, 42, False])}


def _text(rng: random.Random) -> Schema:
    """Return a text of bounded length, by a pattern: with `maxLength` xgrammar lets control characters through."""
    least = rng.randint(0, 4)
    return {"type": "string", "pattern": f"^[A-Za-z0-9 .,-]{{{least},{least + rng.randint(1, 12)}}}$"}


def _pattern(rng: random.Random) -> Schema:
    return {"type": "string", "pattern": rng.choice(_PATTERNS)}


def _integer(rng: random.Random) -> Schema:
    least = rng.randint(-1000, 1000)
    return {"type": "integer", "minimum": least, "maximum": least + rng.randint(0, 5000)}


def _number(rng: random.Random) -> Schema:
    least = rng.randint(-50, 50)
    return {"type": "number", "minimum": least, "maximum": least + rng.randint(1, 100)}


def _plain(rng: random.Random) -> Schema:
    return {"type": rng.choice(("boolean", "null"))}
