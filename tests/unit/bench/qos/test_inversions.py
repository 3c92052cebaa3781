"""Who went before whom, counted."""

from typing import Any

import pytest

from tidegate_bench.qos import inversions
from tidegate_bench.qos.inversions import count
from tidegate_gateway.qos.ticket import Ticket


def ticket(qos_class: Any) -> Ticket:
    nobody: Any = None
    return Ticket(nobody, "t", qos_class, prompt_tokens=60, output_tokens=40)


@pytest.mark.parametrize(
    ("waits", "admitted", "inversions_found"),
    [("high", "low", 1), ("medium", "low", 1), ("high", "high", 0), ("low", "high", 0)],
    ids=str,
)
def test_only_who_goes_before_a_higher_class_is_an_inversion(
    waits: Any, admitted: Any, inversions_found: int
) -> None:
    run = inversions._Run(1, min_shares=False)
    run.waiting[waits] = 1
    run.admitted(ticket(admitted))
    found = run.counted
    assert (found.inversions, found.inverted_tokens) == (inversions_found, 100 * inversions_found)
    assert (found.admissions, found.tokens) == (1, 100)


def test_without_minimum_shares_nobody_goes_before_a_higher_class() -> None:
    found = count(5000, seed=1, min_shares=False)
    assert found.inversions == 0
    assert found.admissions >= 5000
    assert found.refused > 5000, "it is an overload"


def test_with_minimum_shares_no_more_than_these_go_before_a_higher_class() -> None:
    found = count(5000, seed=1, min_shares=True)
    assert 0.03 < found.inverted_tokens / found.tokens < 0.30
