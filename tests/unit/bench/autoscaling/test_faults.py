"""What our law decides while something is broken; each run is an hour with a burst from minute 20 to 35."""

import pytest

from tidegate_bench.autoscaling import faultruns
from tidegate_bench.autoscaling.arms import Setting, by_name
from tidegate_bench.autoscaling.faultruns import AROUND_THE_END, FAULTS, MIDDLE
from tidegate_bench.autoscaling.faults import Span
from tidegate_bench.autoscaling.outcome import outcome
from tidegate_bench.autoscaling.policies.ours import Ours
from tidegate_bench.autoscaling.world import Change, Lane

pytestmark = pytest.mark.slow


def setting(arm: str, knob: str) -> Setting:
    return next(each for each in by_name(arm).settings if each.knob == knob)


OURS = setting("ours", "medium")


@pytest.fixture(scope="module")
def healthy() -> Lane:
    return faultruns.play("nothing", OURS)


def downs(changes: list[Change], span: Span) -> list[Change]:
    return [change for change in changes if change.after < change.before and span.holds(change.at)]


@pytest.mark.parametrize("fault", [name for name in FAULTS if name != "nothing"])
def test_nothing_is_taken_away_on_missing_metrics_and_no_request_is_lost(fault: str) -> None:
    one = faultruns.play(fault, OURS)
    found = outcome(one)
    assert found.blind_downs == 0
    assert found.cut == found.unfinished == 0


def test_a_prometheus_that_is_down_costs_us_nothing(healthy: Lane) -> None:
    """Engines are asked directly, and what the gateway counts never went through Prometheus."""
    found = outcome(faultruns.play("Prometheus down 5 min", OURS))
    assert found.attainment >= outcome(healthy).attainment - 0.01


def test_with_the_gateways_alone_we_still_grow(healthy: Lane) -> None:
    one = faultruns.play("Prometheus and engines down 5 min", OURS)
    assert outcome(one).attainment >= outcome(healthy).attainment - 0.03


def test_when_nothing_can_be_read_everything_stays() -> None:
    one = faultruns.play("nothing can be read 5 min", OURS)
    assert not [change for change in one.changes if MIDDLE.holds(change.at)]


def test_when_nothing_can_be_read_the_end_of_a_burst_is_not_believed() -> None:
    one = faultruns.play("nothing can be read as the burst ends", OURS)
    assert not downs(one.changes, AROUND_THE_END)
    assert [
        change for change in one.changes if change.at > AROUND_THE_END.end and change.after < change.before
    ]


def test_stuck_pods_are_named_and_no_more_are_asked_for() -> None:
    one = faultruns.play("Pods stuck pending 5 min", OURS)
    assert isinstance(one.policy, Ours)
    stuck = [d for d in one.policy.decisions if any(clamp.reason == "ScaleUpStuck" for clamp in d.clamps)]
    assert stuck
    assert all(d.wanted <= d.current for d in stuck)


def test_a_restart_in_the_middle_of_a_burst_takes_nothing_away_and_costs_little(healthy: Lane) -> None:
    one = faultruns.play("operator starts anew", OURS)
    assert not downs(one.changes, Span(1320, 1320 + 180))
    assert outcome(one).attainment >= outcome(healthy).attainment - 0.02


def test_keda_falls_to_its_least_on_an_empty_answer() -> None:
    """The peer's published hole, as a check that the fault is one."""
    one = faultruns.play("Prometheus answers with nothing 5 min", setting("keda", "5"))
    assert outcome(one).blind_downs > 0
