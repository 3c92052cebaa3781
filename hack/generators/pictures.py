"""Pictures of explanations: rows of cells under headings, and a legend. SVG is text, so what is drawn can be reviewed.

Owns how rows that are written as letters become a drawing. Must not know what is explained.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from generators.text import COMMAND
from tidegate_bench.svg import sheet, text

WIDTH = 760
LEFT = 150
RIGHT = 20
ROW = 26
HEAD = 28
GAP = 14
HEADER = f"<!-- Made by `{COMMAND}` from hack/generators/techniques.py; do not edit. -->"
DARK = "#1f2933"
NARROWEST = 7


@dataclass(frozen=True, slots=True)
class Kind:
    """What a letter stands for: its colour, its words in the legend, and words in the cell itself."""

    color: str
    legend: str = ""
    inside: str = ""
    ink: str = "#ffffff"


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under a heading: a label and letters each. A run of a letter is a cell, `|` ends one, a blank is none."""

    title: str
    rows: tuple[tuple[str, str], ...]
    below: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """Groups one below the other; a letter is as wide in all of them."""

    kinds: Mapping[str, Kind]
    groups: tuple[Group, ...]


def drawn(picture: Picture) -> str:
    """Return a picture as SVG."""
    unit = (WIDTH - LEFT - RIGHT) / max(
        len(_letters(cells)) for group in picture.groups for _, cells in group.rows
    )
    parts = [HEADER]
    top = GAP
    for group in picture.groups:
        parts += _group(group, picture.kinds, top, unit)
        top += HEAD + ROW * len(group.rows) + (16 if group.below else 0) + GAP
    parts += _legend(picture.kinds, top)
    return sheet(WIDTH, top + ROW, parts)


def _letters(cells: str) -> str:
    return cells.replace("|", "")


def _group(group: Group, kinds: Mapping[str, Kind], top: float, unit: float) -> Iterator[str]:
    yield text(LEFT, top + 14, group.title, weight="bold")
    for number, (label, cells) in enumerate(group.rows):
        y = top + HEAD + ROW * number
        yield text(LEFT - 10, y + 15, label, anchor="end")
        yield from _row(cells, kinds, y, unit)
    if group.below:
        yield text(LEFT, top + HEAD + ROW * len(group.rows) + 12, group.below, color="#5f6b7a")


def _row(cells: str, kinds: Mapping[str, Kind], y: float, unit: float) -> Iterator[str]:
    x = float(LEFT)
    for part in cells.split("|"):
        for letter, run in groupby(part):
            width = unit * len(list(run))
            if letter != " ":
                yield from _cell(kinds[letter], x, y, width)
            x += width


def _cell(kind: Kind, x: float, y: float, width: float) -> Iterator[str]:
    place = f'x="{x + 1:.1f}" y="{y}" width="{width - 2:.1f}" height="{ROW - 5}" rx="2"'
    yield f'<rect {place} fill="{kind.color}" stroke="#9aa5b1" stroke-width="0.5"/>'
    if kind.inside:
        fits = int(width / NARROWEST)
        if len(kind.inside) <= fits:
            yield text(x + width / 2, y + 15, kind.inside, anchor="middle", color=kind.ink)


def _legend(kinds: Mapping[str, Kind], top: float) -> Iterator[str]:
    x = float(LEFT)
    for kind in kinds.values():
        if kind.legend:
            yield f'<rect x="{x:.1f}" y="{top}" width="14" height="14" rx="2" fill="{kind.color}" stroke="#9aa5b1"/>'
            yield text(x + 20, top + 12, kind.legend, color=DARK)
            x += 44 + NARROWEST * len(kind.legend)
