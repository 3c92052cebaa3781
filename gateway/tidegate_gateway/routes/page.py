"""The OpenAPI document as one page of HTML: nothing to load, no script. Pure."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from html import escape
from typing import Any, Final

from tidegate_gateway.routes.openapi import describe

STYLE: Final = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;"
    "padding:0 1rem}code,pre{font-family:ui-monospace,monospace;font-size:.9em}pre{overflow:auto;padding:.75rem;"
    "border:1px solid #8886;border-radius:.4rem}table{border-collapse:collapse;width:100%}td,th{text-align:left;"
    "vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #8884}h2{margin-top:2.5rem}summary{cursor:pointer}"
)
# Nothing but this very style may be used by the page, whatever slips into it.
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
EXAMPLE: Final = """curl -N $URL/v1/chat/completions \\
  -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\
  -d '{"model": "NAME", "messages": [{"role": "user", "content": "Hello"}], "stream": true}'"""


@lru_cache(maxsize=1)
def page() -> bytes:
    """Return the page."""
    return "\n".join(_lines(describe())).encode()


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    info = document["info"]
    yield f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])}</title>'
    yield f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>'
    yield f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{escape(info['description'])}</p>"
    yield f"<pre>{escape(EXAMPLE)}</pre>"
    yield '<p>For programs: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p><ul>'
    for path in document["paths"]:
        yield f'<li><a href="#{escape(path)}"><code>{escape(path)}</code></a></li>'
    yield "</ul>"
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield from _operation(path, method, operation)
    yield "<h2>Schemas</h2>"
    for name, schema in document["components"]["schemas"].items():
        shown = escape(json.dumps(schema, indent=2))
        yield f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary><pre>{shown}</pre></details>'
    yield "</body></html>"


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> Iterator[str]:
    keyless = " It needs no key." if operation.get("security") == [] else ""
    yield f'<h2 id="{escape(path)}"><code>{method.upper()} {escape(path)}</code></h2>'
    yield f"<p>{escape(operation['summary'])}{keyless}</p>"
    if "requestBody" in operation:
        yield f"<p>Takes {_schemas(operation['requestBody']['content'])}.</p>"
    yield "<table><tr><th>status</th><th>meaning</th><th>content</th></tr>"
    for status, response in operation["responses"].items():
        meaning = escape(response["description"])
        yield f"<tr><td>{status}</td><td>{meaning}</td><td>{_schemas(response['content'])}</td></tr>"
    yield "</table>"


def _schemas(content: Mapping[str, Any]) -> str:
    """Return types of content, each with a link to its schema where it has one."""
    told = []
    for media, about in content.items():
        name = about["schema"].get("$ref", "").rpartition("/")[2]
        link = f' <a href="#{escape(name)}">{escape(name)}</a>' if name else ""
        told.append(f"<code>{escape(media)}</code>{link}")
    return ", ".join(told)
