"""How a goal is judged and told."""

from dataclasses import dataclass

import pytest

from tidegate_bench.results import Goal, conclude
from tidegate_bench.statistics import Figure


@dataclass(frozen=True)
class Case:
    told: str
    figure: Figure
    limit: float
    at_least: bool
    line: str

    def __str__(self) -> str:
        return self.told


CASES = [
    Case("met with its whole interval", Figure(0.3, 0.2, 0.5), 0.5, False, "0.3 × (0.2..0.5) ≤0.5 met"),
    Case("short by one end", Figure(0.3, 0.2, 0.51), 0.5, False, "0.3 × (0.2..0.51) ≤0.5 short"),
    Case("met by at least so much", Figure(2100, 2000, 2200), 2000, True, "2100 × (2000..2200) ≥2000 met"),
    Case("short of it", Figure(2100, 1999, 2200), 2000, True, "2100 × (1999..2200) ≥2000 short"),
    Case("nothing lost", Figure(0, 0, 0), 0, False, "0 × (0..0) ≤0 met"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_goal_is_met_only_if_the_unfavourable_end_meets_it(case: Case) -> None:
    assert Goal("g", case.figure, "×", case.limit, case.at_least).line() == f"goal g {case.line}"


def test_a_benchmark_ends_with_a_count(capsys: pytest.CaptureFixture[str]) -> None:
    conclude([Goal("a", Figure(1, 1, 1), "s", 2), Goal("b", Figure(3, 3, 3), "s", 2)])
    assert capsys.readouterr().out.splitlines()[-1] == "1 met, 1 short"
