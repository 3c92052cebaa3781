"""What a class gets in any minute."""

import pytest

from tidegate_bench.qos.windows import Admission, least_share, overload, share
from tidegate_bench.sim.profile import Profile


def test_a_share_is_of_the_tokens_admitted_in_between() -> None:
    made = [Admission(1, "high", 30), Admission(2, "low", 10), Admission(9, "low", 100)]
    assert share(made, "low", 0, 5) == 0.25
    assert share(made, "low", 0, 10) == pytest.approx(110 / 140)
    assert share([], "low", 0, 5) == 1.0


def test_the_worst_minute_is_found_wherever_it_lies() -> None:
    """Class low gets its turn every ten seconds, but none from second 40 to 130."""
    made = [Admission(float(at), "high", 9) for at in range(200)]
    made += [Admission(float(at), "low", 90) for at in range(0, 200, 10) if not 40 <= at < 130]
    assert least_share(made, "low", 0, 200) == 0.0
    assert least_share(made, "low", 0, 60) == pytest.approx(360 / (360 + 540))


def test_an_overload_in_simulated_time_serves_high_first_and_loses_little() -> None:
    found = overload(Profile(max_num_seqs=6, prefill_token_seconds=70e-6), 81.0, seed=3, flood=25.0)
    assert found.high_p99_ms < 10 * found.unloaded_p99_ms
    assert found.goodput_ratio > 0.9
    assert found.low_share > 0.03
