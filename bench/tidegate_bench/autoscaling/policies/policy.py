"""What a law sees, and what it answers.

Owns the one shape behind which all laws stand. A law keeps its own memory and reads nothing but its observation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tidegate_bench.autoscaling.pool import Scrape


@dataclass(frozen=True, slots=True)
class PodView:
    """A Pod as the Kubernetes API shows it, with what Prometheus has of it."""

    name: str
    ready: bool
    draining: bool
    created: float
    # The newest last; empty if there is nothing, or nothing fresh.
    scrapes: Sequence[Scrape] = ()
    # Requests of the gateway with it.
    in_flight: int = 0
    # It cannot start without help.
    stuck: bool = False
    # When it began to answer; None: not yet.
    ready_at: float | None = None


@dataclass(frozen=True, slots=True)
class GatewayView:
    """What the gateway tells: counters since it started, and what it holds now."""

    arrived_requests: int
    arrived_prompt_tokens: int
    finished_requests: int
    finished_output_tokens: int
    first_tokens: int
    late_first_tokens: int
    request_seconds: float
    queued: int
    queued_prompt_tokens: int
    running: int


@dataclass(frozen=True, slots=True)
class Observation:
    """What can be known of a pool at a moment. `desired` is what its Deployment asks for."""

    now: float
    desired: int
    pods: tuple[PodView, ...]
    # None: it could not be heard.
    gateway: GatewayView | None
    # Prometheus answers; what it has of a Pod is another matter.
    prometheus_up: bool = True
    # Engines can be asked without Prometheus: what they tell now, by name. None: they cannot.
    direct: dict[str, Scrape] | None = None

    @property
    def live(self) -> tuple[PodView, ...]:
        """Pods that are not on their way out."""
        return tuple(pod for pod in self.pods if not pod.draining)

    @property
    def ready(self) -> int:
        """Pods that take requests."""
        return sum(pod.ready for pod in self.live)


class Policy(Protocol):
    """A law. `interval_seconds` is how often it is asked."""

    interval_seconds: float

    def decide(self, observation: Observation) -> int:
        """Return how many replicas there should be."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Between which a law may choose."""

    min_replicas: int = 1
    max_replicas: int = 14

    def clamp(self, replicas: float) -> int:
        """Return the nearest allowed number."""
        return int(min(self.max_replicas, max(self.min_replicas, replicas)))


ANY: Final = Limits()


def latest(pod: PodView) -> Scrape | None:
    """Return the newest that Prometheus has of a Pod."""
    return pod.scrapes[-1] if pod.scrapes else None


def within(pod: PodView, now: float, seconds: float) -> list[Scrape]:
    """Return what Prometheus has of a Pod's last so many seconds."""
    return [scrape for scrape in pod.scrapes if scrape.at > now - seconds]
