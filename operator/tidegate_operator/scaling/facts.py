"""What a decision about replicas is made from, and what it looks like.

Owns the shapes. A value that was not measured is None, never zero. Must not compute, or know where a value was read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tidegate_api.names import QosClass

Mode = Literal["Auto", "Advise", "External", "Off"]


@dataclass(frozen=True, slots=True)
class Demand:
    """What the gateways hold and have seen of one pool: sums over all of them, each of which was heard.

    `queued` and `running` are requests now; the rest is what has come or ended since the sample before.
    """

    queued: int
    running: int
    queued_prompt_tokens: int
    queued_output_tokens: int
    arrived_requests: int
    arrived_prompt_tokens: int
    finished_requests: int
    finished_output_tokens: int
    # Answers that began, and those of them that began later than the class's objective.
    first_tokens: int = 0
    late_first_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Worker:
    """What one engine reports of itself."""

    name: str
    # For room in the engine; those that wait for an adapter or for cached tokens do not ask for more replicas.
    waiting: int
    running: int
    # 0 to 1.
    kv_used: float
    # 0: not told.
    kv_capacity_tokens: int = 0
    # Since the sample before.
    prompt_tokens: int = 0
    cached_prompt_tokens: int = 0
    output_tokens: int = 0
    # Mean time between two tokens of an answer since the sample before; None: there were none.
    inter_token_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured of one pool at one moment; `interval_seconds` is since the sample before.

    `demand` is None unless every gateway was heard; `workers` is None if none could be read, and lacks those that
    could not; `sources` names where each came from and, for what is missing, why, under `demand` and `workers`.
    `silent` are the workers that could not be read for long: what they do is not likely to be known soon.
    `is_counted_only`: the engines have no metrics to read, so that what the gateways count is all that can be known.
    """

    at: float
    interval_seconds: float
    demand: Demand | None
    workers: tuple[Worker, ...] | None
    sources: Mapping[str, str] = field(default_factory=dict)
    silent: tuple[str, ...] = ()
    is_counted_only: bool = False


@dataclass(frozen=True, slots=True)
class Supply:
    """The replicas that there are: `desired` is what the Deployment asks for, and the rest are Pods of it.

    Pending Pods will be ready; stuck ones will not without help, for the reason `stuck_because`. Draining ones take
    no new requests, and are none of the others.
    """

    desired: int
    ready: int
    pending: int = 0
    stuck: int = 0
    draining: int = 0
    stuck_because: str = ""

    @property
    def staying(self) -> int:
        """Return the replicas that the Deployment asks for without those that are leaving."""
        return max(self.desired - self.draining, 0)


@dataclass(frozen=True, slots=True)
class ColdStart:
    """How long a replica takes from its creation until it answers, in seconds."""

    p50: float
    p90: float
    p99: float


@dataclass(frozen=True, slots=True)
class RatePolicy:
    """At most `value` Pods, or percent of the replicas there were, within a period."""

    type: Literal["Pods", "Percent"]
    value: int
    period_seconds: int


@dataclass(frozen=True, slots=True)
class Rules:
    """How fast replicas may go one way; None leaves it to Tidegate."""

    stabilization_window_seconds: int | None = None
    policies: tuple[RatePolicy, ...] = ()
    select: Literal["Max", "Min", "Disabled"] = "Max"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A floor of replicas at certain hours: days are 0 (Monday) to 6; one that ends before it starts spans midnight."""

    name: str
    timezone: str
    days: frozenset[int]
    start_minute: int
    end_minute: int
    min_replicas: int


@dataclass(frozen=True, slots=True)
class Fallback:
    """What to do once nothing has been measured `failure_threshold` times in a row."""

    failure_threshold: int
    replicas: int


@dataclass(frozen=True, slots=True)
class Policy:
    """What the user asks of one pool."""

    mode: Mode
    min_replicas: int
    max_replicas: int
    # The highest class that the pool serves: how much is kept in reserve, and who goes without first.
    qos_class: QosClass
    # Requests that wait, per replica; None is no term of its own.
    queue_depth_target: float | None = None
    # 0 to 1.
    kv_utilization_target: float | None = None
    # Requests that wait or run, per replica; None is learned.
    concurrency_target: float | None = None
    ttft_slo_seconds: float | None = None
    scale_up: Rules = Rules()
    scale_down: Rules = Rules()
    schedules: tuple[Schedule, ...] = ()
    fallback: Fallback | None = None
    idle_seconds: float = 1800.0
    # None is measured.
    cold_start_seconds: float | None = None
    # Of one replica: accelerators that it holds (1 for a CPU), and what it costs in any currency.
    accelerators: int = 1
    cost_per_hour: float | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """One reason for a number of replicas: `name`, what was measured, what it is held against, what follows."""

    name: str
    value: float
    target: float
    replicas: float


@dataclass(frozen=True, slots=True)
class Clamp:
    """What kept the replicas from what the terms asked for: the reason in one word, and in a sentence."""

    reason: str
    message: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Decision:
    """How many replicas a pool should have, and why.

    `terms` are those that had data; `binding` is the one that asked for most, or the reason why none was asked.
    """

    at: float
    current: int
    wanted: int
    terms: tuple[Term, ...]
    binding: str
    clamps: tuple[Clamp, ...] = ()
    # What could not be used, and why.
    missing: Mapping[str, str] = field(default_factory=dict)
    message: str = ""
