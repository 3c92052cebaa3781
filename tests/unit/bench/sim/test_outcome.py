"""Figures of many requests."""

from math import isnan

import pytest

from tidegate_bench.sim.outcome import (
    Outcome,
    faults,
    makespan_tokens_per_second,
    quantile_ms,
    tokens_per_second,
)


def done(due: float, waited: float, ended: float, tokens: int = 10) -> Outcome:
    return Outcome(due, due + waited, ended, tokens, is_right=True)


REFUSED = Outcome(1.0, status=429)


def test_only_whole_answers_count() -> None:
    made = [done(0, 0.1, 1), done(1, 0.3, 2), REFUSED]
    assert quantile_ms(made, 0.5) == pytest.approx(100)
    assert quantile_ms(made, 0.99) == pytest.approx(300)
    assert isnan(quantile_ms([REFUSED], 0.5))


def test_tokens_count_where_their_answer_ended() -> None:
    made = [done(0, 0.1, 1), done(0, 0.1, 4), REFUSED]
    assert tokens_per_second(made, 0, 2) == 5.0
    assert tokens_per_second(made, 1, 5) == 5.0
    assert makespan_tokens_per_second(made) == 5.0


def test_what_is_wrong_is_told_with_its_status() -> None:
    assert faults([done(0, 0.1, 1)]) == ""
    assert (
        faults([done(0, 0.1, 1), REFUSED, Outcome(0, status=0)])
        == "2 of 3 answers were wrong (status 0, 429)"
    )
