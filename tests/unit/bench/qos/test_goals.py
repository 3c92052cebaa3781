"""What a run of the QoS benchmark has to show."""

from typing import Any

from tidegate_bench.qos.bench import Measured, faults
from tidegate_bench.qos.goals import judged
from tidegate_bench.qos.inversions import Counted
from tidegate_bench.qos.rounds import Rounds, Sample, Times
from tidegate_bench.qos.windows import Long


def sample(p99: float = 100.0, tokens: float = 500.0, **changes: Any) -> Sample:
    names: Any = ("high", "low")
    fields: dict[str, Any] = {
        "p50": dict.fromkeys(names, 50.0),
        "p99": dict.fromkeys(names, p99),
        "tokens_per_second": dict.fromkeys(names, tokens),
        "refused": dict.fromkeys(names, 0),
        "lag_seconds": 0.0,
    }
    return Sample(**fields | changes)


def rounds(overload_p99: float, overload_tokens: float) -> Rounds:
    made = {
        "unloaded": sample(),
        "fits as one class": sample(tokens=1000.0),
        "overload": sample(overload_p99, overload_tokens),
    }
    return Rounds(10.0, [made] * 3)


LONG = Long(0.06, 0.07, 100.0, 50.0, 1.0)


def test_goals_compare_within_a_round() -> None:
    made = judged(rounds(140.0, 970.0), [LONG], Counted(100, 0))
    assert [(goal.name, round(goal.figure.value, 2), goal.is_met) for goal in made] == [
        ("qos-high-first-token-p99", 1.4, True),
        ("qos-goodput", 0.97, True),
        ("qos-low-in-any-minute", 0.06, True),
        ("qos-inversions", 0.0, True),
    ]


def test_goals_fall_short_where_they_do() -> None:
    made = judged(rounds(160.0, 900.0), [Long(0.04, 0.07, 100.0, 50.0, 1.0)], Counted(100, 1))
    assert [goal.is_met for goal in made] == [False] * 4


def test_only_what_was_measured_is_judged() -> None:
    assert judged(Rounds(), [], None) == []


def test_a_run_is_void_if_answers_were_wrong_engines_late_or_others_busy() -> None:
    made = rounds(140.0, 970.0)
    assert faults(Measured(made, foreign=[0.1]), None, Times()) == []
    made.rounds[1] = made.rounds[1] | {"overload": sample(fault="3 answers were wrong")}
    assert faults(Measured(made), None, Times()) == ["round 2, overload: 3 answers were wrong"]
    late = {name: sample(lag_seconds=1.0) for name in made.rounds[0]}
    found = faults(Measured(Rounds(1.0, [late] * 3), foreign=[0.5]), None, Times())
    assert found == [
        "unloaded: the engines were 3% late",
        "fits as one class: the engines were 3% late",
        "overload: the engines were 3% late",
        "others used 0.50 cores in the median round",
    ]
