"""What the chart says of itself to a catalogue: every image, every resource with an example, and how small it is."""

import gzip
import json
from typing import Any

import pytest
import yaml

from chart.rendering import CHART, SETS, render
from tidegate_api.crd import RESOURCES, definition
from tidegate_api.settings import VERSION
from tidegate_api.values import Values

CHART_FILE: dict[str, Any] = yaml.safe_load((CHART / "Chart.yaml").read_text())
# What whoever installs a definition has to carry, the API server and Helm's own record included.
DEFINITION_BYTES = 100_000
# A Secret holds one MiB, and Helm's record of a release is written into one as base64 of gzip.
RECORD_BYTES = 1_048_576


def annotation(name: str) -> Any:
    """Return what one of the catalogue's annotations holds."""
    return yaml.safe_load(CHART_FILE["annotations"][f"artifacthub.io/{name}"])


def test_the_chart_is_of_the_version_of_its_images() -> None:
    assert CHART_FILE["version"] == CHART_FILE["appVersion"] == VERSION


def test_the_catalogue_is_told_every_image_that_the_values_name() -> None:
    images = Values().images.model_dump()
    named = {text for text in images.values() if isinstance(text, str) and text.endswith(f":{VERSION}")}
    told = [one["image"] for one in annotation("images")]
    assert sorted(told) == sorted(named | set(images["worker"].values()))


def test_the_catalogue_is_told_every_resource_with_an_example_of_each() -> None:
    told = [(one["kind"], one["version"], one["name"]) for one in annotation("crds")]
    assert sorted(told) == sorted((one.kind, "v1alpha1", one.name) for one in RESOURCES)
    assert {one["kind"] for one in annotation("crdsExamples")} == {one.kind for one in RESOURCES}


def test_every_change_that_is_told_is_of_a_kind_that_the_catalogue_knows() -> None:
    kinds = {one["kind"] for one in annotation("changes")}
    assert kinds <= {"added", "changed", "deprecated", "removed", "fixed", "security"}


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: one.kind)
def test_a_definition_is_small(resource: Any) -> None:
    """As JSON, which is what is sent, stored, and kept in the annotation of `kubectl apply`."""
    assert len(json.dumps(definition(resource), separators=(",", ":"))) <= DEFINITION_BYTES


@pytest.mark.parametrize("name", SETS)
def test_what_helm_records_of_a_release_fits_into_a_secret_four_times(name: str) -> None:
    files = [path.read_bytes() for path in sorted(CHART.rglob("*")) if path.is_file()]
    record = b"".join([*files, yaml.safe_dump_all(render(name).objects).encode()])
    assert len(gzip.compress(record)) * 16 // 9 < RECORD_BYTES // 4
