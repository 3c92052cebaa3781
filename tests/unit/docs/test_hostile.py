"""The page on hostile input: no row without what shows it, and no advisory or finding that says nothing."""

import re

import pytest

from documented import DOCS, NODE

SECTION = (DOCS / "reliability.md").read_text().partition("\n## Hostile input\n")[2].partition("\n## ")[0]
PARTS = {name: text for name, _, text in (part.partition("\n") for part in SECTION.split("\n### ")[1:])}
LEAST = {
    "Bad input, and what its sender is told": (3, 28),
    "What other servers were open to": (4, 20),
    "What it found": (3, 15),
}


def rows(text: str) -> list[list[str]]:
    """Return the cells of a table's rows, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_each_part_is_there() -> None:
    assert set(PARTS) == set(LEAST)


@pytest.mark.parametrize("part", LEAST)
def test_every_row_is_whole(part: str) -> None:
    width, least = LEAST[part]
    found = rows(PARTS[part])
    assert len(found) >= least
    assert [row for row in found if len(row) != width or not all(row)] == []


@pytest.mark.parametrize("part", [part for part in LEAST if part != "What it found"])
def test_every_row_names_a_test(part: str) -> None:
    """That it exists is checked of every page."""
    assert [row[0] for row in rows(PARTS[part]) if not NODE.search(row[-1])] == []


def test_every_target_has_its_findings_in_one_place() -> None:
    assert re.search(r"`tests/fuzz/test_findings\.py`", SECTION)
