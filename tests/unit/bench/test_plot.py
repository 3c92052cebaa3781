"""What is drawn is what was measured."""

import re
from xml.etree import ElementTree

from tidegate_bench.gateway.plot import costs, first_tokens
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
