"""What counts as served."""

import pytest

from tidegate_bench.autoscaling.engine import Request
from tidegate_bench.autoscaling.model import OBJECTIVE
from tidegate_bench.autoscaling.outcome import blind_downs, is_served
from tidegate_bench.autoscaling.world import Change


@pytest.mark.parametrize(
    ("first", "end", "refused", "served"),
    [
        (11.9, 13.0, False, True),
        (12.1, 13.0, False, False),
        (11.0, 12.5, False, True),
        (11.0, 12.6, False, False),
        (None, None, False, False),
        (11.0, None, False, False),
        (11.0, 12.0, True, False),
    ],
    ids=[
        "in time",
        "its first token is late",
        "ten tokens at 150 ms each",
        "its tokens are slow",
        "nothing came",
        "it never ended",
        "it was cut",
    ],
)
def test_served_is_who_got_both_in_time(
    first: float | None, end: float | None, refused: bool, served: bool
) -> None:
    request = Request(10.0, 100, 11)
    request.first, request.end, request.refused = first, end, refused
    assert is_served(request, OBJECTIVE) == served


def test_one_token_has_no_gaps() -> None:
    request = Request(10.0, 100, 1)
    request.first = request.end = 11.0
    assert is_served(request, OBJECTIVE)


def test_only_who_is_taken_away_without_measurements_is_counted() -> None:
    changes = [Change(1, 3, 2, True), Change(2, 2, 3, True), Change(3, 3, 2, False)]
    assert blind_downs(changes) == 1
