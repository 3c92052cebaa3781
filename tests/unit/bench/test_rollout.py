"""What is taken for a stream that came through, and what the gateway is told of workers."""

from math import nan

import pytest

from tidegate_bench.rollout.bench import judge
from tidegate_bench.rollout.pods import pod, service, tenant
from tidegate_bench.sim.outcome import Outcome
from tidegate_gateway.directory import Canary
from tidegate_gateway.llmservices import read_service
from tidegate_gateway.objects import read_tenant, read_worker

WHOLE = Outcome(0.0, 0.1, 1.0, 20, is_right=True)


@pytest.mark.parametrize(
    ("outcome", "broken", "refused"),
    [
        (WHOLE, 0, 0),
        (Outcome(0.0, 0.1, 1.0, 19), 1, 0),
        (Outcome(0.0, 0.1, nan, status=0), 1, 0),
        (Outcome(0.0, nan, 1.0, status=503), 0, 1),
        (Outcome(0.0, nan, 1.0, status=429), 0, 1),
    ],
    ids=["whole", "a token missing", "cut off", "refused", "refused by a limit"],
)
def test_a_stream_is_whole_or_broken_or_refused(outcome: Outcome, broken: int, refused: int) -> None:
    result = judge("x", [WHOLE, outcome], {})
    assert (result.streams, result.broken, result.refused) == (2, broken, refused)
    assert result.lost == broken + refused
    assert result.tokens == (40 if outcome is WHOLE else 20)


def test_gateways_read_what_they_are_told() -> None:
    worker = read_worker(pod("w", 1234, "r2", is_canary=True, is_terminating=False))
    assert worker is not None
    assert (worker.port, worker.revision, worker.track) == (1234, "r2", "canary")
    assert read_worker(pod("w", 1234, "r1", is_canary=False, is_terminating=True)) is None
    model = read_service(service({"canaryRevision": "r2", "weight": 5}))
    assert model is not None
    assert model.canary == Canary("r2", 5.0)
    team = read_tenant(tenant("sk-x"))
    assert team is not None
    assert len(list(team.callers())) == 1
