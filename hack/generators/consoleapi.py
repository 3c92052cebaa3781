"""The reference page of the console's API, made of the table that the process routes by.

The words around that table are in consoleapi.md. Must not describe an operation that is not in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from generators import reference
from tidegate_console import openapi
from tidegate_console.routes import ROUTES, Route

SOURCE = "console/tidegate_console/routes.py"
WORDS = Path(__file__).with_name("consoleapi.md")


def page() -> str:
    """Return the page."""
    rows = ((f"`{one.method} {one.path}`", _meaning(one), _needs(one)) for one in ROUTES)
    table = reference.table(("Operation", "What it does", "For"), rows)
    words = WORDS.read_text().replace("{OPERATIONS}", table).replace("{BODIES}", "\n".join(_bodies()).strip())
    return reference.page("The console's API", SOURCE, words, "").rstrip() + "\n"


def _meaning(route: Route) -> str:
    query = " ".join(f"`?{name}=` {words}" for name, words in route.query)
    body = f"Body: {route.body.__name__}." if route.body is not None else ""
    return " ".join(words for words in (f"{route.summary}.", route.detail, query, body) if words)


def _needs(route: Route) -> str:
    return "a user" if route.needs_user else "anybody"


def _bodies() -> Iterator[str]:
    schemas = openapi.description("")["components"]["schemas"]
    for name in ("Pull", "Applied", "NewKey", "SecretKey"):
        schema = schemas[name]
        yield f"**{name}**: {schema['description']}\n"
        yield reference.table(("Field", "", "Meaning"), _fields(schema))
        yield ""


def _fields(schema: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, field in schema["properties"].items():
        needed = "required" if name in schema.get("required", ()) else "optional"
        yield f"`{name}`", needed, field.get("description", "")
