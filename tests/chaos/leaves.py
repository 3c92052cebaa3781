"""What may be written into an LLMService: every field of its schema, by every deed that a user could do to it. Pure.

Walks the definition as the API server has it, field by field (after Acto, SOSP 2023): delete, empty, least, most, over,
another type, each of an enum's values, one more and one less in a list; and values that mean something to Kubernetes
(`meanings`). Owns the names of operations. Must not know what is right: the API server and the operator say so.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from chaos.meanings import GROUNDS, MEANINGS

CRD = Path(__file__).parents[2] / "crds" / "llmservices.serving.tidegate.dev.yaml"
Spec = dict[str, Any]
Schema = Mapping[str, Any]
Path_ = tuple[str | int, ...]
SCHEMA: Schema = yaml.safe_load(CRD.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"][
    "properties"
]["spec"]
# Says that a field is to be left out.
ABSENT: Any = object()
_BEYOND = 2**63
_ODD = "a\nb\t\u202e\U0001f30a"


@dataclass(frozen=True, slots=True)
class Operation:
    """One deed to one field: `value` is written there, or the field left out (`ABSENT`).

    `ground` names the spec that it is done to where nothing else is said.
    """

    ground: str
    path: Path_
    deed: str
    value: Any

    @property
    def field(self) -> str:
        """Return the field as the API server writes it: `engine.env[0].name`."""
        words = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return words.removeprefix(".")

    def __str__(self) -> str:
        return f"{self.field}={self.deed}"

    def on(self, spec: Spec) -> Spec:
        """Return a spec with this done to it; the same where the field's place is not there."""
        changed = deepcopy(spec)
        where = _find(changed, self.path[:-1])
        last = self.path[-1]
        if isinstance(where, dict) and isinstance(last, str):
            if self.value is ABSENT:
                where.pop(last, None)
            else:
                where[last] = deepcopy(self.value)
        elif isinstance(where, list) and isinstance(last, int) and last < len(where):
            if self.value is ABSENT:
                del where[last]
            else:
                where[last] = deepcopy(self.value)
        return changed

    @property
    def spec(self) -> Spec:
        """Return the spec that this makes of its ground."""
        return self.on(GROUNDS[self.ground])


@cache
def operations() -> tuple[Operation, ...]:
    """Return every operation, each name once, in the order of the schema."""
    found: dict[str, Operation] = {}
    for path, schema in _fields(SCHEMA, ()):
        for one in _of_field(path, schema):
            found.setdefault(str(one), one)
    return tuple(found.values())


def named(name: str) -> Operation:
    """Return the operation of this name; raises KeyError."""
    return next(one for one in operations() if str(one) == name)


def chains(count: int, length: int, seed: int) -> list[tuple[str, tuple[Operation, ...]]]:
    """Return so many chains of operations, drawn by the seed; each begins at a ground."""
    drawn = random.Random(seed)
    return [
        (drawn.choice(list(GROUNDS)), tuple(drawn.choice(operations()) for _ in range(length)))
        for _ in range(count)
    ]


def _fields(schema: Schema, path: Path_) -> Iterator[tuple[Path_, Schema]]:
    """Yield every field below, each in the place that a ground has it; of a list its first entry."""
    if path:
        yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from _fields(inner, (*path, name))
    if "items" in schema:
        yield from _fields(schema["items"], (*path, 0))
    if isinstance(schema.get("additionalProperties"), dict):
        yield from _fields(schema["additionalProperties"], (*path, "cpu"))


def _of_field(path: Path_, schema: Schema) -> Iterator[Operation]:
    ground = next((name for name, spec in GROUNDS.items() if _find(spec, path) is not None), None)
    ground = ground or next(name for name, spec in GROUNDS.items() if _find(spec, path[:-1]) is not None)
    now = _find(GROUNDS[ground], path)
    named_ = ".".join("[]" if isinstance(step, int) else step for step in path)
    for deed, value in (*_deeds(schema, now), *MEANINGS.get(named_, {}).items()):
        yield Operation(ground, path, deed, value)


def _deeds(schema: Schema, now: Any) -> Iterator[tuple[str, Any]]:
    yield "absent", ABSENT
    yield "null", None
    match schema.get("type"):
        case "string":
            yield from _of_string(schema)
        case "integer" | "number":
            yield from _of_number(schema)
        case "boolean":
            yield from (("true", True), ("false", False), ("word", "yes"), ("number", 1))
        case "array":
            yield from _of_list(schema, now or [])
        case "object":
            yield from _of_object(schema, now or {})
        case _:
            yield from _of_quantity(schema)


def _of_string(schema: Schema) -> Iterator[tuple[str, Any]]:
    yield from ((f"is-{value}", value) for value in schema.get("enum", ()))
    if "enum" in schema:
        yield "lower-case", str(schema["enum"][0]).swapcase()
    most = schema.get("maxLength", 64)
    yield from (("empty", ""), ("number", 7), ("list", ["x"]), ("odd", _ODD), ("space", " "))
    yield from (("longest", "a" * most), ("over", "a" * (most + 1)), ("upper", "ABC"), ("dash", "-x"))


def _of_number(schema: Schema) -> Iterator[tuple[str, Any]]:
    least, most = schema.get("minimum", 0), schema.get("maximum", 100)
    yield from ((f"is-{value}", value) for value in schema.get("enum", ()))
    yield from (("least", least), ("most", most), ("below", least - 1), ("over", most + 1), ("zero", 0))
    yield from (
        ("negative", -(2**31)),
        ("beyond", _BEYOND),
        ("fraction", 1.5),
        ("word", "many"),
        ("flag", True),
    )


def _of_list(schema: Schema, now: list[Any]) -> Iterator[tuple[str, Any]]:
    item = now[-1] if now else "x"
    yield from (("empty", []), ("word", "x"), ("popped", now[:-1]), ("same-twice", [*now, item]))
    yield "pushed", [*now, _another(item, 1)]
    yield "holding-null", [*now, None]
    if most := schema.get("maxItems"):
        yield "most", [_another(item, number) for number in range(most)]
        yield "over", [_another(item, number) for number in range(most + 1)]


def _another(item: Any, number: int) -> Any:
    """Return an entry that is told apart from this one, if it has anything to be told apart by."""
    if isinstance(item, dict) and "name" in item:
        return {**item, "name": f"{item['name']}{number}"}
    return f"{item}{number}" if isinstance(item, str) else item


def _of_object(schema: Schema, now: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from (("empty", {}), ("word", "x"), ("list", []), ("unknown-field", {**now, "unheardOf": 1}))
    if most := schema.get("maxProperties"):
        yield "over", {**now, **{f"example.com/x{number}": "1" for number in range(most + 1)}}


def _of_quantity(schema: Schema) -> Iterator[tuple[str, Any]]:
    words = (
        "0",
        "1",
        "100m",
        "1Ki",
        "1.5Gi",
        "-1",
        "1e3",
        "",
        "1 Gi",
        "abc",
        "999999999999Ti",
        "1" * 33,
        "1n",
    )
    yield from ((f"is-{word[:12]}", word) for word in words)
    yield from (("whole", 2), ("negative-whole", -2), ("beyond", _BEYOND), ("fraction", 0.5), ("flag", True))


def _find(spec: Any, path: Sequence[str | int]) -> Any:
    """Return what is at a path, None where nothing is."""
    for step in path:
        is_there = step in spec if isinstance(spec, dict) else isinstance(step, int) and _has(spec, step)
        if not is_there:
            return None
        spec = spec[step]
    return spec


def _has(spec: Any, index: int) -> bool:
    return isinstance(spec, list) and index < len(spec)
