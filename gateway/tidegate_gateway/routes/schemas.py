"""What requests may hold and what answers do hold, as JSON Schema 2020-12.

Parameters come from the rules that are applied to them, so that both say the same. Must say nothing of a request
that is not refused otherwise: what only the engine judges is left open. Pure.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tidegate_gateway import messages, parameters, prompts
from tidegate_gateway.body import MODEL_NAME
from tidegate_gateway.routes.requests import OF_THE_BATCH, ONE, TOOLS

Schema = dict[str, Any]
# By name of the member; False is one that must not be there.
Members = dict[str, Schema | bool]

NULL: Final[Schema] = {"type": "null"}
TEXT: Final[Schema] = {"type": "string"}
INTEGER: Final[Schema] = {"type": "integer"}
NUMBER: Final[Schema] = {"type": "number"}
TEXT_OR_NULL: Final[Schema] = {"type": ["string", "null"]}
TOKEN_ID: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": prompts.MOST_ID}


def ref(name: str) -> Schema:
    """Return a reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(required: Mapping[str, Schema], optional: Mapping[str, Schema | bool] | None = None) -> Schema:
    """Return an object that has at least these members."""
    return {"type": "object", "required": [*required], "properties": {**required, **(optional or {})}}


def listing(items: Schema, least: int = 0, most: int | None = None) -> Schema:
    """Return a list of so many."""
    bounds = {"minItems": least} if least else {}
    return {"type": "array", "items": items, **bounds, **({"maxItems": most} if most else {})}


def either(*schemas: Schema) -> Schema:
    """Return what is one of these, or several."""
    return {"anyOf": [*schemas]}


def _sampling() -> Members:
    """Return the members that any request may have beside its prompt."""
    bounded = f"At most {parameters.SCHEMA_BYTES // 1024} KiB, {parameters.SCHEMA_DEPTH} levels deep."
    refused = (*parameters.FORBIDDEN, *parameters.TRANSFERS, *parameters.REMOVED)
    return {
        **{key: msgspec.json.schema(kind) for key, kind in parameters.ACCEPTED.items() if key != "model"},
        **{key: {"type": [kind, "null"], "description": bounded} for key, kind in parameters.SCHEMAS.items()},
        **dict.fromkeys(refused, False),
    }


SAMPLING: Final = _sampling()
# Whether it is streamed is the route's to say.
ONE_TEXT: Final[Members] = {
    **{key: schema for key, schema in SAMPLING.items() if key not in {"stream", "stream_options"}},
    **dict.fromkeys(ONE, either({"const": 1}, NULL)),
    **dict.fromkeys(TOOLS, False),
}
MODEL: Final[Schema] = {
    "type": "string",
    "pattern": f"^{MODEL_NAME.pattern}$",
    "description": "One of GET /v1/models.",
}
TOKEN_IDS: Final = listing(TOKEN_ID, 1)
ONE_PROMPT: Final = either(TEXT, TOKEN_IDS)
PROMPTS: Final = either(listing(TEXT, 1, prompts.PROMPTS), listing(listing(TOKEN_ID), 1, prompts.PROMPTS))
INPUTS: Final = either(listing(TEXT, 1, prompts.INPUTS), listing(listing(TOKEN_ID), 1, prompts.INPUTS))
MESSAGES: Final = listing(ref("Message"), 1)
CONVERSATIONS: Final = either(MESSAGES, listing(MESSAGES, 1))
ASKED: Final[Members] = {
    "prompt": either(ONE_PROMPT, listing(TEXT, 1, 1), listing(listing(TOKEN_ID), 1, 1)),
    "messages": MESSAGES,
}
BATCHED: Final = either(listing(TEXT, 1, prompts.PROMPTS), listing(TOKEN_IDS, 1, prompts.PROMPTS))
PROMPT_OR_MESSAGES: Final = [{"required": ["prompt"]}, {"required": ["messages"]}]
FETCHED: Final = either({"type": "string", "pattern": "^data:"}, NULL)
USAGE: Final = record(
    {"prompt_tokens": INTEGER, "total_tokens": INTEGER},
    {"completion_tokens": INTEGER, "prompt_tokens_details": either({"type": "object"}, NULL)},
)
ERROR: Final = record(
    {
        "message": TEXT,
        "type": TEXT_OR_NULL,
        "param": TEXT_OR_NULL,
        "code": {"type": ["string", "integer", "null"]},
    },
    {"request_id": TEXT},
)

