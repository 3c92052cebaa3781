"""`python -m tidegate_bench publish RESULT`: put a run of the gateway benchmark on its page, with drawings beside it.

Owns the part of the page between two marks; what people wrote around it stays. A void or forced run is refused.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tidegate_bench.gateway.plot import drawings
from tidegate_bench.page import date_of, write
from tidegate_bench.results import short

BEGIN: Final = "<!-- measured: `python -m tidegate_bench publish` writes from here -->"
MIB: Final = 2**20
LOADS: Final = {"json": "µs per JSON request", "sse": "µs per chunk", "large": "µs per 220 KB"}


def main(result: Path, page: Path) -> int:
    """Write a result into a page; return 1 if it is not one to publish."""
    found = json.loads(result.read_text())
    if found["void"] or found["forced"]:
        sys.stderr.write(f"{result} is void or was forced: {found['void']}; measure again\n")
        return 1
    write(page, BEGIN, measured(found, date_of(result)), drawings(found))
    return 0


def measured(found: Mapping[str, Any], date: str) -> Iterator[str]:
    """Yield the lines of the part that is measured."""
    machine = found["machine"]
    yield f"\nMeasured on {date}: {machine['cores']} cores, {machine['platform']}, Python {machine['python']}, "
    others = found["foreign_cores"]
    yield f"others used at most {short(max(others, default=0))} of a core in any round.\n"
    yield from _goals(found)
    if found["figures"]:
        yield "\n![CPU per request and chunk](gateway-cost.svg)\n"
        yield from _costs(found)
    for waits in found["first_tokens"]:
        kind = waits["connections"]
        yield f"\n![First tokens over {kind} connections](gateway-first-token-{kind}.svg)\n"
        yield from _waits(waits)
    yield from _crowd(found)


def told(figure: Mapping[str, float]) -> str:
    """Return a figure with its interval."""
    return f"{short(figure['value'])} ({short(figure['low'])}–{short(figure['high'])})"


def _goals(found: Mapping[str, Any]) -> Iterator[str]:
    yield from ("| goal | measured | asked | |", "|---|---|---|---|")
    for goal in found["goals"]:
        sign = "≥" if goal["at_least"] else "≤"
        words = "met" if goal["met"] else "**short**"
        name = goal["name"].removeprefix("gateway-").replace("-", " ")
        yield f"| {name} | {told(goal['figure'])} {goal['unit']} | {sign} {short(goal['limit'])} | {words} |"


def _costs(found: Mapping[str, Any]) -> Iterator[str]:
    loads = [name for name in LOADS if name in found["figures"]]
    yield "| | " + " | ".join(f"{LOADS[name]} | ours ÷ theirs" for name in loads) + " | MiB after |"
    yield "|---" * (2 * len(loads) + 2) + "|"
    for arm in found["figures"][loads[0]]:
        cells = []
        for name in loads:
            ratio = found["ratios"][name].get(arm)
            cells += [told(found["figures"][name][arm]), told(ratio) if ratio else ""]
        memory = short(found["memory_bytes"].get(arm, 0) / MIB)
        yield f"| {_name(arm)} | " + " | ".join(cells) + f" | {memory} |"


def _waits(waits: Mapping[str, Any]) -> Iterator[str]:
    yield f"| {waits['connections']} connections | added to p50, ms | added to p99, ms | near 40 ms | streams/s |"
    yield "|---|---|---|---|---|"
    for arm, added in waits["added"].items():
        share = f"{added['share_near_40_ms']:.1%}"
        rate = short(waits["rates"][arm])
        yield f"| {_name(arm)} | {told(added['p50_ms'])} | {told(added['p99_ms'])} | {share} | {rate} |"


def _crowd(found: Mapping[str, Any]) -> Iterator[str]:
    if found["streams"]:
        yield from ("\n| 1,000 streams | tokens lost | cores | MiB |", "|---|---|---|---|")
    for arm, held in found["streams"].items():
        lost = f"{held['expected'] - held['tokens']} of {held['expected']}"
        cores = short(sorted(held["cores"])[len(held["cores"]) // 2]) if held["cores"] else ""
        memory = short(held["rss_bytes"] / MIB) if held["rss_bytes"] else ""
        yield f"| {_name(arm)} | {lost} | {cores} | {memory} |"
    if found["at_once"]:
        failed = [f"{_name(arm)} {sum(errors)}" for arm, errors in found["at_once"].items()]
        yield f"\nErrors of 3,000 requests, 1,000 at once: {', '.join(failed)}."


def _name(arm: str) -> str:
    return "**Tidegate**" if arm == "ours" else arm
