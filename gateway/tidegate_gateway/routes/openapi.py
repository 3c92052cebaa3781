"""The OpenAPI document: every route of the table, what it takes, what it answers, every status.

Pure. A route cannot be left out: the document is made from the same table that requests are looked up in.
"""

from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import msgspec

from tidegate_gateway.request import BODIED, KEYLESS, MODEL_PREFIX, ROUTES, SHOW_MODEL, Action
from tidegate_gateway.routes.schemas import SCHEMAS, ref

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"
MODEL_PATH: Final = f"{MODEL_PREFIX.decode()}{{model}}"

REFUSALS: Final = {
    400: "The request is not valid; `code` and `param` say what of it.",
    401: "No valid API key was sent.",
    404: "There is no such model that this key may use.",
    405: "The route does not have this method.",
    408: "The request did not arrive in time.",
    413: "The body is larger than 4 MiB.",
    415: "The body is not JSON, or is compressed.",
    422: "The engine cannot do what is asked.",
    429: "A limit or the budget of the tenant is reached; `retry-after` says when to ask again.",
    431: "The headers are larger than 16 KiB or more than 100.",
    500: "The worker failed.",
    501: "The engine cannot do this.",
    502: "The worker broke off, and there was no other.",
    503: "There is no ready worker, or too many requests wait; `retry-after` says when to ask again.",
    504: "The worker sent nothing for too long.",
}
OF_ALL: Final = (400, 405, 408, 413, 431)
OF_KEYS: Final = (401,)
OF_BODIES: Final = (404, 415, 422, 429, 500, 501, 502, 503, 504)


class Described(msgspec.Struct, frozen=True):
    """What readers are told of a route."""

    summary: str
    answer: str
    takes: str | None = None
    # Types of an answer with status 200, beside JSON or in its place.
    media: tuple[str, ...] = (JSON,)


DESCRIBED: Final[Mapping[str, Described]] = {
    "/v1/chat/completions": Described(
        "The next message of a chat; with `stream` as events.", "Completion", "ChatRequest", (JSON, EVENTS)
    ),
    "/v1/completions": Described(
        "The continuation of a text; with `stream` as events.",
        "Completion",
        "CompletionRequest",
        (JSON, EVENTS),
    ),
    "/v1/embeddings": Described("Vectors that stand for texts.", "Embeddings", "EmbeddingRequest"),
    "/tokenize": Described("A text or a chat as the model's tokens.", "Tokens", "TokenizeRequest"),
    "/detokenize": Described("Tokens as text.", "Detokenized", "DetokenizeRequest"),
    "/v1/batch": Described(
        "Many prompts, answered together, in order, in the class that the tenant has for batches. Each has a text or "
        "an error of its own.",
        "BatchAnswer",
        "BatchRequest",
    ),
    "/v1/generate": Described(
        "One text as events. The first has `ttft_ms`, the milliseconds to the first token; the last `finish_reason` "
        "and `usage`; then comes `[DONE]`.",
        "Generated",
        "GenerateRequest",
        (EVENTS,),
    ),
    "/v1/generate_nobatch": Described(
        "One text, with the times that it took. One such request of a service runs at a time: the baseline that "
        "batching is measured against.",
        "Generated",
        "GenerateRequest",
    ),
    "/v1/models": Described("The models and adapters that this key may use.", "Models"),
    MODEL_PATH: Described("One of them.", "Model"),
    "/model": Described("What serves each model, for this key.", "Services"),
    "/openapi.json": Described("This document.", "", None),
    "/docs": Described("This document, to read.", "", None, ("text/html",)),
}


@lru_cache(maxsize=1)
def document() -> bytes:
    """Return the document as JSON."""
    return msgspec.json.encode(describe())


def describe() -> dict[str, Any]:
    """Return the document."""
    routes = {path.decode(): route for path, route in ROUTES.items()} | {MODEL_PATH: SHOW_MODEL}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tidegate",
            "version": _version(),
            "description": "One address for all models: OpenAI's API, and a few routes of our own.",
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": {path: _operations(path, *route) for path, route in routes.items()},
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key, sk-…"}
            },
        },
    }


def _operations(path: str, action: Action, methods: tuple[bytes, ...]) -> dict[str, Any]:
    about = DESCRIBED[path]
    operation: dict[str, Any] = {
        "operationId": path.strip("/").replace("/", "_").replace(".", "_").replace("{model}", "one"),
        "summary": about.summary,
        "responses": _responses(about, action),
    }
    if about.takes is not None:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": ref(about.takes)}}}
    if path == MODEL_PATH:
        name = {"name": "model", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        operation["parameters"] = [name]
    if action in KEYLESS:
        operation["security"] = []
    # HEAD is as GET without a body, and OPTIONS has none: neither needs saying.
    return {method.decode().lower(): operation for method in methods if method != b"HEAD"}


def _responses(about: Described, action: Action) -> dict[str, Any]:
    statuses = [*OF_ALL, *(() if action in KEYLESS else OF_KEYS)]
    if action in BODIED:
        statuses += OF_BODIES
    elif action == "show_model":
        statuses.append(404)
    content = {media: {"schema": _schema(about, media)} for media in about.media}
    refusal = {JSON: {"schema": ref("Error")}}
    return {
        "200": {"description": "The answer.", "content": content},
        **{str(s): {"description": REFUSALS[s], "content": refusal} for s in sorted(statuses)},
    }


def _schema(about: Described, media: str) -> dict[str, Any]:
    if media == EVENTS:
        return ref("Event")
    if media != JSON:
        return {"type": "string"}
    return ref(about.answer) if about.answer else {"type": "object"}


def _version() -> str:
    try:
        return version("tidegate")
    except PackageNotFoundError:
        return "unknown"
