"""Generated files: the same as their sources say, in the repository and twice in a row."""

from pathlib import Path

import pytest
import yaml

import generate
from generators import chart
from generators.text import yaml_text
from tidegate_api.crd import RESOURCES, definition
from tidegate_api.settings import VERSION
from tidegate_api.values import Values

ROOT = Path(__file__).parents[3]


def test_every_generated_file_is_as_its_source_says() -> None:
    assert generate.stale(ROOT, generate.files()) == [], "run `make generate`"


def test_generating_twice_gives_the_same() -> None:
    assert generate.files() == generate.files()


def test_a_stale_and_a_missing_file_are_both_named(tmp_path: Path) -> None:
    generate.write(tmp_path, {"a": "1\n", "b/c": "2\n"})
    assert generate.stale(tmp_path, {"a": "1\n", "b/c": "2\n"}) == []
    assert generate.stale(tmp_path, {"a": "1\n", "b/c": "3\n", "d": ""}) == ["b/c", "d"]


def test_an_unknown_word_shows_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--chek"]) == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize("path", [path for path in generate.files() if "conditions" not in path])
def test_every_generated_file_names_its_command(path: str) -> None:
    text = generate.files()[path]
    # JSON has no comments.
    assert "make generate" in text or path.endswith(".json")


def test_yaml_has_no_aliases_for_what_stands_in_two_places() -> None:
    shared = ["x"]
    assert yaml_text({"a": shared, "b": shared}) == "a:\n  - x\nb:\n  - x\n"


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: one.kind)
def test_the_committed_definition_reads_back_as_it_was_made(resource: object) -> None:
    manifest = definition(resource)  # type: ignore[arg-type]
    path = ROOT / "crds" / f"{manifest['metadata']['name']}.yaml"
    assert yaml.safe_load(path.read_text()) == manifest


def test_a_description_that_helm_would_run_is_refused() -> None:
    with pytest.raises(ValueError, match="x"):
        chart.crd_template({"metadata": {"name": "x"}, "spec": "{{ fail }}"})


def test_values_yaml_says_what_the_model_says() -> None:
    read = yaml.safe_load((ROOT / "charts/tidegate/values.yaml").read_text())
    assert Values.model_validate(read) == Values()


def test_the_versions_of_chart_images_and_package_are_one() -> None:
    described = yaml.safe_load((ROOT / "charts/tidegate/Chart.yaml").read_text())
    assert (described["version"], described["appVersion"]) == (VERSION, VERSION)
    assert f'\nversion = "{VERSION}"\n' in (ROOT / "pyproject.toml").read_text()
    assert all(
        line.endswith(f":{VERSION}")
        for line in described["annotations"]["artifacthub.io/images"].split()
        if "/" in line
    )
