"""`python -m tidegate_bench autoscaling --publish RESULT`: put a run on its page, with drawings beside it.

Owns the part of the page between two marks; what people wrote around it stays.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from tidegate_bench.autoscaling.goals import ATTAINMENT, UNREACHED
from tidegate_bench.autoscaling.plot import drawings
from tidegate_bench.autoscaling.traces import MAKERS
from tidegate_bench.page import date_of, goals, write
from tidegate_bench.results import short

BEGIN: Final = "<!-- measured: `python -m tidegate_bench autoscaling --publish` writes from here -->"
# A run of a real trace has a part of its own: it says nothing of the other goals.
TRACE_BEGIN: Final = "<!-- measured: with `TRACE`, `--publish` writes from here -->"
PAGE: Final = Path("docs/benchmarks/autoscaling.md")
NAMES: Final = {"ours": "**Tidegate**", "planner": "planner with foresight", "static": "static count"}


def main(result: Path, page: Path = PAGE) -> int:
    """Write a result into a page."""
    found = json.loads(result.read_text())
    if is_of_a_trace(found):
        write(page, TRACE_BEGIN, of_a_trace(found, date_of(result)), {})
    else:
        write(page, BEGIN, measured(found, date_of(result)), drawings(found))
    return 0


def is_of_a_trace(found: Mapping[str, Any]) -> bool:
    """Tell whether the traffic of a run was read from a file."""
    return any(sweep["trace"] not in MAKERS for sweeps in found["halves"].values() for sweep in sweeps)


def of_a_trace(found: Mapping[str, Any], date: str) -> Iterator[str]:
    """Yield the lines of a run whose traffic was read from a file."""
    yield f"\nRun on {date} with Python {found['machine']['python']}.\n"
    yield from goals(found["goals"], "autoscaling-", _told)
    for half, told in (("report", "Its second half"), ("tune", "Its first half")):
        yield f"\n{told}:\n"
        yield from _half(found["halves"].get(half, []))


def measured(found: Mapping[str, Any], date: str) -> Iterator[str]:
    """Yield the lines of the part that is measured."""
    yield f"\nRun on {date} with Python {found['machine']['python']}; seeds {found['seeds']}.\n"
    yield from goals(found["goals"], "autoscaling-", _told)
    yield "\n![Attainment against replicas](autoscaling-frontier.svg)\n"
    yield "![Replicas over the hour](autoscaling-course.svg)"
    for half, told in (("report", "The reported half"), ("tune", "The half that constants were chosen on")):
        if found["halves"].get(half):
            yield f"\n### {told}\n"
            yield from _half(found["halves"][half])
    yield from _bounds(found["bounds"])
    yield from _budget(found["budget"])
    yield from _faults(found["faults"])


def _told(figure: float) -> str:
    return short(figure) if figure < UNREACHED else "never"


def _half(sweeps: list[Mapping[str, Any]]) -> Iterator[str]:
    yield "Attainment in percent / replicas on average of each setting, means over the seeds:\n"
    for sweep in sweeps:
        yield f"| {sweep['trace']} | settings | regret at {ATTAINMENT:.0%} | ours at the same replicas |"
        yield "|---|---|---|---|"
        for arm, of_arm in sweep["arms"].items():
            points = (
                f"{p['knob']}: {100 * p['attainment']:.1f} / {p['hours']:.2f}" for p in of_arm["points"]
            )
            regret = "–" if of_arm["regret"] is None else f"{of_arm['regret']:.2f}"
            dearer = "" if arm in {"ours", "planner"} else "all dearer"
            lead = dearer if of_arm["lead"] is None else f"{100 * of_arm['lead']:+.1f}"
            yield f"| {NAMES.get(arm, arm)} | {'; '.join(points)} | {regret} | {lead} |"
        ours = sweep["arms"]["ours"]["settings"]["medium"]
        wait = fmean(each["first_token_p99"] for each in ours)
        changes = fmean(each["changes_per_hour"] for each in ours)
        yield f"\nOurs as it ships: p99 to the first token {short(wait)} s, {short(changes)} changes an hour.\n"


def _bounds(bounds: list[Mapping[str, Any]]) -> Iterator[str]:
    if not bounds:
        return
    yield "\n### Without foresight\n"
    yield f"Replicas on average for {ATTAINMENT:.0%}, over other hours of the same kind (see Method):\n"
    heads = ("bound", "its model, with foresight", "told all but the future", "planner")
    yield "| | " + " | ".join(heads) + " | bound / planner | told / planner |"
    yield "|---|---|---|---|---|---|---|"
    for each in bounds:
        planner = each["planner"]
        cells = [each[name] for name in ("least", "foreseen", "reached", "planner")]
        cells += [None if None in {of, planner} else of / planner for of in (each["least"], each["reached"])]
        told = ("never" if cell is None else f"{cell:.2f}" for cell in cells)
        yield f"| {each['trace']} | " + " | ".join(told) + " |"


def _budget(budget: Mapping[str, Any]) -> Iterator[str]:
    if budget["runs"]:
        yield f"\n### Three classes, {budget['accelerators']} accelerators\n"
        yield from ("| | high | medium | low |", "|---|---|---|---|")
    for way in dict.fromkeys(run["way"] for run in budget["runs"]):
        runs = [run["classes"] for run in budget["runs"] if run["way"] == way]
        cells = (
            f"{100 * fmean(r[name]['attainment'] for r in runs):.1f} % / "
            f"{fmean(r[name]['replica_hours'] for r in runs):.2f}"
            for name in runs[0]
        )
        yield f"| {way} | " + " | ".join(cells) + " |"


def _faults(faults: list[Mapping[str, Any]]) -> Iterator[str]:
    if not faults:
        return
    arms = list(dict.fromkeys(each["arm"] for each in faults))
    yield "\n### Faults\n"
    yield "Attainment / replicas on average, and in brackets how often replicas were taken away blindly:\n"
    yield "| fault | " + " | ".join(NAMES.get(arm, arm) for arm in arms) + " |"
    yield "|---" * (len(arms) + 1) + "|"
    for fault in dict.fromkeys(each["fault"] for each in faults):
        cells = []
        for arm in arms:
            o = next(e["outcome"] for e in faults if e["fault"] == fault and e["arm"] == arm)
            blind = f" ({o['blind_downs']})" if o["blind_downs"] else ""
            cells.append(f"{100 * o['attainment']:.1f} % / {o['replica_hours']:.2f}{blind}")
        yield f"| {fault} | " + " | ".join(cells) + " |"
