"""The description of the API (OpenAPI 3.1), made of the table of routes and the types of bodies.

Pure. Owns the shapes of answers. Objects of Kubernetes are described by their own reference pages.
"""

import re
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from tidegate_console.bodies import Body
from tidegate_console.routes import BASE, ROUTES, Route

Schema = dict[str, Any]
_TEXT: Final[Schema] = {"type": "string"}
_NUMBER: Final[Schema] = {"type": "number"}
_COUNT: Final[Schema] = {"type": "integer"}
_YES: Final[Schema] = {"type": "boolean"}
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_STATUSES: Final = {
    400: "What was sent cannot be read",
    401: "Nobody is signed in, or the token is not good",
    403: "The user may not do this",
    404: "There is no such object",
    409: "Somebody else has changed it, or it is in use",
    413: "The body is too large",
    422: "A field is wrong; `fields` names it",
    429: "The API server wants less at a time",
    502: "The hub, or the API server, answered with what makes no sense",
    503: "The API server does not answer, or there is too much to do",
}


def _object(description: str, **fields: Schema) -> Schema:
    return {"type": "object", "description": description, "required": list(fields), "properties": fields}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _or_null(of: Schema) -> Schema:
    return {**of, "type": [of["type"], "null"]}


def _named(of: Schema) -> Schema:
    return {"type": "object", "description": "By `NAMESPACE/NAME`.", "additionalProperties": of}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_POOL: Final = _object(
    "The workers of one pool.",
    name=_TEXT,
    workersReady=_COUNT,
    kvUsedRatio=_or_null(_NUMBER),
    creditsUsedTokens=_COUNT,
    creditsLimitTokens=_COUNT,
)
_LIVE_SERVICE: Final = _object(
    "One LLMService; rates and times are over the last minute.",
    queued=_object("Requests that wait, by class.", high=_COUNT, medium=_COUNT, low=_COUNT),
    running=_COUNT,
    batchSize=_COUNT,
    kvUsedRatio=_or_null(_NUMBER),
    requestsPerSecond=_NUMBER,
    errorsPerSecond=_NUMBER,
    tokensPerSecond=_NUMBER,
    ttftP50Seconds=_or_null(_NUMBER),
    ttftP90Seconds=_or_null(_NUMBER),
    pools=_list(_POOL),
)
_LIVE_TENANT: Final = _object(
    "One LLMTenant; totals are since the gateways began.",
    requestsPerMinute=_NUMBER,
    tokensPerMinute=_NUMBER,
    requestsTotal=_COUNT,
    tokensTotal=_COUNT,
)
_ANSWERS: Final[dict[str, Schema]] = {
    "Problem": _object(
        "Why not.",
        error={
            **_object(
                "What was wrong, why in a word, and what to do.", message=_TEXT, reason=_TEXT, fix=_TEXT
            ),
            "properties": {
                "message": _TEXT,
                "reason": _TEXT,
                "fix": _TEXT,
                "fields": {**_list(_TEXT), "description": "The fields that are wrong, where it is known."},
            },
        },
    ),
    "Session": _object(
        "Who is signed in.",
        version=_TEXT,
        user=_or_null(_TEXT),
        readOnly=_YES,
        namespaces=_list(_TEXT),
        rights={
            "type": "object",
            "description": "By namespace: the verbs that change something, of each kind.",
            "additionalProperties": _object(
                "Some of create, update, patch and delete.",
                services=_list(_TEXT),
                models=_list(_TEXT),
                tenants=_list(_TEXT),
            ),
        },
        profiles=_list(_TEXT),
    ),
    "Object": {
        "type": "object",
        "description": "An object of Kubernetes, without what the API server keeps for itself.",
    },
    "Event": _object(
        "An event of an object of ours, or of a Pod that was made for one.",
        namespace=_TEXT,
        kind=_TEXT,
        name=_TEXT,
        type=_TEXT,
        reason=_TEXT,
        message=_TEXT,
        at=_or_null(_TEXT),
        count=_COUNT,
    ),
    "Live": _object(
        "What is happening now, all gateways together.",
        at=_TEXT,
        gateways=_COUNT,
        missing=_or_null(_TEXT),
        windowSeconds=_NUMBER,
        services=_named(_LIVE_SERVICE),
        tenants=_named(_LIVE_TENANT),
    ),
    "Snapshot": _object(
        "The first message of a stream; later ones hold one section each.",
        services=_list(_ref("Object")),
        models=_list(_ref("Object")),
        tenants=_list(_ref("Object")),
        events=_list(_ref("Event")),
        live=_ref("Live"),
    ),
    "HubModels": _object("What a hub has found.", models=_list(_object("A model of the hub.", uri=_TEXT))),
    "Pulled": _object("The LLMModel that brings it.", namespace=_TEXT, name=_TEXT, uri=_TEXT, changed=_YES),
    "Changed": _object(
        "What was changed; `changed` is false where it was so already.",
        namespace=_TEXT,
        name=_TEXT,
        changed=_YES,
    ),
    "MadeKey": _object("The key, shown this once.", key=_TEXT, namespace=_TEXT, tenant=_TEXT, name=_TEXT),
    "Keys": _object(
        "Keys by name, never themselves.",
        keys=_list(_object("A key.", namespace=_TEXT, tenant=_TEXT, name=_TEXT, notAfter=_or_null(_TEXT))),
    ),
}


