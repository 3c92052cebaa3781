"""A run of the engine benchmark as a drawing.

Pure. Owns its form: a panel for each comparison, a bar for each arm, as long as its figure. SVG is text, so what is
drawn can be reviewed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tidegate_bench.results import short
from tidegate_bench.svg import OTHERS, OURS, sheet, text

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
    return sheet(WIDTH, top, parts)


def _panel(panel: Panel, top: int) -> Iterator[str]:
    longest = max(value for _, value in panel.bars) or 1.0
    yield text(LEFT, top + 14, panel.title, weight="bold")
    for row, (arm, value) in enumerate(panel.bars):
        y = top + HEAD + ROW * row
        width = (WIDTH - LEFT - RIGHT) * value / longest
        color = OURS if row == len(panel.bars) - 1 else OTHERS
        yield text(LEFT - 8, y + 12, arm, anchor="end")
        yield f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{ROW - 8}" fill="{color}"/>'
        yield text(LEFT + width + 8, y + 12, f"{short(value)} {panel.unit}", color=color)
