"""The stand-in shows what a cluster could: its ordinary objects are ones that the API server would take."""

from typing import Any

import jsonschema
import pytest

from browser import scenes
from tidegate_api.crd import RESOURCES, definition
from tidegate_console import sections

SCHEMAS = {
    resource.kind: definition(resource)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for resource in RESOURCES
}
ORDINARY = scenes.ordinary()
OBJECTS = [one for section in ("services", "models", "tenants") for one in ORDINARY[section]]


@pytest.mark.parametrize("shown", OBJECTS, ids=lambda one: f"{one['kind']} {one['metadata']['name']}")
def test_an_object_of_the_ordinary_scene_fits_the_schema_of_its_kind(shown: dict[str, Any]) -> None:
    jsonschema.validate(shown, SCHEMAS[shown["kind"]])


def test_an_object_comes_through_the_console_as_it_is() -> None:
    assert [sections.shown(one) for one in OBJECTS] == OBJECTS


def test_its_events_have_the_fields_that_the_console_gives_them() -> None:
    given = sections.entry({"metadata": {"namespace": "team-a", "creationTimestamp": scenes.ago(0)}})
    assert all(event.keys() == given.keys() for event in ORDINARY["events"])