def description(version: str) -> Schema:
    """Return the whole description."""
    bodies = sorted({route.body for route in ROUTES if route.body is not None}, key=lambda one: one.__name__)
    paths: dict[str, Schema] = {}
    for route in ROUTES:
        paths.setdefault(BASE + route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tidegate console",
            "version": version,
            "description": "Models, services, tenants and keys, with the rights of the Kubernetes token that is sent.",
        },
        "paths": paths,
        "components": {
            "schemas": {**_ANSWERS, **_of_bodies(bodies)},
            "securitySchemes": {
                "kubernetes": {"type": "http", "scheme": "bearer", "description": "A Kubernetes token."}
            },
        },
    }


def _of_bodies(bodies: list[type[Body]]) -> Schema:
    _, made = models_json_schema(
        [(one, "validation") for one in bodies], ref_template="#/components/schemas/{model}"
    )
    found: Schema = made["$defs"]
    return found


def _operation(route: Route) -> Schema:
    kind = "text/event-stream" if route.answer == "Snapshot" else "application/json"
    body = {} if route.body is None else {"requestBody": _body(route.body)}
    # A caller without a token sees what everybody may see, where that is allowed.
    security: list[Schema] = [{"kubernetes": []}] if route.needs_user else [{"kubernetes": []}, {}]
    statuses = {str(route.status), *(("200",) if route.status == 201 and route.answer == "Object" else ())}
    answer = {"description": route.summary, "content": {kind: {"schema": _ref(route.answer)}}}
    return {
        "operationId": route.handler,
        "summary": route.summary,
        **({"description": route.detail} if route.detail else {}),
        "security": security,
        **({"parameters": parameters} if (parameters := _parameters(route)) else {}),
        **body,
        "responses": {
            **dict.fromkeys(sorted(statuses), answer),
            **{str(code): _problem(words) for code, words in _STATUSES.items()},
        },
    }


def _parameters(route: Route) -> list[Schema]:
    names = _PARAMETER.findall(route.path)
    return [
        *({"name": name, "in": "path", "required": True, "schema": _TEXT} for name in names),
        *(
            {"name": name, "in": "query", "description": words, "schema": _TEXT}
            for name, words in route.query
        ),
    ]


def _body(model: type[Body]) -> Schema:
    return {"required": True, "content": {"application/json": {"schema": _ref(model.__name__)}}}


def _problem(words: str) -> Schema:
    return {"description": words, "content": {"application/json": {"schema": _ref("Problem")}}}
