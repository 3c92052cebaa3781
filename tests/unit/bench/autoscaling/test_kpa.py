"""Knative's Pod autoscaler, on what its own code answers."""

import pytest

from tidegate_bench.autoscaling.policies.kpa import Kpa
from tidegate_bench.autoscaling.policies.policy import GatewayView, Limits, Observation, PodView


@pytest.mark.parametrize(
    ("stable", "panic", "ready", "want"),
    [
        (70, 70, 1, 1),
        (71, 71, 1, 2),
        (140, 140, 2, 2),
        (70, 210, 2, 1),
        (70, 280, 2, 4),
        (10, 10, 8, 4),
    ],
    ids=[
        "seventy of a hundred is one Pod's share",
        "one more is another Pod's",
        "as many as there are",
        "panic below twice what is ready is none",
        "at twice what is ready the six seconds count",
        "at most half is taken away at once",
    ],
)
def test_what_it_asks_for(stable: float, panic: float, ready: int, want: int) -> None:
    assert Kpa(100).scale(0.0, stable, panic, ready) == want


def test_in_panic_nothing_is_taken_away_until_a_minute_without() -> None:
    kpa = Kpa(100)
    assert kpa.scale(0, 100, 700, 2) == 10
    assert kpa.scale(2, 100, 100, 10) == 10
    assert kpa.scale(60, 100, 100, 10) == 10
    assert kpa.scale(61, 100, 100, 10) == 5


def at(now: float, request_seconds: float, ready: int = 1) -> Observation:
    gateway = GatewayView(0, 0, 0, 0, 0, 0, request_seconds, 0, 0, 0)
    pods = tuple(PodView(str(n), True, False, 0.0) for n in range(ready))
    return Observation(now, ready, pods, gateway)


def test_it_goes_by_the_mean_concurrency_of_a_minute() -> None:
    """A hundred requests at once for half a minute, none before: fifty on average, and panic by the last seconds."""
    kpa = Kpa(20, Limits(1, 50), panic_threshold=100.0)
    total, wanted = 0.0, 0
    for now in range(0, 62, 2):
        total += 200.0 if now > 30 else 0.0
        wanted = kpa.decide(at(now, total))
    assert wanted == 4  # 50 / 14


def test_who_is_not_heard_changes_nothing() -> None:
    kpa = Kpa(20)
    assert kpa.decide(Observation(0, 3, (), None)) == 3
    assert kpa.is_blind()
