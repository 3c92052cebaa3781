"""What is told of LLMServices and of decisions about them: as they stand now, and nothing of what is gone."""

import pytest

from tidegate_operator.facts import Key
from tidegate_operator.metrics import Metrics
from tidegate_operator.scaling.facts import Clamp, Decision, Term

KEY = Key("team-a", "chat")
STARTING = {
    "phase": "Loading",
    "desiredReplicas": 2,
    "readyReplicas": 0,
    "conditions": [{"type": "Ready", "status": "False", "reason": "WorkersStarting"}],
}
SERVING = {
    "phase": "Ready",
    "desiredReplicas": 2,
    "readyReplicas": 2,
    "conditions": [{"type": "Ready", "status": "True", "reason": "Serving"}],
}


def told(metrics: Metrics, name: str, *labels: str) -> dict[tuple[str, ...], float]:
    """Return the values of a metric of the service, by these labels."""
    samples = [one for family in metrics.registry.collect() for one in family.samples if one.name == name]
    assert all((one.labels["namespace"], one.labels["service"]) == KEY for one in samples)
    return {tuple(one.labels[label] for label in labels): one.value for one in samples}


def test_a_service_has_one_phase_with_its_reason_and_both_counts_of_workers() -> None:
    metrics = Metrics()
    metrics.told(KEY, STARTING)
    metrics.told(KEY, SERVING)
    assert told(metrics, "tidegate_operator_service_phase", "phase", "reason") == {("Ready", "Serving"): 1}
    assert told(metrics, "tidegate_operator_service_workers", "state") == {("desired",): 2, ("ready",): 2}


def test_nothing_is_told_of_a_service_that_is_gone() -> None:
    metrics = Metrics()
    metrics.told(KEY, SERVING)
    metrics.scaling.decided(KEY, "shared", decision(5, Clamp("CappedByMax", "", 9, 5)))
    metrics.forget(KEY)
    assert "team-a" not in metrics.exposition().decode()


@pytest.mark.parametrize(
    ("clamps", "changes"),
    [
        pytest.param((), {}, id="nothing kept it from what was asked for"),
        pytest.param(
            (Clamp("CappedByMax", "", 9, 5),),
            {("CappedByMax",): -4},
            id="a clamp tells how many it withheld",
        ),
        pytest.param(
            (Clamp("Rate", "", 9, 7), Clamp("CappedByMax", "", 7, 5), Clamp("Rate", "", 5, 4)),
            {("CappedByMax",): -2, ("Rate",): -3},
            id="one that came twice counts once, with all of it",
        ),
    ],
)
def test_a_decision_tells_what_decided_it(
    clamps: tuple[Clamp, ...], changes: dict[tuple[str, ...], float]
) -> None:
    metrics = Metrics()
    metrics.scaling.decided(KEY, "shared", decision(5, *clamps))
    assert told(metrics, "tidegate_operator_scaling_clamped_replicas", "clamp") == changes
    assert told(metrics, "tidegate_operator_scaling_binding", "pool", "binding") == {("shared", "queue"): 1}


def decision(wanted: int, *clamps: Clamp) -> Decision:
    """Return a decision that the queue was the reason for."""
    return Decision(0.0, 1, wanted, (Term("queue", 40.0, 8.0, 5.0),), "queue", clamps)
