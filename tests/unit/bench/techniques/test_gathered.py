"""Several runs of single parts as one result: nothing that was measured beside other work is told."""

from typing import Any

import pytest

from tidegate_bench.techniques.gathered import gather

MACHINE = {"platform": "Linux", "cores": 2, "load": 0.1}
SLOW = [{"without": {"first token p50, 75 % shared": 2.0, "tokens/s, nothing shared": 5.0}}]
ROUNDS = [
    {
        "without": {"first token p50, 75 % shared": 1.0, "tokens/s, nothing shared": 5.0},
        "with": {"first token p50, 75 % shared": 0.1, "tokens/s, nothing shared": 5.0},
    }
] * 3


def _run(technique: str, foreign: float = 0.1, **other: Any) -> dict[str, Any]:
    whole = {"machine": MACHINE, "model": "small", "weights": {}, "witness": {}, "void": [], "goals": []}
    return {**whole, "rounds": {technique: ROUNDS}, "foreign_cores": {technique: foreign}, **other}


def test_what_a_disturbed_run_has_measured_is_taken_from_a_quiet_one() -> None:
    disturbed = _run("prefix", 0.9, rounds={"prefix": SLOW})

    found = gather([disturbed, _run("prefix")])

    assert found["rounds"] == {"prefix": ROUNDS}


def test_goals_are_judged_of_what_was_taken() -> None:
    (sooner, kept) = gather([_run("prefix")])["goals"]

    assert (sooner["name"], sooner["figure"]["value"], sooner["met"]) == (
        "engine-prefix-first-token-p50",
        0.1,
        True,
    )
    assert kept["met"]


def test_a_technique_without_a_quiet_run_is_refused() -> None:
    with pytest.raises(ValueError, match="beside other work in every result: prefix"):
        gather([_run("prefix", 0.9)])


def test_runs_of_different_machines_are_no_one_result() -> None:
    other = _run("prefix", machine={**MACHINE, "cores": 64})

    with pytest.raises(ValueError, match="different machines"):
        gather([_run("prefix"), other])


def test_runs_of_different_models_are_no_one_result() -> None:
    with pytest.raises(ValueError, match="different models: large, small"):
        gather([_run("prefix"), _run("prefix", model="large")])
