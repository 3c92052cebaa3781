"""The document describes every route as it is, and the page shows the document without loading anything."""

import json
from html.parser import HTMLParser
from typing import Any

import jsonschema
import pytest

from tidegate_gateway import parameters
from tidegate_gateway.body import ROUTES as BODIES
from tidegate_gateway.body import read_call
from tidegate_gateway.directory import Caller, Directory, Model, Worker
from tidegate_gateway.errors import Refused
from tidegate_gateway.local import answer
from tidegate_gateway.request import BODIED, KEYLESS, MODEL_PREFIX, ROUTES, Action, Head
from tidegate_gateway.routes.openapi import document
from tidegate_gateway.routes.page import POLICY, STYLE, page
from unit.gateway.bad_bodies import BAD_BODIES, Bad

DOCUMENT: dict[str, Any] = json.loads(document())
SCHEMAS = DOCUMENT["components"]["schemas"]


def schema_of(path: str) -> dict[str, Any]:
    body = DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return {**body, "components": DOCUMENT["components"]}


def test_the_document_has_every_route_and_no_other() -> None:
    paths = DOCUMENT["paths"].keys() - {MODEL_PREFIX.decode() + "{model}"}
    assert paths == {path.decode() for path in ROUTES}
    for path, (action, methods) in ROUTES.items():
        operations = DOCUMENT["paths"][path.decode()]
        assert operations.keys() == {method.decode().lower() for method in methods} - {"head"}
        for operation in operations.values():
            assert ("requestBody" in operation) == (action in BODIED)
            assert (operation.get("security") == []) == (action in KEYLESS)
            assert operation["responses"].keys() >= {"200", "400", "405", "431"}
            assert ("401" in operation["responses"]) == (action not in KEYLESS)


def test_every_route_that_a_worker_serves_has_rules() -> None:
    assert {path for path, (action, _) in ROUTES.items() if action == "generate"} == BODIES.keys()


def test_every_schema_is_one_and_is_used() -> None:
    text = document().decode()
    for name, schema in SCHEMAS.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert f'"#/components/schemas/{name}"' in text, name
    assert text.count("operationId") == len(
        {
            operation["operationId"]
            for operations in DOCUMENT["paths"].values()
            for operation in operations.values()
        }
    )


GOOD: list[tuple[str, dict[str, Any]]] = [
    (
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": "?"}], "n": 16, "stop": ["a"], "seed": None},
    ),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": [{"image_url": {"url": "data:,"}}]}]}),
    ("/v1/completions", {"prompt": "?", "logprobs": 5}),
    ("/v1/completions", {"prompt": [[1, 2], []]}),
    ("/v1/embeddings", {"input": ["a", "b"], "dimensions": 8}),
    ("/v1/embeddings", {"input": [[{"role": "user"}]]}),
    ("/v1/embeddings", {"messages": [{"role": "user"}]}),
    ("/tokenize", {"prompt": "?"}),
    ("/detokenize", {"tokens": [1]}),
]


@pytest.mark.parametrize(("path", "body"), GOOD)
def test_what_the_document_allows_is_allowed(path: str, body: dict[str, Any]) -> None:
    body = {"model": "m"} | body
    jsonschema.validate(body, schema_of(path))
    read_call(json.dumps(body).encode(), path.encode(), 0)


# What no schema can say: sizes in bytes, depth, members of members, spelling.
UNSAID = {
    "levels in logit_bias",
    "include_usage as text",
    "continuous_usage_stats as a number",
    "a template among its arguments",
    "a transfer among extras",
    "too many messages",
}


def is_said(row: Bad) -> bool:
    if row.code in {"invalid_json", "invalid_schema"} or row.name in UNSAID:
        return False
    # JSON Schema counts characters where bytes count here.
    return len(row.body) < 60_000


@pytest.mark.parametrize("row", [row for row in BAD_BODIES if is_said(row)], ids=str)
def test_what_is_refused_the_document_refuses_too(row: Bad) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(row.body), schema_of(row.path))


def test_every_parameter_with_a_rule_is_described() -> None:
    members = SCHEMAS["ChatRequest"]["properties"]
    assert members.keys() >= parameters.CHECKS.keys()
    assert members["n"]["anyOf"][0] == {"type": "integer", "minimum": 1, "maximum": 16}


class Loads(HTMLParser):
    """Notes tags and what they would load."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: set[str] = set()
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            if name in {"src", "href"}:
                self.links.add(value or "")
            if name == "id":
                self.names.add(value or "")


def test_the_page_loads_nothing_and_its_links_lead_somewhere() -> None:
    seen = Loads()
    seen.feed(page().decode())
    assert not seen.tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    assert seen.links - {"openapi.json"} <= {f"#{name}" for name in seen.names}
    assert {*DOCUMENT["paths"], *SCHEMAS} <= seen.names
    assert STYLE in page().decode()
    assert "unsafe" not in POLICY and "script" not in POLICY


# What is told of models

CALLER = Caller("d", "ns", "t", "medium", -50, None)
MODELS = {name: Model(name, "ns", f"{name}-svc", 1.0) for name in ("b", "a")}
WORKERS = tuple(
    Worker(str(i), "ns", "a-svc", "p", "h", pool=pool) for i, pool in enumerate(("shared", "shared", "high"))
)
DIRECTORY = Directory(
    models={"ns": MODELS, "other": {"c": Model("c", "other", "c", 1.0)}}, workers={("ns", "a-svc"): WORKERS}
)


class Service:
    """What workers have said."""

    def __init__(self, adapters: set[str], context_tokens: int = 0) -> None:
        self.adapters = adapters
        self.context_tokens = context_tokens


def told(action: Action, path: bytes = b"/", caller: Caller = CALLER, **services: Service) -> Any:
    head = Head(b"GET", path, action, None, "req-1")
    known = {("ns", f"{name}-svc"): service for name, service in services.items()}
    status, content, headers = answer(head, caller, DIRECTORY, known)
    assert (status, headers) == (200, ())
    return json.loads(content)


def test_adapters_are_listed_beside_their_models() -> None:
    listed = told("list_models", a=Service({"lora-1", "b"}))
    assert [(entry["id"], entry.get("parent")) for entry in listed["data"]] == [
        ("a", None),
        ("b", None),
        ("lora-1", "a"),
    ]
    jsonschema.validate(listed, {**SCHEMAS["Models"], "components": DOCUMENT["components"]})


def test_an_adapter_is_shown_by_its_name_and_only_to_those_who_may_call_its_model() -> None:
    services = {"a": Service({"lora-1"})}
    assert told("show_model", b"/v1/models/lora-1", **services)["parent"] == "a"
    stranger = Caller("d", "ns", "t", "medium", -50, None, services=frozenset({"b-svc"}))
    assert [entry["id"] for entry in told("list_models", caller=stranger, **services)["data"]] == ["b"]
    for name in (b"lora-1", b"a", b"c"):
        with pytest.raises(Refused, match="model_not_found"):
            told("show_model", b"/v1/models/" + name, caller=stranger, **services)


def test_what_serves_a_model_is_told_for_the_class_of_the_caller() -> None:
    listed = told("show_services", a=Service({"z", "y"}, 4096))
    assert listed["data"][0] == {
        "name": "a", "service": "a-svc", "namespace": "ns", "qos_class": "medium", "pool": "shared", "ready_workers": 2,
        "adapters": ["y", "z"], "context_length": 4096,
    }  # fmt: skip
    assert listed["data"][1]["ready_workers"] == 0
    assert "context_length" not in listed["data"][1]
    jsonschema.validate(listed, {**SCHEMAS["Services"], "components": DOCUMENT["components"]})
