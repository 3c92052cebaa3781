"""llm-d's two laws, on what their documents say."""

import pytest

from tidegate_bench.autoscaling.policies.policy import Observation, PodView
from tidegate_bench.autoscaling.policies.wva import WvaV1, WvaV2
from tidegate_bench.autoscaling.pool import Scrape


@pytest.mark.parametrize(
    ("pods", "current", "pending", "want"),
    [
        ([(0.5, 0), (0.5, 0)], 2, 0, 2),
        ([(0.71, 0), (0.71, 0)], 2, 0, 3),
        ([(0.1, 3), (0.1, 3)], 2, 0, 3),
        ([(0.9, 9), (0.9, 9)], 2, 0, 3),
        ([(0.9, 9), (0.9, 9)], 3, 1, 3),
        ([(0.2, 0), (0.2, 0)], 2, 0, 1),
        ([(0.2, 0)], 1, 0, 1),
        ([(0.4, 0), (0.4, 0)], 2, 0, 2),
    ],
    ids=[
        "room to spare, but not enough for one less",
        "less than a tenth of the cache to spare: one more",
        "less than three places in the queue to spare: one more",
        "all are full: one more, not as many as it takes",
        "none while one is pending",
        "one less, if those that stay keep enough to spare",
        "the last one stays",
        "one less would leave too little",
    ],
)
def test_v1(pods: list[tuple[float, int]], current: int, pending: int, want: int) -> None:
    assert WvaV1().analyse(pods, current, pending) == want


@pytest.mark.parametrize(
    ("pods", "replicas", "want"),
    [
        # One that was never seen full holds 64 requests of 1,155 + 350/2 tokens: 85,120 of its 131,072.
        ([(0.5, 0), (0.5, 0)], 2, 2),
        ([(0.6, 0), (0.6, 0)], 2, 3),
        ([(0.6, 0), (0.6, 0)], 3, 3),
        ([(0.1, 0), (0.1, 0)], 4, 1),
    ],
    ids=["within both thresholds", "above the upper", "what starts is supply", "below the lower"],
)
def test_v2(pods: list[tuple[float, int]], replicas: int, want: int) -> None:
    assert WvaV2().analyse(pods, replicas, 1155, 350) == want


def test_v2_learns_what_a_full_replica_holds() -> None:
    """Full at 0.3 of its cache: prompts are what it is busy with, and it needs more of them than memory says."""
    assert WvaV2().analyse([(0.3, 4)], 1, 1155, 350) == 1
    assert WvaV2().analyse([(0.3, 6)], 1, 1155, 350) == 2


def observed(now: float, kv: float) -> Observation:
    scrapes = tuple(
        Scrape(now - 60 + 15 * n, 0, 10, kv, 0, 0, 10 * n, 11550 * n, 3500 * n, 0, 0) for n in range(5)
    )
    return Observation(now, 2, tuple(PodView(str(n), True, False, 0.0, scrapes) for n in range(2)), None)


def test_both_decide_once_a_minute() -> None:
    one = WvaV1()
    assert [one.decide(observed(now, 0.75)) for now in (0, 15, 59)] == [3, 3, 3]
    two = WvaV2()
    assert two.decide(observed(0, 0.5)) == 2
    assert two.decide(observed(30, 0.9)) == 2
    assert two.decide(observed(60, 0.9)) > 2
