"""What all drawings of results share: their colours, a text, and the sheet that everything is on.

Pure; SVG is text, so what is drawn can be reviewed. Must not know what is drawn.
"""

from collections.abc import Iterable
from html import escape
from typing import Final

OURS: Final = "#0b6e4f"
OTHERS: Final = "#5f6b7a"


def text(
    x: float, y: float, words: str, *, anchor: str = "start", color: str = "#1f2933", weight: str = "normal"
) -> str:
    """Return words at a place."""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="{color}" font-weight="{weight}">{escape(words)}</text>'


def sheet(width: int, height: int, parts: Iterable[str]) -> str:
    """Return the whole drawing, on white."""
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    face = 'font-family="system-ui, sans-serif" font-size="12"'
    ground = f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    return "\n".join(
        (f'<svg xmlns="http://www.w3.org/2000/svg" {size} {face}>', ground, *parts, "</svg>", "")
    )
