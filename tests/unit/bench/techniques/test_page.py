"""A result on its page: every technique that was measured, with the words that goals earned."""

from typing import Any
from xml.etree import ElementTree

from tidegate_bench.techniques.plot import Panel, bars
from tidegate_bench.techniques.publish import measured, panels
from tidegate_bench.techniques.table import TECHNIQUES


def _result() -> dict[str, Any]:
    figures = {
        "tokens/s": 10.0,
        "latency p50": 2.0,
        "first token p50": 1.0,
        "wasted with pages": 0.02,
        "wasted with room for the longest": 0.6,
        "first token p50, 75 % shared": 0.5,
        "first token p50, nothing shared": 1.5,
        "tokens/s, nothing shared": 5.0,
        "between tokens p99": 0.1,
        "longest pause": 0.9,
        "first token p50 of long prompts": 1.2,
        "tokens/s, 1 client": 20.0,
        "tokens/s, 16 clients": 90.0,
        "guessed right": 0.5,
    }
    rounds = {t.name: [{arm.name: figures for arm in t.arms}] * 3 for t in TECHNIQUES}
    form = {"files": 2**28, "matrices": 2**27, "memory": 2**30}
    return {
        "machine": {"cores": 2},
        "model": "a-model",
        "rounds": rounds,
        "weights": {"as stored": form, "int8": {**form, "memory": 2**30 - 2**26}, "int4": form},
        "witness": {"single": figures, "batched": figures},
        "goals": [
            {
                "name": "engine-cache-waste",
                "figure": {"value": 0.02, "low": 0.01, "high": 0.03},
                "unit": "of-what-is-held",
                "limit": 0.04,
                "at_least": False,
                "met": True,
            },
            {
                "name": "engine-int4-weight-memory",
                "figure": {"value": 1.0, "low": 1.0, "high": 1.0},
                "unit": "×as-stored",
                "limit": 0.35,
                "at_least": False,
                "met": False,
            },
        ],
    }


def test_the_page_tells_each_technique_each_form_of_the_weights_and_the_witness() -> None:
    told = "\n".join(measured(_result(), "1 December 2026"))

    for technique in TECHNIQUES:
        assert f"### {technique.title}" in told
    assert "| cache waste | 0.02 (0.01–0.03) of-what-is-held | ≤ 0.04 | met |" in told
    assert "| int4 weight memory | 1 ×as-stored | ≤ 0.35 | **short** |" in told
    assert "| int8 | 256 | -64 | 50% |" in told
    assert "seen by guidellm" in told


def test_a_run_of_one_part_tells_that_part_alone() -> None:
    found = _result()
    part = {**found, "rounds": {"prefix": found["rounds"]["prefix"]}, "weights": {}, "witness": {}}

    told = "\n".join(measured(part, "1 December 2026"))

    assert told.count("###") == 1
    assert [panel.title for panel in panels(part)] == [
        "Prefix caching, prompts of 640 tokens: first token p50, 75 % shared"
    ]


def test_bars_are_as_long_as_their_figures() -> None:
    drawn = ElementTree.fromstring(bars([Panel("a", "s", (("one", 1.0), ("two", 4.0)))]))  # noqa: S314

    _, one, two = drawn.iter("{http://www.w3.org/2000/svg}rect")
    assert float(two.attrib["width"]) == 4 * float(one.attrib["width"])
