"""Kubernetes' HPA, on rows whose answers its own code gives."""

from dataclasses import dataclass

import pytest

from tidegate_bench.autoscaling.policies import hpa
from tidegate_bench.autoscaling.policies.hpa import Behavior, Hpa, external, per_pod
from tidegate_bench.autoscaling.policies.policy import Observation, PodView
from tidegate_bench.autoscaling.pool import Scrape


@dataclass(frozen=True)
class Row:
    told: str
    metrics: tuple[float, ...]
    want: int | None
    missing: int = 0
    unready: int = 0
    target: float = 10.0
    current: int = 3

    def __str__(self) -> str:
        return self.told


ROWS = [
    Row("twice the target doubles", (20, 20, 20), 6),
    Row("a tenth above is tolerated", (11, 11, 11), 3),
    Row("more than a tenth above is not", (11.2, 11.2, 11.2), 4),
    Row("a tenth below is tolerated", (9, 9, 9), 3),
    Row("half the target halves, rounded up", (5, 5, 5), 2),
    Row("nobody has the metric: no answer", (), None, missing=3),
    Row("who is missing counts as nothing when it grows", (30, 30), 6, missing=1),
    Row("and growth that this undoes does not happen", (14, 14), 3, missing=1),
    Row("who is missing counts as just the target when it shrinks", (2, 2), 2, missing=1),
    Row("and shrinking that this leaves within the tolerance does not happen", (8.9, 8.9), 3, missing=2),
    Row("pending ones count as nothing when it grows", (40, 40, 40), 12, unready=2),
    Row("pending ones do not count when it shrinks", (1, 1, 1), 1, unready=2),
    Row("it never shrinks because missing ones count as nothing", (12, 12), 4, missing=2, current=4),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_replicas_for_a_metric_of_each_pod(row: Row) -> None:
    metrics = {str(number): value for number, value in enumerate(row.metrics)}
    assert per_pod(metrics, row.missing, row.unready, row.target, row.current) == row.want


@pytest.mark.parametrize(
    ("total", "replicas", "want"),
    [(50, 3, 10), (16, 3, 3), (17, 3, 4), (13, 3, 3), (0, 3, 0), (5, 0, 1)],
)
def test_replicas_for_one_number_of_all(total: float, replicas: int, want: int) -> None:
    assert external(total, 5.0, replicas) == want


def test_it_grows_by_four_or_by_twice_in_a_quarter_of_a_minute() -> None:
    behavior = Behavior()
    assert behavior.apply(0, 2, 50) == 6
    assert behavior.apply(5, 6, 50) == 6
    assert behavior.apply(15, 6, 50) == 12


def test_it_shrinks_to_the_most_of_five_minutes() -> None:
    behavior = Behavior()
    assert behavior.apply(0, 8, 8) == 8
    assert behavior.apply(100, 8, 5) == 8
    assert behavior.apply(299, 8, 2) == 8
    assert behavior.apply(301, 8, 2) == 5
    assert behavior.apply(401, 5, 2) == 2


def test_a_window_on_the_way_up_takes_the_least() -> None:
    behavior = Behavior(up_window_seconds=60)
    assert behavior.apply(0, 2, 2) == 2
    assert behavior.apply(30, 2, 4) == 2
    assert behavior.apply(61, 2, 5) == 4


def scrape(waiting: int = 0, running: int = 0, kv: float = 0.0) -> Scrape:
    return Scrape(0.0, waiting, running, kv, 0, 0, 0, 0, 0, 0.0, 0)


def observed(*pods: Scrape | None, up: bool = True, desired: int | None = None) -> Observation:
    views = tuple(
        PodView(str(n), seen is not None, False, 0.0, () if seen is None else (seen,))
        for n, seen in enumerate(pods)
    )
    return Observation(100.0, len(pods) if desired is None else desired, views, None, up)


def test_metrics_are_what_vllm_calls_them() -> None:
    one = scrape(waiting=3, running=7, kv=0.5)
    assert (hpa.waiting(one), hpa.running(one), hpa.kv(one)) == (3, 10, 0.5)


def test_without_prometheus_nothing_changes() -> None:
    assert Hpa(hpa.kv, 0.5).decide(observed(scrape(kv=0.9), scrape(kv=0.9), up=False)) == 2


def test_a_pod_that_loads_its_model_is_missing() -> None:
    assert Hpa(hpa.kv, 0.5).decide(observed(scrape(kv=0.6), None)) == 2
    assert Hpa(hpa.kv, 0.5).decide(observed(scrape(kv=0.6))) == 2
