"""How every benchmark ends: a line per goal, a count, and a file that holds what was measured.

Owns the form. Must not judge anything but a figure against its limit.
"""

import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tidegate_bench.cost import load_average
from tidegate_bench.statistics import Figure

RESULTS: Final = Path(__file__).parents[1] / "results"


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure, and what it has to be: met only if the unfavourable end of its interval is."""

    name: str
    figure: Figure
    unit: str
    limit: float
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        """Tell whether even the unfavourable end of the interval meets the limit."""
        return self.figure.low >= self.limit if self.at_least else self.figure.high <= self.limit

    def line(self) -> str:
        """Return the line that every benchmark ends with."""
        figure = self.figure
        told = f"{short(figure.value)} {self.unit} ({short(figure.low)}..{short(figure.high)})"
        sign = "≥" if self.at_least else "≤"
        return f"goal {self.name} {told} {sign}{short(self.limit)} {'met' if self.is_met else 'short'}"


def short(value: float) -> str:
    """Return a number with three digits that count."""
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def conclude(goals: Sequence[Goal]) -> None:
    """Print the goals' lines and how many are met."""
    for goal in goals:
        print(goal.line())
    met = sum(goal.is_met for goal in goals)
    print(f"{met} met, {len(goals) - met} short")


def write(name: str, content: Mapping[str, Any], goals: Sequence[Goal]) -> Path:
    """Write what was measured beside the machine it was measured on, and return the path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}-{time.strftime('%Y%m%dT%H%M%S')}.json"
    whole = {
        "machine": {
            "platform": platform.platform(),
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "load": load_average(),
        },
        **content,
        "goals": [{**asdict(goal), "met": goal.is_met} for goal in goals],
    }
    path.write_text(json.dumps(whole, indent=1, ensure_ascii=False))
    print(f"written to {path}")
    return path
