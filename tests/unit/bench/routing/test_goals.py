"""What a run of the routing benchmark has to show."""

from typing import Any

import pytest

from tidegate_bench.routing.bench import Measured, faults
from tidegate_bench.routing.decision import Decisions, Desk
from tidegate_bench.routing.goals import best, judged
from tidegate_bench.routing.rounds import Rounds, Sample, make_trace


def sample(**changes: Any) -> Sample:
    names = (
        "hit_ratio",
        "first_token_p50",
        "first_token_p90",
        "tokens_per_second",
        "request_unevenness",
        "work_unevenness",
    )
    fields: dict[str, Any] = {**dict.fromkeys(names, 1.0), "lag_seconds": 0.0}
    return Sample(**fields | changes)


def rounds(ours: Sample, **others: Sample) -> Rounds:
    arms = {"round robin": sample(), "vllm-router": sample(), "smg": sample()}
    return Rounds([{**arms, **others, "ours": ours}] * 3)


def test_the_best_of_the_others_is_what_we_are_compared_with() -> None:
    made = rounds(sample(first_token_p90=9.0), smg=sample(first_token_p90=10.0, tokens_per_second=7.0))
    assert best(made, "first_token_p90", highest=False) == "round robin"
    assert best(made, "tokens_per_second", highest=True) == "smg"


@pytest.mark.parametrize(
    ("load", "ours", "goal", "value", "is_met"),
    [
        ("prefix-heavy", {"hit_ratio": 0.96}, "routing-cached-prefix-heavy", 0.96, True),
        ("prefix-heavy", {"hit_ratio": 0.94}, "routing-cached-prefix-heavy", 0.94, False),
        ("no-reuse", {"first_token_p90": 1.01}, "routing-first-token-p90-no-reuse", 1.01, True),
        ("chats", {"first_token_p90": 1.01}, "routing-first-token-p90-chats", 1.01, False),
        ("hot-prefix", {"request_unevenness": 1.3}, "routing-hot-prefix-load", 1.3, False),
        (
            "prefix-heavy-full",
            {"tokens_per_second": 1.25},
            "routing-tokens-per-second-prefix-heavy-full",
            1.25,
            True,
        ),
        (
            "no-reuse-full",
            {"tokens_per_second": 0.97},
            "routing-tokens-per-second-no-reuse-full",
            0.97,
            False,
        ),
    ],
)
def test_goals_hold_to_their_limits(
    load: str, ours: dict[str, float], goal: str, value: float, is_met: bool
) -> None:
    made = {each.name: each for each in judged({load: rounds(sample(**ours))}, [])}[goal]
    assert (made.figure.value, made.is_met) == (pytest.approx(value), is_met)


def test_a_decision_is_judged_by_its_slowest_hundredth() -> None:
    fast = Decisions(tuple([50.0] * 98 + [150.0, 900.0]))
    (goal,) = judged({}, [fast] * 3)
    assert (goal.figure.value, goal.is_met, fast.p50) == (150.0, True, 50.0)


def test_a_decision_is_timed_whole_and_never_waits() -> None:
    found = Desk(1).round(20)
    assert len(found.microseconds) == 20
    assert min(found.microseconds) > 0


def test_all_arms_of_a_round_play_one_trace_and_the_next_round_another() -> None:
    one, again, other = (make_trace("chats", number, "key", 2.0) for number in (0, 0, 1))
    assert one == again
    assert one != other
    assert 0 < one.first < len(one.wanted)
    assert make_trace("no-reuse-full", 0, "key", 2.0).first == 0


def test_a_run_is_void_if_answers_were_wrong_engines_late_or_others_busy() -> None:
    assert faults(Measured(8.0, {"chats": rounds(sample())}, foreign=[0.1])) == []
    bad = Measured(
        8.0, {"chats": rounds(sample(lag_seconds=6.4), smg=sample(fault="smg: 1 wrong"))}, foreign=[0.3]
    )
    assert faults(bad) == [
        *(f"chats round {number}: smg: 1 wrong" for number in (1, 2, 3)),
        "chats: behind ours the engines were 10% late",
        "others used 0.30 cores in the median round",
    ]
