"""A run of the autoscaling benchmark as drawings.

Pure. Owns their form: attainment against replicas for each law, and replicas over time for ours. SVG is text, so what
is drawn can be reviewed.
"""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

from tidegate_bench.autoscaling.frontier import Point, frontier
from tidegate_bench.gateway.plot import LINES
from tidegate_bench.svg import OTHERS, OURS, sheet, text

PANEL: Final = 360
GAP: Final = 60
HEIGHT: Final = 240
LEGEND: Final = 110
MOST_REPLICAS: Final = 14.0
LEAST_ATTAINMENT: Final = 0.5
NAMES: Final = {"ours": "Tidegate", "planner": "planner with foresight", "static": "best static count"}


def drawings(found: Mapping[str, Any]) -> dict[str, str]:
    """Return a result's drawings by the names of their files."""
    made = {}
    if found["halves"].get("report"):
        made["autoscaling-frontier.svg"] = frontiers(found["halves"]["report"])
    if found["courses"]:
        made["autoscaling-course.svg"] = courses(found["courses"])
    return made


def frontiers(sweeps: Sequence[Mapping[str, Any]]) -> str:
    """Return a panel for each trace: each law's settings from cheap to dear, the best of them joined by a line."""
    parts: list[str] = []
    colors = _colors(sweeps[0]["arms"])
    for number, sweep in enumerate(sweeps):
        left, top = _corner(number)
        parts += _frame(left, top, f"{sweep['trace']}: served in time, by replicas on average")
        for share in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
            parts.append(text(left - 6, _y(share, top) + 4, f"{share:.0%}", anchor="end", color=OTHERS))
        for replicas in range(2, 15, 2):
            parts.append(
                text(_x(replicas, left), top + HEIGHT + 14, str(replicas), anchor="middle", color=OTHERS)
            )
        for arm, of_arm in sweep["arms"].items():
            parts += _line(arm, [Point(**point) for point in of_arm["points"]], left, top, colors[arm])
    return _sheet(len(sweeps), parts, colors)


def _line(arm: str, points: Sequence[Point], left: float, top: float, color: str) -> Iterator[str]:
    best = frontier(points)
    places = " ".join(f"{_x(p.hours, left):.1f},{_y(p.attainment, top):.1f}" for p in best)
    dash = ' stroke-dasharray="5 3"' if arm in {"planner", "static"} else ""
    width = 3 if arm == "ours" else 1.5
    yield f'<polyline points="{places}" fill="none" stroke="{color}" stroke-width="{width}"{dash}/>'
    for point in points:
        radius = 4 if arm == "ours" else 2.5
        x, y = _x(point.hours, left), _y(point.attainment, top)
        told = escape(f"{NAMES.get(arm, arm)} {point.knob}: {point.attainment:.1%} with {point.hours:.2f}")
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{color}"><title>{told}</title></circle>'


def courses(found: Mapping[str, Sequence[Sequence[float]]]) -> str:
    """Return a panel for each trace: replicas that there are, and those of them that are ready, over the hour."""
    parts: list[str] = []
    for number, (trace, entries) in enumerate(found.items()):
        left, top = _corner(number)
        parts += _frame(left, top, f"{trace}: our replicas, ready and all, by minute")
        for minute in range(0, 61, 10):
            x = left + PANEL * minute / 60
            parts.append(text(x, top + HEIGHT + 14, str(minute), anchor="middle", color=OTHERS))
        for replicas in range(0, 15, 2):
            y = top + HEIGHT * (1 - replicas / MOST_REPLICAS)
            parts.append(text(left - 6, y + 4, str(replicas), anchor="end", color=OTHERS))
        for column, color in ((2, OTHERS), (1, OURS)):
            places = " ".join(
                f"{left + PANEL * entry[0] / 3600:.1f},{top + HEIGHT * (1 - entry[column] / MOST_REPLICAS):.1f}"
                for entry in entries
            )
            parts.append(f'<polyline points="{places}" fill="none" stroke="{color}" stroke-width="1.5"/>')
    return _sheet(len(found), parts, {"ready": OURS, "all, with those that start or end": OTHERS})


def _colors(arms: Mapping[str, Any]) -> dict[str, str]:
    others = [arm for arm in arms if arm != "ours"]
    colors = {arm: LINES[number % len(LINES)] for number, arm in enumerate(others)}
    return colors | {"ours": OURS, "static": "#1f2933", "planner": OTHERS}


def _corner(number: int) -> tuple[float, float]:
    return GAP + (number % 2) * (PANEL + GAP), 40 + (number // 2) * (HEIGHT + GAP)


def _frame(left: float, top: float, words: str) -> Iterator[str]:
    yield text(left, top - 10, words, weight="bold")
    yield f'<rect x="{left}" y="{top}" width="{PANEL}" height="{HEIGHT}" fill="none" stroke="#d9dde2"/>'


def _x(replicas: float, left: float) -> float:
    return left + PANEL * min(1.0, replicas / MOST_REPLICAS)


def _y(attainment: float, top: float) -> float:
    share = max(0.0, (attainment - LEAST_ATTAINMENT) / (1 - LEAST_ATTAINMENT))
    return top + HEIGHT * (1 - share)


def _sheet(panels: int, parts: Sequence[str], colors: Mapping[str, str]) -> str:
    width = 2 * (PANEL + GAP) + GAP
    bottom = 40 + ((panels + 1) // 2) * (HEIGHT + GAP)
    legend = []
    for number, (name, color) in enumerate(colors.items()):
        x, y = GAP + (number % 4) * 200, bottom + (number // 4) * 20
        legend.append(f'<rect x="{x}" y="{y - 8}" width="16" height="4" fill="{color}"/>')
        legend.append(text(x + 22, y - 2, NAMES.get(name, name)))
    height = bottom + LEGEND - 40
    return sheet(width, height, (*parts, *legend))
