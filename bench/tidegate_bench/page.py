"""A result on a page of the documentation: the part between two marks, and the drawings beside it.

Owns the marks, the files and the table of goals. Must not know what else is told of a result.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tidegate_bench.results import short

END: Final = "<!-- to here -->"


def date_of(result: Path) -> str:
    """Return the day on which a result was measured, by the moment in its name."""
    moment = datetime.strptime(result.stem.rpartition("-")[2], "%Y%m%dT%H%M%S")
    return f"{moment:%-d %B %Y}"


def goals(
    found: Iterable[Mapping[str, Any]], prefix: str, told: Callable[[float], str] = short
) -> Iterator[str]:
    """Yield the lines of a table of goals, as results have them; each name without its prefix."""
    yield from ("| goal | measured | asked | |", "|---|---|---|---|")
    for goal in found:
        figure = goal["figure"]
        value, low, high = (told(figure[name]) for name in ("value", "low", "high"))
        measured = value if low == high else f"{value} ({low}–{high})"
        sign, words = "≥" if goal["at_least"] else "≤", "met" if goal["met"] else "**short**"
        name = goal["name"].removeprefix(prefix).replace("-", " ")
        yield f"| {name} | {measured} {goal['unit']} | {sign} {short(goal['limit'])} | {words} |"


def write(page: Path, begin: str, lines: Iterable[str], drawings: Mapping[str, str]) -> None:
    """Put lines between the mark `begin` and the end mark; what people wrote around them stays."""
    before, _, rest = page.read_text().partition(begin)
    after = rest.partition(END)[2]
    told = "\n".join(lines)
    page.write_text(f"{before}{begin}\n{told}\n{END}{after}")
    for name, drawing in drawings.items():
        (page.parent / name).write_text(drawing)
    print(f"written to {page}")
