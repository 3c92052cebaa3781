"""The custom resource definitions as a whole: complete, small, bounded."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tidegate_api.__main__ import main
from tidegate_api.crd import RESOURCES, Resource, definition, schema

# `kubectl apply` keeps what was applied in an annotation, of which the API server takes 256 KiB.
LIMIT_BYTES = 160_000
# Lists whose entries are nothing but their place in it.
ORDERED = {".spec.rollout.canary.steps"}
SHORT_NAMES = {"LLMService": "llmsvc", "LLMTenant": "llmtenant", "LLMModel": "llmm"}
both = pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: one.kind)


def nodes(node: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every field below a node of a schema, with its path."""
    for name, child in node.get("properties", {}).items():
        yield f"{path}.{name}", child
        yield from nodes(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            yield from nodes(node[key], f"{path}[]")


def fields(resource: Resource) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every field of a resource but `metadata`, of which the API server allows no word."""
    return ((path, node) for path, node in nodes(schema(resource), "") if path != ".metadata")


@both
def test_every_field_has_a_description(resource: Resource) -> None:
    assert [path for path, node in fields(resource) if len(node.get("description", "")) < 4] == []


@both
def test_every_list_and_map_is_bounded(resource: Resource) -> None:
    unbounded = [
        path
        for path, node in fields(resource)
        if (node.get("type") == "array" and "maxItems" not in node)
        or (isinstance(node.get("additionalProperties"), dict) and "maxProperties" not in node)
    ]
    assert unbounded == []


@both
def test_every_list_of_objects_tells_its_entries_apart_by_required_keys(resource: Resource) -> None:
    for path, node in fields(resource):
        if path not in ORDERED and node.get("type") == "array" and node["items"].get("type") == "object":
            assert node["x-kubernetes-list-type"] == "map", path
            assert set(node["x-kubernetes-list-map-keys"]) <= set(node["items"]["required"]), path


@both
def test_no_field_of_a_status_has_a_default_which_the_api_server_would_add_to_what_was_written(
    resource: Resource,
) -> None:
    assert [path for path, node in fields(resource) if path.startswith(".status") and "default" in node] == []


@both
def test_every_rule_names_a_field(resource: Resource) -> None:
    known = {path.rpartition(".")[2] for path, _ in fields(resource)} | {"metadata"}
    every = [("", schema(resource)), *fields(resource)]
    messages = [rule["message"] for _, node in every for rule in node.get("x-kubernetes-validations", [])]
    assert messages
    assert [text for text in messages if not known & set(text.split()[0].split("."))] == []


@both
def test_the_spec_is_required(resource: Resource) -> None:
    assert schema(resource)["required"] == ["spec"]


@both
def test_the_definition_is_small(resource: Resource) -> None:
    assert len(yaml.safe_dump(definition(resource))) < LIMIT_BYTES


@both
def test_it_is_found_by_its_short_name_and_under_all(resource: Resource) -> None:
    names = definition(resource)["spec"]["names"]
    assert names["shortNames"] == [SHORT_NAMES[resource.kind]]
    assert names["categories"] == ["all", "llm"]


def test_the_columns_of_a_service_are_those_that_tell_how_it_is() -> None:
    version = definition(RESOURCES[0])["spec"]["versions"][0]
    columns = {column["name"]: column["jsonPath"] for column in version["additionalPrinterColumns"]}
    assert list(columns) == ["MODEL", "READY", "REASON", "PHASE", "DESIRED", "URL", "AGE"]
    assert columns["REASON"] == '.status.conditions[?(@.type=="Ready")].reason'


def test_the_columns_of_a_model_are_those_that_tell_how_far_it_is() -> None:
    resource = next(one for one in RESOURCES if one.kind == "LLMModel")
    columns = definition(resource)["spec"]["versions"][0]["additionalPrinterColumns"]
    narrow = [column["name"] for column in columns if not column.get("priority")]
    assert narrow == ["URI", "PHASE", "PROGRESS", "SIZE", "REASON", "AGE"]


def test_a_service_can_be_scaled() -> None:
    assert definition(RESOURCES[0])["spec"]["versions"][0]["subresources"] == {
        "status": {},
        "scale": {
            "specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": ".status.selector",
        },
    }


def test_the_definitions_are_printed_as_a_list_that_kubectl_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crd"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["kind"] == "List"
    assert printed["items"] == [definition(resource) for resource in RESOURCES]


@pytest.mark.parametrize("kind", ["LLMTenant", "llmtenant"])
def test_one_schema_is_printed_by_the_name_of_its_kind(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", kind]) == 0
    assert json.loads(capsys.readouterr().out) == schema(RESOURCES[1])


@pytest.mark.parametrize("words", [[], ["crd", "Pod"], ["schema"], ["what"]], ids=str)
def test_a_question_without_an_answer_shows_the_usage(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert "usage: " in capsys.readouterr().err
