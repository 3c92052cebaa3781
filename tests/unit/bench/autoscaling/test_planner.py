"""The planner does what can be done by who knows all."""

import pytest

from tidegate_bench.autoscaling.model import MODEL, Start
from tidegate_bench.autoscaling.policies.planner import Planner, work
from tidegate_bench.autoscaling.policies.policy import Limits, Observation
from tidegate_bench.autoscaling.traces import Trace

PEAK = Trace("peak", tuple((1000 + n * 0.1, 1000, 20) for n in range(3000)), 3600.0)


def planned(now: float, utilization: float = 0.8) -> int:
    planner = Planner(PEAK, utilization, Limits(1, 14), start=Start(100.0, 0.0))
    return planner.decide(Observation(now, 1, (), None))


def test_all_work_is_planned_and_no_more() -> None:
    total = sum(work(PEAK, MODEL)) * 5
    assert total == pytest.approx(3000 * MODEL.work_seconds(1000, 20, MODEL.max_sequences * 0.6))


def test_replicas_are_ordered_a_cold_start_ahead_and_go_at_once() -> None:
    assert planned(800) == 1
    assert planned(905) == planned(1100) > 1
    assert planned(1320) == 1


def test_its_knob_is_how_full_replicas_are() -> None:
    assert planned(1100, 0.4) == pytest.approx(2 * planned(1100, 0.8), abs=1)
