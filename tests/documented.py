"""What the pages for readers hold: their links, headings, blocks of commands, and the tests that they name.

Owns reading Markdown. Must not judge or run what it finds.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = (
    *sorted(DOCS.rglob("*.md")),
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG")),
)
FENCE = re.compile(r"^( *)(```+)([^\n`]*)\n(.*?)^\1\2\n?", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
NODE = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@dataclass(frozen=True)
class Block:
    """A block of code in a page."""

    page: Path
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {self.text.strip().splitlines()[0][:40]}"

    @property
    def lines(self) -> list[str]:
        """Return what is typed, a command a line, without remarks."""
        joined = self.text.replace("\\\n", " ")
        return [line.partition(" #")[0].strip() for line in joined.splitlines() if line.strip()]


def blocks(page: Path, *languages: str) -> list[Block]:
    """Return the blocks of a page that are in one of these languages."""
    return [
        Block(page, language.strip(), text)
        for _, _, language, text in FENCE.findall(page.read_text())
        if language.strip() in languages
    ]


def prose(page: Path) -> str:
    """Return a page without what stands in code."""
    return CODE.sub("``", FENCE.sub("", page.read_text()))


def links(page: Path) -> list[str]:
    """Return where a page leads to in this repository."""
    return [link for link in LINK.findall(prose(page)) if not re.match(r"[a-z]+:", link)]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and the site give them."""
    counted: Counter[str] = Counter()
    found = set()
    for line in FENCE.sub("", page.read_text()).splitlines():
        if heading := re.match(r"#{1,6} +(.*)", line):
            text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading[1])
            slug = re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-")
            found.add(f"{slug}-{counted[slug]}" if counted[slug] else slug)
            counted[slug] += 1
    return found


def named_tests(page: Path) -> Iterator[tuple[Path, str]]:
    """Yield the tests that a page names, each with its file."""
    for path, name in NODE.findall(page.read_text()):
        yield ROOT / path, name
