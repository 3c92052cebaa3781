"""A number of replicas that never changes: what every law has to be better than."""

from dataclasses import dataclass

from tidegate_bench.autoscaling.policies.policy import Observation


@dataclass(slots=True)
class Static:
    """Always so many."""

    replicas: int
    interval_seconds: float = 3600.0

    def decide(self, observation: Observation) -> int:
        """Return the number."""
        return self.replicas
