"""The pages of techniques: a picture each, links that lead somewhere, and drawings that stay on their sheet."""

import re
from html import unescape
from pathlib import Path

import pytest

from generators.pictures import Group, Kind, Picture, drawn
from generators.techniques import PICTURES
from tidegate_bench.techniques.table import TECHNIQUES

DOCS = Path(__file__).parents[3] / "docs"
PAGES = sorted((DOCS / "techniques").glob("*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")
# The titles that `tidegate_bench engine --publish` writes, and those it has beside the techniques.
TITLES = ["Small weights", *(technique.title for technique in TECHNIQUES)]


def anchor(title: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def headings(page: Path) -> set[str]:
    return {anchor(line.lstrip("# ")) for line in page.read_text().splitlines() if line.startswith("#")}


def test_every_technique_has_a_page_with_its_picture_and_the_table_names_all() -> None:
    named = LINK.findall((DOCS / "techniques" / "README.md").read_text())
    for name in PICTURES:
        assert f"]({name}.svg)" in (DOCS / "techniques" / f"{name}.md").read_text()
        assert f"{name}.md" in named
    assert {page.stem for page in PAGES} == {*PICTURES, "README"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        path, _, part = link.partition("#")
        target = (page.parent / path).resolve()
        assert target.is_file(), link
        if part:
            # The measured part of a page is written by the benchmark, and may not be there yet.
            assert part in headings(target) | {anchor(title) for title in TITLES}, link


@pytest.mark.parametrize("name", PICTURES)
def test_what_is_drawn_stays_on_the_sheet(name: str) -> None:
    drawing = drawn(PICTURES[name])
    width, height = (float(number) for number in re.findall(r'(?:width|height)="(\d+)"', drawing)[:2])
    for x, y, wide, high in re.findall(
        r'<rect x="([\d.]+)" y="(\d+)" width="([\d.]+)" height="(\d+)"', drawing
    ):
        assert float(x) + float(wide) <= width
        assert float(y) + float(high) <= height
    # A letter of twelve points is six and a half wide.
    for x, words in re.findall(r'<text x="([\d.]+)"[^>]*text-anchor="start"[^>]*>([^<]*)<', drawing):
        assert float(x) + 6.5 * len(unescape(words)) <= width, words


def test_a_run_of_a_letter_is_one_cell_a_bar_ends_it_and_a_blank_is_none() -> None:
    picture = Picture(
        {"a": Kind("#111111", "all", "word"), "b": Kind("#222222")}, (Group("g", (("row", "aaaa|aaaa b"),)),)
    )
    drawing = drawn(picture)
    assert len(re.findall(r'rx="2" fill="#111111"', drawing)) == 3  # two cells and the legend
    assert len(re.findall(r'rx="2" fill="#222222"', drawing)) == 1
    assert drawing.count(">word<") == 2
    assert drawing.count(">all<") == 1


def test_a_word_that_does_not_fit_into_its_cell_is_left_out() -> None:
    kinds = {"a": Kind("#111111", inside="much too long a word"), "b": Kind("#222222")}
    assert "too long" not in drawn(Picture(kinds, (Group("g", (("row", "a" + "b" * 40),)),)))
