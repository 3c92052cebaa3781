"""`python -m tidegate_bench footprint --publish RESULT`: put a run on its page.

Owns the part of the page between two marks; what people wrote around it stays.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tidegate_bench.page import date_of, goals, write
from tidegate_bench.results import short
from tidegate_bench.statistics import quantile

BEGIN: Final = "<!-- measured: `python -m tidegate_bench footprint --publish` writes from here -->"
PAGE: Final = Path("docs/benchmarks/footprint.md")


def main(result: Path, page: Path = PAGE) -> int:
    """Write a result into a page."""
    write(page, BEGIN, measured(json.loads(result.read_text()), date_of(result)), {})
    return 0


def measured(found: Mapping[str, Any], date: str) -> Iterator[str]:
    """Yield the lines of the part that is measured."""
    machine = found["machine"]
    told = f"{found['rounds']} imports each"
    yield f"\nRun on {date} on {machine['cores']} cores with Python {machine['python']}, {told}.\n"
    yield from ("| component | libraries | import, median | memory at rest |", "|---|---|---|---|")
    for one in found["components"]:
        middle = short(quantile(one["import_seconds"], 0.5))
        yield f"| {one['name']} | {one['environment_mib']:.0f} MiB | {middle} s | {one['idle_mib']:.0f} MiB |"
    yield ""
    yield from goals(found["goals"], "footprint-")
