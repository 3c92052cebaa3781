"""KEDA, on what its documents say."""

import pytest

from tidegate_bench.autoscaling.policies.keda import Keda
from tidegate_bench.autoscaling.policies.policy import Limits, Observation, PodView
from tidegate_bench.autoscaling.pool import Scrape


def seen(now: float, desired: int, waiting: int | None, up: bool = True) -> Observation:
    scrapes = () if waiting is None else (Scrape(now, waiting, 0, 0.0, 0, 0, 0, 0, 0, 0.0, 0),)
    pods = tuple(PodView(str(n), True, False, 0.0, scrapes if n == 0 else ()) for n in range(desired))
    return Observation(now, desired, pods, None, up)


def test_the_sum_of_who_waits_over_the_threshold_is_what_it_asks_for() -> None:
    assert Keda(5).decide(seen(0, 4, 40)) == 8


def test_an_empty_answer_is_zero_and_takes_replicas_away_at_the_peak() -> None:
    keda = Keda(5, Limits(1, 14))
    assert keda.decide(seen(0, 6, 30)) == 6
    wanted = [keda.decide(seen(15.0 * n, 6, None)) for n in range(1, 25)]
    assert wanted[0] == 6, "the HPA's window still holds"
    assert wanted[-1] == 1


def test_unless_it_is_told_that_an_empty_answer_is_an_error() -> None:
    keda = Keda(5, ignore_null_values=False)
    keda.decide(seen(0, 6, 30))
    assert {keda.decide(seen(15.0 * n, 6, None)) for n in range(1, 25)} == {6}


def test_no_answer_at_all_is_an_error_and_changes_nothing() -> None:
    keda = Keda(5)
    assert {keda.decide(seen(15.0 * n, 6, 30, up=False)) for n in range(25)} == {6}


@pytest.mark.parametrize(("waiting", "want"), [(1, 1), (0, 0), (None, 0)])
def test_from_none_it_goes_to_one_when_something_waits(waiting: int | None, want: int) -> None:
    keda = Keda(5, Limits(0, 14))
    pods = seen(0, 1, waiting).pods
    assert keda.decide(Observation(0, 0, pods, None)) == want


def test_to_none_it_goes_after_its_cooldown_only() -> None:
    keda = Keda(5, Limits(0, 14))
    keda.decide(seen(1000, 1, 3))
    wanted = {now: keda.decide(seen(now, 1, 0)) for now in (1030, 1200, 1300, 1301)}
    assert wanted == {1030: 1, 1200: 1, 1300: 1, 1301: 0}
