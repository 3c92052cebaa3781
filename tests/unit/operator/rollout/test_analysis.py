"""What follows from what was counted of two versions, and what only looks as if it did."""

from __future__ import annotations

from random import Random

import pytest

from tidegate_api.firsttoken import bucket
from tidegate_api.rollout import Analysis
from tidegate_operator.rollout.analysis import at_least, figures, judge
from tidegate_operator.rollout.facts import Compared, Counts
from unit.operator.rollout.scenes import compared, counts


@pytest.mark.parametrize(
    ("found", "asked", "expected", "words"),
    [
        pytest.param(
            compared(counts(49, errors=49)),
            {},
            "Unknown",
            "49 of the 50 requests",
            id="nothing before 50 requests",
        ),
        pytest.param(
            compared(counts(50)), {}, "Good", "0 of its 50 requests failed (0.0%; 1.0% may)", id="all well"
        ),
        pytest.param(
            compared(counts(50, 1)), {}, "Unknown", "that may be chance", id="one of 50 may be chance"
        ),
        pytest.param(
            compared(counts(50, 4)), {}, "Failed", "4 of its 50 requests failed", id="four of 50 is none"
        ),
        pytest.param(compared(counts(1000, 10)), {}, "Good", "10 of its 1000", id="exactly what is allowed"),
        pytest.param(
            compared(counts(100, 10), counts(1000, 100)),
            {},
            "Good",
            "10.0% may",
            id="as many fail in use as well",
        ),
        pytest.param(compared(counts(2, 2)), {"min_requests": 1}, "Failed", "2 of its 2", id="two of two"),
        pytest.param(
            compared(counts(100, 1)), {"max_error_percent": 0}, "Failed", "1 of its 100", id="none may"
        ),
        pytest.param(
            compared(counts(100, 100)),
            {"max_error_percent": 100},
            "Good",
            "100 of its 100",
            id="all of them may",
        ),
        pytest.param(
            compared(counts(200, times={70: 200})), {}, "Failed", "(+159%; +20% may)", id="much later"
        ),
        pytest.param(
            compared(counts(200, times={61: 200})), {}, "Good", "(+10%; +20% may)", id="a little later"
        ),
        pytest.param(compared(counts(200, times={50: 200})), {}, "Good", "(-61%; +20% may)", id="sooner"),
        pytest.param(
            compared(counts(60, times={60: 53, 80: 7})),
            {},
            "Unknown",
            "that may be chance",
            id="seven late ones of 60 may be chance",
        ),
        pytest.param(
            compared(counts(200, times={90: 200}), counts(10)),
            {},
            "Good",
            "too few first tokens",
            id="nothing to compare with",
        ),
        pytest.param(
            compared(counts(0)), {"min_requests": 0}, "Unknown", "0 of the 1 requests", id="nothing at all"
        ),
    ],
)
def test_judgement(found: Compared, asked: dict[str, float], expected: str, words: str) -> None:
    said = judge(found, Analysis.model_validate(asked), has_golden=False)
    assert said.is_ == expected
    assert words in said.words


def test_golden_prompts_are_enough_only_where_no_request_is_asked_for() -> None:
    nothing = Compared()
    assert judge(nothing, Analysis(min_requests=0), has_golden=True).is_ == "Good"
    assert judge(nothing, Analysis(min_requests=1), has_golden=True).is_ == "Unknown"


@pytest.mark.parametrize(
    ("found", "of", "share", "expected"),
    [
        (0, 10, 0.5, 1.0),
        (10, 10, 0.5, 0.5**10),
        (1, 10, 0.1, 1 - 0.9**10),
        (1, 5, 0.0, 0.0),
        (3, 5, 1.0, 1.0),
    ],
)
def test_the_binomial_tail(found: int, of: int, share: float, expected: float) -> None:
    assert at_least(found, of, share) == pytest.approx(expected, rel=1e-9)


def test_the_tail_is_the_same_from_both_sides() -> None:
    below, above = at_least(10, 1000, 0.0101), at_least(11, 1000, 0.0101)
    assert below > above > 0
    assert at_least(20_000, 1_000_000, 0.01) == pytest.approx(0, abs=1e-12)


def test_a_good_version_is_seldom_taken_back_and_a_slow_one_always() -> None:
    """Looked at 60 times while 600 requests come, times spread as they are in life."""
    dice = Random(7)
    taken_back = {0.9: 0, 1.0: 0, 2.0: 0}
    for factor in taken_back:
        for _ in range(60):
            stable: dict[int, int] = {}
            canary: dict[int, int] = {}
            for _look in range(60):
                for _request in range(90):
                    add(stable, dice.lognormvariate(-1, 0.5))
                for _request in range(10):
                    add(canary, factor * dice.lognormvariate(-1, 0.5))
                found = Compared(
                    Counts(sum(stable.values()), 0, stable), Counts(sum(canary.values()), 0, canary)
                )
                if judge(found, Analysis(), has_golden=False).is_ == "Failed":
                    taken_back[factor] += 1
                    break
    assert taken_back[0.9] == 0
    assert taken_back[1.0] <= 3
    assert taken_back[2.0] == 60


def add(counted: dict[int, int], seconds: float) -> None:
    index = bucket(seconds)
    counted[index] = counted.get(index, 0) + 1


def test_figures_are_what_a_status_takes() -> None:
    assert figures(Counts(3, 1)) == {"requests": 3, "errors": 1}
    told = figures(counts(10, times={73: 10}))
    assert 900 < told["ttftP50Milliseconds"] < told["ttftP90Milliseconds"] < 1100
