"""`python -m tidegate_bench engine --publish RESULT…`: put runs on their page, with a drawing beside them.

Owns the part of the page between two marks; what people wrote around it stays.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tidegate_bench.page import date_of, goals, write
from tidegate_bench.results import short
from tidegate_bench.techniques.gathered import gather
from tidegate_bench.techniques.plot import Panel, bars
from tidegate_bench.techniques.table import TECHNIQUES
from tidegate_bench.techniques.technique import Rounds, Technique, middle
from tidegate_bench.techniques.weights import LIMITS, share

BEGIN: Final = "<!-- measured: `python -m tidegate_bench engine --publish` writes from here -->"
PAGE: Final = Path("docs/benchmarks/engine.md")
DRAWING: Final = "engine-techniques.svg"
MIB: Final = 2**20
# The figure of each technique that is drawn.
DRAWN: Final = {
    "batching": ("tokens/s", "tokens/s"),
    "prefix": ("first token p50, 75 % shared", "s"),
    "chunks": ("longest pause", "s"),
    "speculation": ("tokens/s, 1 client", "tokens/s"),
}


def main(results: Sequence[Path], page: Path = PAGE) -> int:
    """Write the results of one run, or of several runs of parts, into a page; return 1 if they cannot be one."""
    try:
        found = gather([json.loads(result.read_text()) for result in results])
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    dates = " and ".join(dict.fromkeys(map(date_of, results)))
    write(page, BEGIN, measured(found, dates), {DRAWING: bars(panels(found))})
    return 0


def measured(found: Mapping[str, Any], date: str) -> Iterator[str]:
    """Yield the lines of the part that is measured."""
    rounds = max((len(each) for each in found["rounds"].values()), default=0)
    cores = found["machine"]["cores"]
    yield f"\nRun on {date} with {found['model']} on {cores} cores, {rounds} rounds. Medians with 95 % intervals.\n"
    yield from goals(found["goals"], "engine-")
    yield f"\n![What each technique gives]({DRAWING})"
    for technique in TECHNIQUES:
        if found["rounds"].get(technique.name):
            yield f"\n### {technique.title}\n"
            yield from _arms(technique, found["rounds"][technique.name])
    yield from _weights(found["weights"])
    yield from _witness(found["witness"])


def _arms(technique: Technique, rounds: Rounds) -> Iterator[str]:
    names = [arm.name for arm in technique.arms]
    yield f"| | {' | '.join(names)} |"
    yield "|---" * (len(names) + 1) + "|"
    for figure in rounds[0][names[0]]:
        cells = [_cell(rounds, name, figure) for name in names]
        yield f"| {figure} | {' | '.join(cells)} |"


def _cell(rounds: Rounds, arm: str, name: str) -> str:
    figure = middle(rounds, arm, name)
    return f"{short(figure.value)} ({short(figure.low)}–{short(figure.high)})"


def _weights(forms: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    if not forms:
        return
    yield "\n### Small weights\n"
    yield "| | files, MiB | memory against as stored, MiB | matrices of the layers |"
    yield "|---|---|---|---|"
    whole = forms["as stored"]
    for name, form in forms.items():
        less = (form["memory"] - whole["memory"]) / MIB
        part = f"{share(forms, name):.0%}" if name in LIMITS else "100%"
        yield f"| {name} | {form['files'] / MIB:.0f} | {less:+.0f} | {part} |"


def _witness(engines: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    if not engines:
        return
    yield "\n### The batching engines, seen by guidellm\n"
    yield "| | tokens/s | latency p50, s | first token p50, s |"
    yield "|---|---|---|---|"
    for name, figures in engines.items():
        told = (short(figures[key]) for key in ("tokens/s", "latency p50", "first token p50"))
        yield f"| {name} | {' | '.join(told)} |"


def panels(found: Mapping[str, Any]) -> list[Panel]:
    """Return what is drawn of a result."""
    drawn = []
    for technique in TECHNIQUES:
        rounds = found["rounds"].get(technique.name)
        if rounds and technique.name in DRAWN:
            figure, unit = DRAWN[technique.name]
            values = tuple((arm.name, middle(rounds, arm.name, figure).value) for arm in technique.arms)
            drawn.append(Panel(f"{technique.title}: {figure}", unit, values))
    if found["weights"]:
        forms = tuple((name, form["files"] / MIB) for name, form in found["weights"].items())
        drawn.append(Panel("Weights on disk", "MiB", forms))
    return drawn
