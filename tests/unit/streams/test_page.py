"""The tables of the page on reliability are what the figures say, and go where they belong."""

from typing import Any

import pytest

from streams.page import BEGIN, END, put, section

ABOUT = {"seed": 3, "day": "2026-11-22"}


def row(name: str, broken: int) -> dict[str, Any]:
    return {
        "name": name,
        "streams": 1000,
        "tokens": 70_000,
        "times": 2,
        "ended": 8,
        "open_when_told": 90,
        "broken": broken,
    }


def test_each_part_that_was_run_has_its_table_and_no_other() -> None:
    changes = {"about": ABOUT, "rows": [row("gateway roll", 0)], "careless": row("workers killed", 17)}
    idle = {"about": ABOUT, "rounds": 100, "idle_went": 99}
    told = section({"changes": changes, "idle": idle})
    assert "| gateway roll | 1000 | 70,000 | 2 | 8 (90) | **0** |" in told
    assert "| workers killed instead of drained | 1000 | 70,000 | 2 | 8 (90) | **17** |" in told
    assert "**99 of 100**" in told
    assert "seed 3, 2026-11-22" in told
    assert "slow clients" not in told


def test_the_text_takes_the_place_of_what_was_between_the_marks() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert put(page, "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert put(put(page, "new"), "new") == put(page, "new")


def test_a_page_without_marks_is_not_written() -> None:
    with pytest.raises(ValueError, match="has no"):
        put("nothing here", "new")
