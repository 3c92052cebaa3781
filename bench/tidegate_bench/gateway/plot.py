"""A run of the gateway benchmark as drawings.

Pure. Owns their form: costs on a scale of powers of ten, with intervals, and how many first tokens came by when. SVG is
text, so what is drawn can be reviewed.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

from tidegate_bench.results import short
from tidegate_bench.svg import OTHERS, OURS, sheet, text

LINES: Final = (
    "#b3541e",
    "#6a4c93",
    "#1d70a2",
    "#a8324a",
    "#8a7500",
    "#4f772d",
    "#7f7f7f",
    "#00838f",
    "#c2185b",
)
WIDTH: Final = 760
LEFT: Final = 130
RIGHT: Final = 90
ROW: Final = 24
TITLES: Final = {
    "json": "µs of CPU per JSON request",
    "sse": "µs of CPU per streamed chunk",
    "large": "µs of CPU per request of 220 KB",
}


def drawings(found: Mapping[str, Any]) -> dict[str, str]:
    """Return a result's drawings by the names of their files."""
    made = {"gateway-cost.svg": costs(found["figures"])} if found["figures"] else {}
    for waits in found["first_tokens"]:
        made[f"gateway-first-token-{waits['connections']}.svg"] = first_tokens(waits)
    return made


def costs(figures: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Return a panel for each load: an arm's median as a dot, its interval as a line, on a logarithmic scale."""
    parts: list[str] = []
    top = 10
    for load, arms in figures.items():
        parts += [text(LEFT, top + 14, TITLES[load], weight="bold"), *_panel(arms, top + 26)]
        top += 26 + ROW * len(arms) + 30
    return sheet(WIDTH, top, parts)


def _panel(arms: Mapping[str, Mapping[str, float]], top: int) -> Iterator[str]:
    low = 10 ** math.floor(math.log10(min(figure["low"] for figure in arms.values())))
    high = 10 ** math.ceil(math.log10(max(figure["high"] for figure in arms.values())))
    bottom = top + ROW * len(arms)
    yield from _decades(low, high, top, bottom)
    for row, (arm, figure) in enumerate(sorted(arms.items(), key=lambda item: item[1]["value"])):
        y = top + ROW * row + ROW // 2
        color = OURS if arm == "ours" else OTHERS
        begin, middle, end = (_x(figure[key], low, high) for key in ("low", "value", "high"))
        yield text(LEFT - 8, y + 4, "Tidegate" if arm == "ours" else arm, anchor="end", color=color)
        yield f'<line x1="{begin:.1f}" x2="{end:.1f}" y1="{y}" y2="{y}" stroke="{color}" stroke-width="3"/>'
        yield f'<circle cx="{middle:.1f}" cy="{y}" r="5" fill="{color}"/>'
        yield text(max(end, middle) + 10, y + 4, short(figure["value"]), color=color)


def first_tokens(waits: Mapping[str, Any]) -> str:
    """Return what share of first tokens came within how many milliseconds, a line for each arm."""
    bounds = list(waits["buckets_ms"])
    top, height = 40, 260
    low, high = bounds[0], bounds[-1]
    heading = f"share of first tokens within so many milliseconds, {waits['connections']} connections"
    parts = [text(LEFT, 20, heading, weight="bold"), *_decades(low, high, top, top + height)]
    for row, (arm, counts) in enumerate(_pooled(waits["histograms"]).items()):
        total = sum(counts) or 1
        shares = [count / total for count in accumulate(counts[:-1])]
        color = OURS if arm == "ours" else LINES[row % len(LINES)]
        places = " ".join(
            f"{_x(bound, low, high):.1f},{top + height * (1 - share):.1f}"
            for bound, share in zip(bounds, shares, strict=True)
        )
        width = 3 if arm == "ours" else 1.5
        parts.append(f'<polyline points="{places}" fill="none" stroke="{color}" stroke-width="{width}"/>')
        parts.append(
            text(WIDTH - RIGHT + 4, top + 14 * row + 10, "Tidegate" if arm == "ours" else arm, color=color)
        )
    for share in (0, 0.5, 1):
        parts.append(text(LEFT - 8, top + height * (1 - share) + 4, f"{share:.0%}", anchor="end"))
    return sheet(WIDTH, top + height + 30, parts)


def _pooled(histograms: Sequence[Mapping[str, Sequence[int]]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for one in histograms:
        for arm, counts in one.items():
            found[arm] = [a + b for a, b in zip(found.get(arm, [0] * len(counts)), counts, strict=True)]
    return found


def _x(value: float, low: float, high: float) -> float:
    share = (math.log10(max(value, low)) - math.log10(low)) / (math.log10(high) - math.log10(low))
    return LEFT + min(1.0, share) * (WIDTH - LEFT - RIGHT)


def _decades(low: float, high: float, top: int, bottom: int) -> Iterator[str]:
    for power in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1):
        x = _x(10.0**power, low, high)
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" stroke="#d9dde2"/>'
        yield text(x, bottom + 14, f"{10.0**power:g}", anchor="middle", color="#5f6b7a")
