"""What a law can have for its money."""

from math import inf

import pytest

from tidegate_bench.autoscaling.frontier import Point, attainment_at, averaged, frontier, hours_for

POINTS = [Point("c", 6, 0.99), Point("a", 2, 0.5), Point("worse", 5, 0.6), Point("b", 4, 0.9)]


def test_who_is_beaten_on_both_axes_is_left_out() -> None:
    assert [point.knob for point in frontier(POINTS)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("hours", "attainment"), [(1, 0), (2, 0.5), (3, 0.7), (4, 0.9), (6, 0.99), (9, 0.99)]
)
def test_between_two_settings_is_a_straight_line(hours: float, attainment: float) -> None:
    assert attainment_at(POINTS, hours) == pytest.approx(attainment)


@pytest.mark.parametrize(
    ("attainment", "hours"), [(0.4, 2), (0.7, 3), (0.9, 4), (0.945, 5), (0.99, 6), (0.995, inf)]
)
def test_an_attainment_costs_what_the_line_says(attainment: float, hours: float) -> None:
    assert hours_for(POINTS, attainment) == pytest.approx(hours)


def test_a_mean_is_over_seeds_of_the_same_setting() -> None:
    one, other = [Point("a", 2, 0.5), Point("b", 4, 0.9)], [Point("a", 3, 0.7), Point("b", 4, 1.0)]
    assert averaged([one, other]) == [Point("a", 2.5, 0.6), Point("b", 4, 0.95)]
