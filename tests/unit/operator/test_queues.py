"""How soon a change is looked at: what a user asks for at once, what comes in bursts at the end of one."""

from __future__ import annotations

import pytest

from tidegate_operator.cache import Cache, Change
from tidegate_operator.cluster import Object
from tidegate_operator.facts import Key
from tidegate_operator.kinds import DEPLOYMENT, LLM_SERVICE, POD, Kind
from tidegate_operator.queues import ASKED_SECONDS, BURST_SECONDS, Queues
from tidegate_operator.workqueue import WorkQueue
from unit.operator.fakes import FakeClock, child, service


def queues(clock: FakeClock) -> Queues:
    async def work(key: Key) -> float | None:
        return None

    def failed(key: Key, error: Exception) -> None:
        raise error

    services, tenants, models = (WorkQueue[Key](work, failed, clock) for _ in range(3))
    return Queues(services, tenants, models)


@pytest.mark.parametrize(
    ("kind", "item", "seconds"),
    [
        pytest.param(LLM_SERVICE, service(), ASKED_SECONDS, id="a spec"),
        pytest.param(DEPLOYMENT, child(DEPLOYMENT, "chat-shared"), BURST_SECONDS, id="a child"),
        pytest.param(POD, child(POD, "chat-1"), BURST_SECONDS, id="a worker"),
    ],
)
def test_a_change_is_looked_at_after_a_moment(kind: Kind, item: Object, seconds: float) -> None:
    clock = FakeClock()
    lines = queues(clock)
    lines.changed(Change(kind, None, item), Cache())
    clock.advance(seconds * 0.9)
    assert lines.depth == 0
    clock.advance(seconds * 0.2)
    assert lines.depth == 1


def test_a_spec_that_changes_in_a_burst_does_not_wait_for_its_end() -> None:
    clock = FakeClock()
    lines = queues(clock)
    lines.changed(Change(POD, None, child(POD, "chat-1")), Cache())
    lines.changed(Change(LLM_SERVICE, None, service()), Cache())
    clock.advance(ASKED_SECONDS * 1.1)
    assert lines.depth == 1
