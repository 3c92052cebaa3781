"""What is drawn and told is what was measured."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tidegate_bench.gateway.plot import costs, first_tokens
from tidegate_bench.gateway.publish import BEGIN, main
from tidegate_bench.page import END
from tidegate_bench.statistics import BUCKETS_MS


def test_what_costs_ten_times_as_much_is_one_decade_to_the_right() -> None:
    figures = {
        "json": {
            name: {"low": value, "value": value, "high": value}
            for name, value in (("ours", 10.0), ("b", 100.0), ("c", 1000.0))
        }
    }
    dots = [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', costs(figures))]
    assert len(dots) == 3
    assert abs((dots[1] - dots[0]) - (dots[2] - dots[1])) < 0.2
    assert dots[0] < dots[1]


def test_a_drawing_is_well_formed_whatever_a_name_holds() -> None:
    one = {"low": 1.0, "value": 2.0, "high": 3.0}
    ElementTree.fromstring(costs({"sse": {"<&>": one, "ours": one}}))  # noqa: S314 - our own text


def test_a_line_rises_where_first_tokens_came() -> None:
    counts = [0] * (len(BUCKETS_MS) + 1)
    counts[BUCKETS_MS.index(1)] = 3
    counts[BUCKETS_MS.index(45)] = 1
    waits = {
        "connections": "reused",
        "buckets_ms": BUCKETS_MS,
        "histograms": [{"ours": counts}, {"ours": counts}],
    }
    (line,) = re.findall(r'<polyline points="([^"]*)"', first_tokens(waits))
    heights = [float(point.split(",")[1]) for point in line.split()]
    assert heights[BUCKETS_MS.index(0.75)] == 300
    assert heights[BUCKETS_MS.index(1)] == 40 + 260 * 0.25
    assert heights[BUCKETS_MS.index(45)] == 40


FIGURE = {"value": 0.4, "low": 0.3, "high": 0.5}
RESULT = {
    "machine": {"platform": "Linux", "python": "3.11", "cores": 2},
    "void": [],
    "forced": False,
    "foreign_cores": [0.1],
    "goals": [
        {"name": "gateway-a", "figure": FIGURE, "unit": "ms", "limit": 0.5, "at_least": False, "met": True}
    ],
    "figures": {"json": {"ours": FIGURE, "nginx": FIGURE}},
    "ratios": {"json": {"nginx": FIGURE}},
    "memory_bytes": {"ours": 50 * 2**20},
    "first_tokens": [],
    "streams": {"ours": {"expected": 10, "tokens": 9, "cores": [0.2], "rss_bytes": 2**20}},
    "at_once": {"ours": [0, 1, 0]},
}


def write(folder: Path, **change: object) -> tuple[Path, Path]:
    result, page = folder / "gateway-20261121T160000.json", folder / "page.md"
    result.write_text(json.dumps({**RESULT, **change}))
    page.write_text(f"before\n{BEGIN}\nold figures\n{END}\nafter\n")
    return result, page


def test_a_result_takes_the_place_of_the_one_before_and_nothing_else(tmp_path: Path) -> None:
    result, page = write(tmp_path)
    assert main(result, page) == 0
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n")
    assert "old figures" not in text
    assert "| a | 0.4 (0.3–0.5) ms | ≤ 0.5 | met |" in text
    assert "| **Tidegate** | 1 of 10 | 0.2 | 1 |" in text
    assert "21 November 2026" in text
    assert (tmp_path / "gateway-cost.svg").exists()
    assert main(result, page) == 0
    assert page.read_text() == text


@pytest.mark.parametrize(
    "change", [{"void": ["others used 2 cores"]}, {"forced": True}], ids=["void", "forced"]
)
def test_a_run_that_proves_nothing_is_not_published(tmp_path: Path, change: dict[str, object]) -> None:
    result, page = write(tmp_path, **change)
    assert main(result, page) == 1
    assert "old figures" in page.read_text()
