"""The profile of an engine from what its clients saw."""

import random

import pytest

from tidegate_bench.sim.calibrate import (
    Measured,
    Pass,
    between_tokens,
    errors,
    faults,
    first_token,
    fitted,
    judged,
)
from tidegate_bench.sim.fit import COLUMNS, Row, Seen, fit, rows_alone, rows_together
from tidegate_bench.sim.profile import Profile
from tidegate_bench.sim.sequence import Prompt, Sequence
from tidegate_bench.sim.virtual import Clock, VirtualEngine

TRUE = Profile(
    step_seconds=0.02,
    request_seconds=0.005,
    prefill_token_seconds=4e-4,
    decode_seq_seconds=3e-3,
    context_token_seconds=2e-6,
    num_gpu_blocks=4096,
)


def seen_of(profile: Profile, clients: int, count: int, seed: int) -> list[Seen]:
    """Return what clients see of an engine of this profile, in simulated time."""
    rng = random.Random(seed)
    clock = Clock()
    sent: dict[Sequence, float] = {}
    times: dict[Sequence, list[float]] = {}
    left = [(rng.randint(16, 400), rng.randint(8, 40)) for _ in range(count)]

    def ask() -> None:
        if left:
            prompt, answer = left.pop()
            sequence = Sequence(Prompt(rng.randbytes(4 * prompt), 16), answer)
            sent[sequence], times[sequence] = clock.now, []
            engine.submit(sequence)

    def advanced(sequence: Sequence) -> None:
        times[sequence].append(clock.now)
        if sequence.ended:
            ask()

    engine = VirtualEngine(profile, clock, advanced)
    for _ in range(clients):
        ask()
    clock.run(1e9)
    return [Seen(s.prompt.tokens, sent[s], tuple(times[s])) for s in times]


def passed(profile: Profile, seed: int) -> Pass:
    return {clients: seen_of(profile, clients, 12 * clients, seed) for clients in (1, 4, 8)}


def test_what_clients_see_gives_back_the_profile() -> None:
    found = fitted(passed(TRUE, seed=1))
    for name in COLUMNS[:4]:
        assert getattr(found, name) == pytest.approx(getattr(TRUE, name), rel=0.1), name
    assert found.context_token_seconds == pytest.approx(TRUE.context_token_seconds, rel=0.3)


def test_a_fitted_engine_is_as_fast_as_the_one_it_was_fitted_to() -> None:
    found = fitted(passed(TRUE, seed=1))
    measured = Measured("x", found, [passed(TRUE, seed=2)] * 3, [passed(found, seed=2)] * 3)
    for clients in (1, 4, 8):
        assert errors(measured, clients, "first-token")[0] < 0.05
        assert errors(measured, clients, "between-tokens")[0] < 0.05
    assert all(goal.is_met for goal in judged(measured))


def test_an_engine_that_is_a_fifth_slower_is_not_true_enough() -> None:
    slower = TRUE.faster(1 / 1.2)
    measured = Measured("x", slower, [passed(TRUE, seed=2)] * 3, [passed(slower, seed=2)] * 3)
    assert not any(goal.is_met for goal in judged(measured))


def test_hiccups_and_what_comes_at_once_after_them_do_not_count() -> None:
    rows = rows_alone(seen_of(TRUE, 1, 12, seed=1)) + rows_together(seen_of(TRUE, 4, 40, seed=1))
    rows += [Row(0.5, (1.0, 0.0, 0.0, 1.0, 100.0)), Row(0.0, (1.0, 0.0, 0.0, 1.0, 101.0))] * 60
    found = fit(rows, TRUE)
    assert found.step_seconds == pytest.approx(TRUE.step_seconds, rel=0.05)
    assert found.decode_seq_seconds == pytest.approx(TRUE.decode_seq_seconds, rel=0.1)


def test_a_step_held_the_tokens_that_came_with_it_and_the_prompts_that_ended_in_it() -> None:
    long = Seen(100, 0.0, (1.0, 2.0, 3.0, 4.0))
    ended = Seen(50, 0.0, (1.0, 2.0))
    late = Seen(200, 1.5, (3.0, 4.0))
    rows = rows_together([long, ended, late])[:3]
    assert [row.seconds for row in rows] == [1.0, 1.0, 1.0]
    assert rows[0].columns == (1.0, 0.0, 0, 2, 101 + 51)
    assert rows[1].columns == (1.0, 0.0, 200, 1, 102)
    assert rows[2].columns == (1.0, 0.0, 0, 2, 103 + 201)


def test_nothing_is_negative_and_what_nothing_tells_is_zero() -> None:
    rows = [Row(0.1, (1.0, 0.0, 0.0, 1.0, tokens)) for tokens in (100.0, 200.0)]
    rows.append(Row(0.09, (1.0, 0.0, 0.0, 1.0, 300.0)))
    found = fit(rows, TRUE)
    assert found.context_token_seconds == 0.0
    assert found.prefill_token_seconds == 0.0
    assert min(getattr(found, name) for name in COLUMNS) >= 0.0
    assert found.step_seconds + found.decode_seq_seconds == pytest.approx(0.097, rel=0.05)


def test_a_run_beside_others_is_void() -> None:
    assert faults(Measured("x", TRUE, foreign=[0.1, 0.05])) == []
    assert faults(Measured("x", TRUE, foreign=[0.1, 0.5])) == ["others used 0.50 cores"]


def test_figures_are_medians_in_milliseconds() -> None:
    made = [Seen(1, 0.0, (1.0, 1.5)), Seen(1, 0.0, (2.0, 2.5, 4.0))]
    assert (first_token(made), between_tokens(made)) == (1500.0, 500.0)
