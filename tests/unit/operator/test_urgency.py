"""Which news of a status wait for the next write, and which do not."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate_operator.urgency import Urgency, urgency


def condition(kind: str, status: str, reason: str, message: str = "") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def status(ready: str = "False", reason: str = "WorkersStarting", **more: Any) -> dict[str, Any]:
    """Return a status of a service with three workers."""
    moving = more.pop("moving", "True")
    return {
        "phase": "Ready" if ready == "True" else "Loading",
        "observedGeneration": 1,
        "ready": "1/3",
        "pools": [{"name": "shared", "ready": 1}],
        "conditions": [condition("Ready", ready, reason), condition("Progressing", moving, "RollingOut")],
        **more,
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(None, status(), id="the first word"),
        pytest.param(status(), status("True", "Serving", moving="False"), id="all of it answers"),
        pytest.param(
            status(),
            status("True", "Serving", observedGeneration=2),
            id="it answers, and another spec was seen",
        ),
        pytest.param(status("True", "Serving"), status(), id="it does not answer any more"),
        pytest.param(status(), status(observedGeneration=2), id="another spec was seen"),
        pytest.param(status(), status(reason="EngineCrashed"), id="someone should look"),
        pytest.param(status(), status(reason="NoSuchReason"), id="a reason that nobody knows"),
        pytest.param(status(), status(rollout={"phase": "Canary"}), id="a rollout has begun"),
        pytest.param(status(), status(conditions=[]), id="a condition has gone"),
        pytest.param(
            status("True", "Serving", moving="False"), status("True", "Serving"), id="workers are replaced"
        ),
    ],
)
def test_what_someone_acts_on_is_told_at_once(before: dict[str, Any] | None, after: dict[str, Any]) -> None:
    assert urgency(before, after) is Urgency.AT_ONCE


def test_the_first_worker_that_answers_waits_a_moment_for_the_others() -> None:
    assert urgency(status(), status("True", "Serving")) is Urgency.SOON


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(status(), status(ready="False"), id="nothing"),
        pytest.param(status(), {**status(), "ready": "2/3"}, id="one more worker"),
        pytest.param(status(), status(pools=[{"name": "shared", "ready": 2}]), id="one more in a pool"),
        pytest.param(status(), status(startup={"recent": []}), id="how long a start took"),
        pytest.param(status(), status(reason="ModelLoading"), id="a step on the way"),
        pytest.param(
            status("True", "Serving"), status("True", "Serving", moving="False"), id="the last of it is done"
        ),
    ],
)
def test_counts_and_steps_can_wait(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert urgency(before, after) is Urgency.LATER
