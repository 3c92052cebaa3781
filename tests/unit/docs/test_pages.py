"""The pages as a whole: links lead somewhere, no page is lost, what is named exists, pictures can be seen."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import yaml

from documented import DOCS, PAGES, ROOT, anchors, blocks, links, named_tests
from tidegate_operator.reasons import REASONS

TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
name_of = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


class _Config(yaml.SafeLoader):
    """Reads mkdocs.yml, in which a name of a Python function may stand."""


_Config.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


def nav() -> list[str]:
    """Return the pages of the site in their order."""
    return list(_leaves(yaml.load((ROOT / "mkdocs.yml").read_text(), _Config)["nav"]))  # noqa: S506


def _leaves(node: Any) -> list[str]:
    if isinstance(node, str):
        return [node]
    children = node.values() if isinstance(node, dict) else node
    return [leaf for child in children for leaf in _leaves(child)]


@name_of
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    lost = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        found = target.exists() and (not anchor or target.suffix != ".md" or anchor in anchors(target))
        lost += [] if found else [link]
    assert lost == []


@name_of
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    assert [
        f"{path.relative_to(ROOT)}::{name}"
        for path, name in named_tests(page)
        if not path.is_file() or not re.search(rf"def {name}\(", path.read_text())
    ] == []


@name_of
def test_every_target_of_make_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"`make ([a-z-]+)", page.read_text()))
    named |= {
        line.split()[1] for one in blocks(page, "bash") for line in one.lines if line.startswith("make ")
    }
    assert named - TARGETS == set()


def test_every_page_has_its_place_in_the_site_once() -> None:
    assert sorted(nav()) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


def test_every_reason_has_its_anchor_where_the_command_line_and_the_console_lead_to() -> None:
    assert {name.lower() for name in REASONS} <= anchors(DOCS / "reference" / "conditions.md")


@pytest.mark.parametrize("picture", sorted(DOCS.rglob("*.svg")), ids=lambda path: path.stem)
def test_a_picture_has_a_ground_of_its_own_and_a_page(picture: Path) -> None:
    """Dark letters on nothing cannot be read where the page is dark."""
    root = ET.parse(picture).getroot()  # noqa: S314 - of this repository
    first = next(node for node in root if node.tag.endswith("rect"))
    assert (first.get("width"), first.get("fill")) in {(root.get("width"), "#ffffff"), ("100%", "#ffffff")}
    shown = [page for page in picture.parent.glob("*.md") if f"]({picture.name})" in page.read_text()]
    assert shown, "no page shows it"


def test_the_forty_expectations_are_forty_and_each_names_what_shows_it_or_what_is_missing() -> None:
    rows = re.findall(r"^\| (\d+) \|(.*)$", (DOCS / "reference/expectations.md").read_text(), re.MULTILINE)
    assert sorted(int(number) for number, _ in rows) == list(range(1, 41))
    assert [number for number, row in rows if "`tests/" not in row and "Not yet" not in row] == []


def test_every_example_says_which_story_serves_it_or_why_none_does() -> None:
    rows = dict(
        re.findall(
            r"^\| \[`([^`]+)`\]\S* \|(.*)$", (DOCS / "reference/examples.md").read_text(), re.MULTILINE
        )
    )
    files = {str(path.relative_to(ROOT / "examples")) for path in (ROOT / "examples").rglob("*.yaml")}
    assert set(rows) == files
    assert [name for name, row in rows.items() if "`tests/" not in row and "not here:" not in row] == []