REQUESTS: Final[dict[str, Schema]] = {
    "ChatRequest": record({"model": MODEL, "messages": MESSAGES}, SAMPLING),
    "CompletionRequest": record({"model": MODEL, "prompt": either(ONE_PROMPT, PROMPTS)}, SAMPLING),
    "EmbeddingRequest": record(
        {"model": MODEL},
        {**SAMPLING, "input": either(ONE_PROMPT, INPUTS, CONVERSATIONS), "messages": CONVERSATIONS},
    )
    | {"anyOf": [{"required": ["input"]}, {"required": ["messages"]}]},
    "TokenizeRequest": record({"model": MODEL}, {**SAMPLING, "prompt": TEXT, "messages": MESSAGES})
    | {"anyOf": PROMPT_OR_MESSAGES},
    "DetokenizeRequest": record({"model": MODEL, "tokens": TOKEN_IDS}, SAMPLING),
    "GenerateRequest": record({"model": MODEL}, {**ONE_TEXT, **ASKED}) | {"anyOf": PROMPT_OR_MESSAGES},
    "BatchRequest": record(
        {"model": MODEL},
        {
            **ONE_TEXT,
            **dict.fromkeys(OF_THE_BATCH, False),
            "prompts": BATCHED,
            "requests": listing(
                record({}, {**ONE_TEXT, **ASKED}) | {"anyOf": PROMPT_OR_MESSAGES}, 1, prompts.PROMPTS
            ),
        },
    )
    | {"oneOf": [{"required": ["prompts"]}, {"required": ["requests"]}]},
}

ANSWERS: Final[dict[str, Schema]] = {
    "Completion": record(
        {"choices": listing({"type": "object"})},
        {"id": TEXT, "model": TEXT, "usage": either(ref("Usage"), NULL)},
    ),
    "Embeddings": record(
        {"data": listing({"type": "object"})}, {"model": TEXT_OR_NULL, "usage": ref("Usage")}
    ),
    "Tokens": record({"tokens": listing(INTEGER), "count": INTEGER}, {"max_model_len": INTEGER}),
    "Detokenized": record({"prompt": TEXT}),
    "Generated": record(
        {
            "model": TEXT,
            "text": TEXT,
            "finish_reason": TEXT_OR_NULL,
            "ttft_ms": NUMBER,
            "latency_ms": NUMBER,
            "wait_ms": NUMBER,
        },
        {"usage": ref("Usage"), "reasoning": TEXT},
    ),
    "BatchAnswer": record(
        {
            "id": TEXT,
            "object": {"const": "batch"},
            "created": INTEGER,
            "model": TEXT,
            "results": listing(ref("BatchResult")),
            "usage": ref("Usage"),
        }
    ),
    "BatchResult": record(
        {"index": INTEGER},
        {
            "text": TEXT,
            "reasoning": TEXT,
            "finish_reason": TEXT_OR_NULL,
            "usage": ref("Usage"),
            "error": ERROR,
        },
    ),
    "Model": record(
        {"id": TEXT, "object": {"const": "model"}, "created": INTEGER, "owned_by": TEXT}, {"parent": TEXT}
    ),
    "Models": record({"object": {"const": "list"}, "data": listing(ref("Model"))}),
    "Services": record({"object": {"const": "list"}, "data": listing(ref("Service"))}),
    "Service": record(
        {
            "name": TEXT,
            "service": TEXT,
            "namespace": TEXT,
            "qos_class": {"enum": ["high", "medium", "low"]},
            "pool": TEXT,
            "ready_workers": INTEGER,
            "adapters": listing(TEXT),
        },
        {"context_length": INTEGER},
    ),
    "Event": record({"data": {"type": "string", "description": "JSON; of the last event, `[DONE]`."}}),
    "Error": record({"error": ERROR}),
    "Usage": USAGE,
}

PARTS: Final[dict[str, Schema]] = {
    "Message": record(
        {"role": {"enum": ["system", "developer", "user", "assistant", "tool", "function"]}},
        {"content": either(TEXT, NULL, listing(either(TEXT, ref("ContentPart"))))},
    ),
    "ContentPart": record(
        {},
        {
            **dict.fromkeys(sorted(messages.FETCHED), either(FETCHED, record({}, {"url": FETCHED}))),
            **dict.fromkeys(sorted({*messages.UNSUPPORTED, messages.SHARED_NAME}), False),
            messages.TYPE: {"not": {"enum": sorted(messages.UNSUPPORTED)}},
        },
    ),
}
SCHEMAS: Final = {**REQUESTS, **ANSWERS, **PARTS}
