"""Lists of parts: valid CycloneDX, whole, and the same for the same lockfiles."""

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7

from localcluster import images
from supply import parts, sbom
from unit.images.test_dockerfile import STAGES

NAMES = (*parts.LOCKED, *parts.REQUIRED, *parts.BASED, sbom.PAGES, sbom.CHART)
# Only our own bytes: nothing is installed into it.
WITHOUT_PARTS = {"example-gguf"}
each = pytest.mark.parametrize("name", NAMES)


@cache
def written() -> dict[str, dict[str, Any]]:
    """Return all lists as they are written and read again."""
    found: dict[str, dict[str, Any]] = json.loads(json.dumps(dict(sbom.documents())))
    return found


def document(name: str) -> dict[str, Any]:
    """Return one of the lists."""
    return written()[name]


@cache
def validator() -> Draft7Validator:
    """Return what judges by CycloneDX's own schema."""
    folder = files("cyclonedx.schema._res")
    schemas = {
        name: json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text())
        for name in ("bom-1.5", "spdx", "jsf-0.82")
    }
    found = [
        (f"http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json", DRAFT7.create_resource(schema))
        for name, schema in schemas.items()
    ]
    return Draft7Validator(schemas["bom-1.5"], registry=Registry().with_resources(found))


@each
def test_a_list_is_valid(name: str) -> None:
    assert [error.message for error in validator().iter_errors(document(name))] == []


def test_what_is_no_list_is_not_valid() -> None:
    broken = {**document("operator"), "components": [{"name": "aiohttp"}]}
    assert not validator().is_valid(broken)


@pytest.mark.parametrize("name", parts.LOCKED)
def test_every_locked_package_of_an_image_is_in_its_list(name: str) -> None:
    """Against what the image installs: the file with hashes of `hack/image/export.sh`."""
    installed = re.findall(r"^([\w.-]+)==([^ ;\\]+)", parts.exported(name, "requirements.txt"), re.MULTILINE)
    assert len(installed) > 5
    listed = {(one["name"], one["version"]) for one in document(name)["components"]}
    assert listed == set(installed)


@each
def test_every_package_has_a_digest_of_what_was_locked(name: str) -> None:
    for one in document(name)["components"]:
        if one["type"] != "container":
            references = one.get("externalReferences", ())
            assert one.get("hashes") or any(ref.get("hashes") for ref in references), one["name"]


def test_every_package_of_the_pages_is_in_their_list() -> None:
    packages = parts.web_lock()["packages"].items()
    locked = {(path.rpartition("node_modules/")[2], one["version"]) for path, one in packages}
    listed = {(one["name"], one["version"]) for one in document(sbom.PAGES)["components"]}
    assert listed == {one for one in locked if one[0]}


def test_what_the_pages_ship_is_told_from_what_they_are_made_with() -> None:
    shipped = {one["name"] for one in document(sbom.PAGES)["components"] if one["scope"] == "required"}
    named = re.search(r"const SHIPPED = (\[.*?\]);", (parts.UI / "build.mjs").read_text())
    assert named is not None
    assert shipped == set(json.loads(named[1]))


def test_the_chart_lists_the_images_that_its_values_name() -> None:
    from tidegate_api.values import Values

    named = Values().images
    used = {named.operator, named.gateway, named.console, named.loader, *named.worker.model_dump().values()}
    assert {one["bom-ref"] for one in document(sbom.CHART)["components"]} == used


def test_an_image_that_stands_on_somebodys_says_so_with_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_BASE", "docker.io/vllm/vllm-openai:v1@sha256:" + "a" * 64)
    (component,) = dict(sbom.documents())["worker-cuda"]["components"]
    assert component["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert (component["name"], component["version"]) == ("docker.io/vllm/vllm-openai", "v1")


def test_every_image_has_its_list() -> None:
    made = {name for name, stage in STAGES.items() if stage.values("USER")}
    assert made == {*parts.LOCKED, *parts.REQUIRED, *parts.BASED, *WITHOUT_PARTS}


def test_every_image_that_is_exported_is_listed() -> None:
    script = (images.CHECKOUT / "hack" / "image" / "export.sh").read_text()
    exported = re.search(r"^for extra in (.*); do$", script, re.MULTILINE)
    assert exported is not None
    assert tuple(exported[1].split()) == parts.LOCKED


def test_the_same_locks_give_the_same_bytes() -> None:
    again = dict(sbom.documents())
    assert {name: json.loads(json.dumps(again[name])) for name in NAMES} == {
        name: document(name) for name in NAMES
    }
