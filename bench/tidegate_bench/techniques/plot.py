"""A run of the engine benchmark as a drawing.

Pure. Owns its form: a panel for each comparison, a bar for each arm, as long as its figure. SVG is text, so what is
drawn can be reviewed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from tidegate_bench.gateway.plot import OTHERS, OURS
from tidegate_bench.results import short

WIDTH: Final = 760
LEFT: Final = 190
RIGHT: Final = 110
ROW: Final = 24
HEAD: Final = 30
GAP: Final = 18


@dataclass(frozen=True, slots=True)
class Panel:
    """One comparison: what is told, its unit, and the figure of each arm; the last arm is the technique."""

    title: str
    unit: str
    bars: tuple[tuple[str, float], ...]


def bars(panels: Sequence[Panel]) -> str:
    """Return all panels, one below the other."""
    parts: list[str] = []
    top = GAP
    for panel in panels:
        parts += _panel(panel, top)
        top += HEAD + ROW * len(panel.bars) + GAP
    size = f'width="{WIDTH}" height="{top}" viewBox="0 0 {WIDTH} {top}"'
    face = 'font-family="system-ui, sans-serif" font-size="12"'
    ground = f'<rect width="{WIDTH}" height="{top}" fill="#ffffff"/>'
    return "\n".join(
        (f'<svg xmlns="http://www.w3.org/2000/svg" {size} {face}>', ground, *parts, "</svg>", "")
    )


def _panel(panel: Panel, top: int) -> Iterator[str]:
    longest = max(value for _, value in panel.bars) or 1.0
    yield _text(LEFT, top + 14, panel.title, weight="bold")
    for row, (arm, value) in enumerate(panel.bars):
        y = top + HEAD + ROW * row
        width = (WIDTH - LEFT - RIGHT) * value / longest
        color = OURS if row == len(panel.bars) - 1 else OTHERS
        yield _text(LEFT - 8, y + 12, arm, anchor="end")
        yield f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{ROW - 8}" fill="{color}"/>'
        yield _text(LEFT + width + 8, y + 12, f"{short(value)} {panel.unit}", color=color)


def _text(
    x: float, y: float, words: str, *, anchor: str = "start", color: str = "#1f2933", weight: str = "normal"
) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="{color}" font-weight="{weight}">{escape(words)}</text>'
