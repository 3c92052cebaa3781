"""Reference pages: one table row per field, from a schema.

Owns the Markdown. Must not add a word about a field: its description says all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from generators.text import COMMAND, cell

Schema = Mapping[str, Any]
BOUNDS = (
    ("minimum", "at least {}"),
    ("maximum", "at most {}"),
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("maxItems", "at most {} entries"),
    ("maxProperties", "at most {} entries"),
    ("format", "{}"),
    ("pattern", "`{}`"),
)


def page(title: str, source: str, intro: str, body: str) -> str:
    """Return a whole page, naming its source and its command."""
    head = f"<!-- Made by `{COMMAND}` from {source}; do not edit. -->\n\n# {title}\n"
    return f"{head}\n{intro.strip()}\n\n{body.strip()}\n"


def resource_page(kind: str, definition: Schema) -> str:
    """Return the page of a custom resource: columns, then every field of spec and status."""
    version = definition["spec"]["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    names = definition["spec"]["names"]
    intro = f"""{schema["description"]}

`apiVersion: {definition["spec"]["group"]}/{version["name"]}`, `kind: {kind}`; `kubectl get {names["shortNames"][0]}`.
Subresources: {", ".join(f"`/{name}`" for name in version.get("subresources", {})) or "none"}."""
    parts = [table(("Column", "Shows"), columns(version)), rules_of_root(schema)]
    for part in ("spec", "status"):
        if part in schema["properties"]:
            rows = fields(schema["properties"][part], part)
            parts.append(f"## {part}\n\n{table(('Field', 'Type', 'Default', 'Meaning'), rows)}")
    return page(kind, "crds/tidegate_api", intro, "\n\n".join(part for part in parts if part))


def columns(version: Schema) -> Iterator[tuple[str, ...]]:
    """Yield the columns of `kubectl get`."""
    for column in version["additionalPrinterColumns"]:
        wide = " Only with `-o wide`." if column.get("priority") else ""
        yield column["name"], column["description"] + wide


def rules_of_root(schema: Schema) -> str:
    """Return the rules about the object as a whole, and about its spec, which no row of a table is about."""
    nodes = (schema, schema["properties"]["spec"])
    rules = (rule for node in nodes for rule in node.get("x-kubernetes-validations", []))
    return "\n".join(f"- {rule['message']}." for rule in rules)


def table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell(text) for text in line) + " |" for line in lines)


def fields(schema: Schema, path: str) -> Iterator[tuple[str, ...]]:
    """Yield a row for every field below a node, parents first, in the order of the source."""
    for name, own in schema.get("properties", {}).items():
        child = {**own, **default_from(schema, name)}
        here = f"{path}.{name}" if path else name
        required = name in schema.get("required", [])
        yield f"`{here}`", type_of(child), default_of(child, required), meaning(child)
        inner = child.get("items", child.get("additionalProperties", child))
        mark = (
            "[]" if "items" in child else ".*" if isinstance(child.get("additionalProperties"), dict) else ""
        )
        if isinstance(inner, dict):
            yield from fields(inner, here + mark)


def default_from(parent: Schema, name: str) -> Schema:
    """Return the default that a field has by that of the object it is in, which goes over its own."""
    given = parent.get("default")
    return {"default": given[name]} if isinstance(given, dict) and name in given else {}


def type_of(node: Schema) -> str:
    """Return the type of a field in the words of users."""
    if "enum" in node:
        return ", ".join(f"`{value}`" for value in node["enum"])
    if node.get("x-kubernetes-int-or-string"):
        return "quantity"
    if node.get("type") == "array":
        return f"list of {type_of(node['items'])}"
    if isinstance(node.get("additionalProperties"), dict):
        return f"map to {type_of(node['additionalProperties'])}"
    return str(node.get("type", "any"))


def default_of(node: Schema, required: bool) -> str:
    """Return the default of a field as it would be written."""
    if required:
        return "required"
    if "default" not in node or "properties" in node:
        return ""  # that of an object is told by the rows of its fields
    return f"`{json.dumps(node['default'], ensure_ascii=False)}`"


def meaning(node: Schema) -> str:
    """Return the description of a field with its bounds and rules."""
    bounds = [text.format(node[key]) for key, text in BOUNDS if key in node]
    # The entries of a list of texts have no row of their own.
    entries = node["items"] if "items" in node and "properties" not in node["items"] else {}
    rules = [rule["message"] for one in (node, entries) for rule in one.get("x-kubernetes-validations", [])]
    described = node.get("description", "")
    if bounds:
        described += f" ({', '.join(bounds)})"
    return " ".join([described, *(f"Rule: {rule}." for rule in rules)])
