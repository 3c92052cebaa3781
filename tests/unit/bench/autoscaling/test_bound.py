"""What bursts cost at least: kinder than anything that is simulated, and never less for who knows less."""

import pytest

from tidegate_bench.autoscaling.bound import least, mean_work
from tidegate_bench.autoscaling.model import Start
from tidegate_bench.autoscaling.policies.knowing import Knowing
from tidegate_bench.autoscaling.policies.policy import Limits, Observation, PodView
from tidegate_bench.autoscaling.traces import Levels, bursts, levels

SEEDS = (101,)
FLAT = Levels([0.0] * 3600, [0.0] * 3600, 1.0)


def decided(known: Levels, quantile: float, there: int = 1, now: float = 1000.0) -> int:
    law = Knowing(known, 2.0, quantile, Limits(1, 14), Start(100.0, 0.0))
    pods = tuple(PodView(f"p{number}", ready=True, draining=False, created=0.0) for number in range(there))
    return law.decide(Observation(now, there, pods, None))


@pytest.mark.parametrize("trace", ["bursts", "code"])
def test_who_does_not_know_what_comes_needs_more(trace: str) -> None:
    assert least(trace, 0.95, SEEDS) > 1.2 * least(trace, 0.95, SEEDS, known=True)


def test_to_serve_more_costs_more_and_never_less_than_the_work() -> None:
    found = [least("bursts", share, SEEDS, known=True) for share in (0.5, 0.8, 0.95)]
    assert found == sorted(found)
    assert found[-1] > 0.9 * mean_work("bursts")


def test_the_levels_are_those_that_the_requests_were_drawn_from() -> None:
    known = levels("bursts", 3)
    counts = [0.0] * 60
    for at, _, _ in bursts(3).asks:
        counts[min(int(at / 60), 59)] += 1 / 60 / 4.0
    means = [sum(known.at(60 * minute + second) for second in range(60)) / 60 for minute in range(60)]
    assert counts == pytest.approx(means, rel=0.5, abs=0.2)
    assert sum(known.at(second) for second in range(3600)) / 3600 == pytest.approx(1.0)


def test_the_law_that_knows_orders_for_what_is_likely_when_a_start_is_over() -> None:
    assert decided(FLAT, 0.5) == 2
    assert decided(FLAT, 0.95) > 4


def test_it_orders_nothing_for_a_burst_that_will_be_over_but_keeps_what_is_there_for_it() -> None:
    burst = Levels([1.6] * 3600, [0.0] * 3600, 1.0)
    assert decided(burst, 0.5) == decided(burst, 0.5, 3) == 3
    assert decided(burst, 0.5, 12) == 10
