"""`python -m tidegate_bench operator --publish RESULT`: put a run on its page.

Owns the part of the page between two marks; what people wrote around it stays.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tidegate_bench.operator.goals import reads, writes
from tidegate_bench.page import date_of, goals, write
from tidegate_bench.results import short
from tidegate_bench.statistics import quantile

BEGIN: Final = "<!-- measured: `python -m tidegate_bench operator --publish` writes from here -->"
PAGE: Final = Path("docs/benchmarks/operator.md")
_MIB: Final = 2**20


def main(result: Path, page: Path = PAGE) -> int:
    """Write a result into a page."""
    write(page, BEGIN, measured(json.loads(result.read_text()), date_of(result)), {})
    return 0


def measured(found: Mapping[str, Any], date: str) -> Iterator[str]:
    """Yield the lines of the part that is measured."""
    machine = found["machine"]
    yield f"\nRun on {date} on {machine['cores']} cores with Python {machine['python']}.\n"
    yield from goals(found["goals"], "operator-")
    sizes = found["sizes"]
    yield f"\n| | {' | '.join(str(one['services']) for one in sizes)} |"
    yield "|---" * (len(sizes) + 1) + "|"
    for name, told in _ROWS.items():
        yield f"| {name} | {' | '.join(told(one) for one in sizes)} |"
    for one in sizes:
        yield f"\nCalls of the operator until {one['services']} services were settled, per service:\n"
        yield from _calls(one)


def _calls(one: Mapping[str, Any]) -> Iterator[str]:
    yield from ("| call | answered | refused, or not found |", "|---|---|---|")
    for name in sorted({*one["calls"], *one["refused"]}, key=lambda name: -one["calls"].get(name, 0)):
        counts = (one[kind].get(name, 0) for kind in ("calls", "refused"))
        yield f"| {name} | {' | '.join(short(count / one['services']) for count in counts)} |"


def _p99(values: list[float]) -> str:
    return f"{short(quantile(values, 0.99))} s" if values else "–"


def _cores(told: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {short(value)}" for name, value in told.items())


def _plane(one: Mapping[str, Any]) -> str:
    told = {name: seconds / one["services"] for name, seconds in one["plane_cpu_seconds"].items()}
    return ", ".join(f"{name} {short(1000 * seconds)} ms" for name, seconds in told.items())


_ROWS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "children of a service": lambda one: str(one["children"]),
    "until all are Ready": lambda one: f"{one['ready_seconds']:.0f} s",
    "a script that writes the same children": lambda one: f"{one['script_seconds']:.0f} s",
    "writes per service": lambda one: short(writes(one["calls"]) / one["services"]),
    "reads of single objects per service": lambda one: short(
        (reads(one["calls"]) + reads(one["refused"])) / one["services"]
    ),
    "CPU of the operator per service": lambda one: (
        f"{short(1000 * one['settled_cpu_seconds'] / one['services'])} ms"
    ),
    "CPU of the control plane per service": _plane,
    "memory empty, full, after a restart": lambda one: (
        f"{one['rss_empty']:.0f}, {one['rss_full']:.0f}, {one['rss_restarted']:.0f} MiB"
    ),
    "etcd's file": lambda one: f"{one['stored_bytes'] / _MIB:.0f} MiB",
    "the same of the script": lambda one: f"{one['script_stored_bytes'] / _MIB:.0f} MiB",
    "cores in steady state": lambda one: short(one["steady_cores"]),
    "a change until its write, p99": lambda one: _p99(one["idle_delays"]),
    "100 changes at once, p99": lambda one: _p99(one["burst_delays"]),
    "restart until all was looked at": lambda one: f"{one['restart_seconds']:.1f} s",
    "cores that others used meanwhile": lambda one: _cores(one["foreign_cores"]),
}
