"""What a run of the autoscaling benchmark has to show, and how it is drawn and told."""

import json
from dataclasses import asdict
from math import inf
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tidegate_bench.autoscaling.arms import ARMS, OURS
from tidegate_bench.autoscaling.bench import Measured, _content
from tidegate_bench.autoscaling.bound import Bound
from tidegate_bench.autoscaling.budgeted import Shared
from tidegate_bench.autoscaling.faultruns import Broken
from tidegate_bench.autoscaling.goals import judged
from tidegate_bench.autoscaling.outcome import Outcome
from tidegate_bench.autoscaling.plot import drawings
from tidegate_bench.autoscaling.publish import BEGIN, TRACE_BEGIN, main
from tidegate_bench.autoscaling.sweep import Sweep
from tidegate_bench.page import END


def made(hours: float, attainment: float, blind: int = 0, cut: int = 0) -> Outcome:
    return Outcome(1000, attainment, 0.2, 1.5, hours, 12.0, cut, 0, 0, blind)


def swept(trace: str, ours: tuple[float, float], **others: tuple[float, float]) -> Sweep:
    """A trace on which every law has two settings: a cheap bad one, and the one that is given."""
    given = {"planner": (4.0, 0.96), "static": (6.0, 0.95)} | others
    outcomes = {}
    for arm in ARMS:
        hours, attainment = given.get(arm.name, (8.0, 0.95))
        outcomes[arm.name] = {"a": [made(1.0, 0.1)] * 3, "b": [made(hours, attainment)] * 3}
    outcomes[OURS] = {"low": [made(1.0, 0.1)] * 3, "medium": [made(*ours)] * 3}
    return Sweep(trace, outcomes)


def shared(*attained: float) -> Shared:
    names = ("high", "medium", "low")
    return Shared("allocated by class", {n: made(3, a) for n, a in zip(names, attained, strict=True)})  # type: ignore[misc]


def test_goals_are_met_by_who_serves_more_for_less() -> None:
    sweeps = [swept("diurnal", (4.2, 0.96)), swept("bursts", (4.5, 0.97))]
    broken = [Broken("nothing", OURS, made(5, 0.9), [])]
    found = judged(sweeps, [shared(0.99, 0.98, 0.7)], broken)
    assert {goal.name: goal.is_met for goal in found} == dict.fromkeys(
        [
            "autoscaling-regret-diurnal",
            "autoscaling-regret-bursts",
            "autoscaling-lead-over-best-peer-diurnal",
            "autoscaling-lead-over-best-peer-bursts",
            "autoscaling-lead-over-best-static-bursts",
            "autoscaling-classes-out-of-order",
            "autoscaling-downs-on-missing-metrics",
            "autoscaling-requests-cut",
        ],
        True,
    )


def test_goals_fall_short_where_they_do() -> None:
    sweeps = [
        swept("diurnal", (8.0, 0.95), kpa=(4.1, 0.96)),
        swept("bursts", (8.0, 0.95), static=(5.0, 0.96)),
    ]
    broken = [Broken("nothing", OURS, made(5, 0.9, blind=1, cut=2), [])]
    found = {goal.name: goal for goal in judged(sweeps, [shared(0.7, 0.98, 0.7)], broken)}
    assert not any(goal.is_met for name, goal in found.items() if "best-peer-bursts" not in name)
    assert found["autoscaling-regret-diurnal"].figure.value == pytest.approx(8 / 4, rel=0.02)
    assert found["autoscaling-requests-cut"].figure.value == 2


def test_regret_is_over_the_planner_and_nothing_if_that_one_cannot_either() -> None:
    one = swept("diurnal", (4.2, 0.96))
    assert one.regret("planner", 0.95) == 1.0
    assert one.regret("kpa", 0.95) == pytest.approx(8 / 4, rel=0.02)
    assert one.regret("planner", 0.97) != one.regret("planner", 0.97), "nobody serves so many: no number"


@pytest.fixture
def result(tmp_path: Path) -> Path:
    measured = Measured(
        halves={"report": [swept("diurnal", (4.2, 0.96))], "tune": [swept("diurnal", (4.2, 0.96))]},
        shared=[shared(0.99, 0.98, 0.7)],
        broken=[Broken("nothing", OURS, made(5, 0.9, blind=1), [])],
        bounds=[Bound("bursts", 0.95, 4.6, 2.1, 7.4, 3.5), Bound("code", 0.95, 2.7, 1.2, inf, 3.0)],
        courses={"diurnal": [(0.0, 2, 3), (1800.0, 4, 4)]},
    )
    goals = judged(measured.halves["report"], measured.shared, measured.broken)
    content = {
        **_content(measured),
        "machine": {"python": "3.11.7"},
        "goals": [{**asdict(goal), "met": goal.is_met} for goal in goals],
    }
    path = tmp_path / "autoscaling-20261121T190000.json"
    path.write_text(json.dumps(content))
    return path


def test_a_result_is_drawn_as_well_formed_pictures(result: Path) -> None:
    pictures = drawings(json.loads(result.read_text()))
    assert set(pictures) == {"autoscaling-frontier.svg", "autoscaling-course.svg"}
    for picture in pictures.values():
        ElementTree.fromstring(picture)  # noqa: S314 - our own text


def test_a_result_is_put_on_its_page_between_the_marks(result: Path) -> None:
    page = result.parent / "page.md"
    page.write_text(f"before\n{BEGIN}\nstale\n{END}\nafter\n")
    assert main(result, page) == 0
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "stale" not in text
    for told in (
        "Run on 21 November 2026",
        "| regret diurnal |",
        "| **Tidegate** |",
        "allocated by class",
        "(1) |",
        "| bursts | 4.60 | 2.10 | 7.40 | 3.50 | 1.31 | 2.11 |",
        "| code | 2.70 | 1.20 | never | 3.00 | 0.90 | never |",
    ):
        assert told in text
    assert (result.parent / "autoscaling-frontier.svg").exists()


def test_a_real_trace_has_a_part_of_the_page_of_its_own(result: Path) -> None:
    content = json.loads(result.read_text())
    content["halves"] = {half: [one | {"trace": "an-hour"}] for half, (one, *_) in content["halves"].items()}
    result.write_text(json.dumps(content))
    page = result.parent / "page.md"
    page.write_text(f"{BEGIN}\nmade\n{END}\n{TRACE_BEGIN}\nstale\n{END}\nafter\n")
    assert main(result, page) == 0
    text = page.read_text()
    assert f"{BEGIN}\nmade\n{END}\n" in text
    assert "| an-hour | settings |" in text
    assert "stale" not in text
    assert text.endswith("\nafter\n")
