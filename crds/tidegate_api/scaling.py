"""How many workers an LLMService has: who decides, between which bounds, and what was decided and why.

Owns the fields `scaling`, `coldStart`, `status.scaling` and `status.demand`. Must not hold the law by which replicas
are decided, nor what it learns: the operator does.
"""

from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints, field_validator, model_validator

from tidegate_api.schema import Model, list_map, opaque, pattern_message, rules

ScalingMode = Literal["Auto", "Advise", "External", "Off"]
Day = Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
MOST_REPLICAS: Final = 1000
# So many changes of a pool's replicas stay in its status.
HISTORY_LENGTH: Final = 10

_MONEY_PATTERN: Final = r"^[0-9]{1,9}(\.[0-9]{1,6})?$"
_CLOCK_PATTERN: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_DATE_TIME: Final[dict[str, Any]] = {"format": "date-time"}

_MIN_ABOVE: Final = "minReplicas must not be above maxReplicas: lower it, or raise maxReplicas"
_FALLBACK_ABOVE: Final = "fallback.replicas must not be above maxReplicas"
_SCHEDULE_ABOVE: Final = "schedules.minReplicas must not be above maxReplicas"
_NO_COST: Final = (
    "maxHourlyCost needs costPerReplicaHour: set what one worker costs in an hour, in the same currency"
)
_PERCENT_ABOVE: Final = "metrics.target of KVCacheUtilization is percent: at most 100"
_NO_TIME: Final = "schedules.startTime and endTime must differ; one that ends before it starts spans midnight"


def _money(description: str) -> Any:
    return Field(
        None,
        max_length=16,
        pattern=_MONEY_PATTERN,
        description=description,
        json_schema_extra=pattern_message(
            'costPerReplicaHour and maxHourlyCost must be plain numbers in quotes, such as "4.10", of one currency'
        ),
    )


class ScalingMetric(Model):
    """One signal, and what one worker should have of it."""

    model_config = rules(("self.type != 'KVCacheUtilization' || self.target <= 100", _PERCENT_ABOVE))

    type: Literal["QueueDepth", "KVCacheUtilization", "Concurrency"] = Field(
        description="`QueueDepth`: requests that wait, in gateways and engines. `KVCacheUtilization`: percent of the "
        "memory for cached tokens in use. `Concurrency`: requests that wait or run."
    )
    target: int = Field(ge=1, le=100_000, description="What one worker should have of it.")

    @model_validator(mode="after")
    def _is_at_most_all(self) -> Self:
        if self.type == "KVCacheUtilization" and self.target > 100:
            raise ValueError(_PERCENT_ABOVE)
        return self


class ScalingPolicy(Model):
    """How much may change within a period."""

    type: Literal["Pods", "Percent"] = Field(
        description="Whether `value` is workers, or percent of those at the beginning of the period."
    )
    value: int = Field(ge=1, le=10_000, description="Most that may be added or taken away.")
    period_seconds: int = Field(ge=1, le=1800, description="Length of the period.")


class ScalingRules(Model):
    """How fast workers may be added, or taken away."""

    stabilization_window_seconds: int | None = Field(
        None,
        ge=0,
        le=3600,
        description="What was wanted in this time is remembered: the least of it is added, or the most of it kept. "
        "Unset: 0 up; 180 down, or 1.5 cold starts if that is longer.",
    )
    policies: list[ScalingPolicy] = Field(
        [],
        max_length=8,
        description="Limits of speed. Empty: up by 8 or to four times as many within 30 seconds, down by 1 or "
        "a quarter within a minute.",
        json_schema_extra=list_map("type", "periodSeconds"),
    )
    select_policy: Literal["Max", "Min", "Disabled"] = Field(
        "Max",
        description="Which of several policies counts: that which allows most, or least. `Disabled`: never this way.",
    )


class ScalingBehavior(Model):
    """Speed both ways, in the words of autoscaling/v2."""

    scale_up: ScalingRules = Field(ScalingRules(), description="How fast workers are added.")
    scale_down: ScalingRules = Field(
        ScalingRules(), description="How fast workers are taken away; each of them only once it has drained."
    )


class ScalingSchedule(Model):
    """A floor of workers at certain hours."""

    model_config = rules(("self.startTime != self.endTime", _NO_TIME))

    name: str = Field(
        min_length=1,
        max_length=63,
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        description="What it is called in status, such as `office-hours`.",
        json_schema_extra=pattern_message("schedules.name must be lower-case letters, digits and '-'"),
    )
    timezone: str = Field(
        "UTC",
        max_length=64,
        pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$",
        description="Name in the IANA time zone database, such as `Europe/Berlin`.",
        json_schema_extra=pattern_message("schedules.timezone must be a name such as UTC or Europe/Berlin"),
    )
    days_of_week: list[Day] = Field(
        ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
        min_length=1,
        max_length=7,
        description="Days on which it starts.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    start_time: str = Field(
        max_length=5,
        pattern=_CLOCK_PATTERN,
        description='When it starts, as "08:00", in quotes: YAML would read a number.',
        json_schema_extra=pattern_message('schedules.startTime must be hours and minutes, such as "08:00"'),
    )
    end_time: str = Field(
        max_length=5,
        pattern=_CLOCK_PATTERN,
        description="When it ends; before `startTime` is the day after.",
        json_schema_extra=pattern_message('schedules.endTime must be hours and minutes, such as "18:00"'),
    )
    min_replicas: int = Field(
        ge=0,
        le=MOST_REPLICAS,
        description="Least workers of each pool in that time; `minReplicas` still holds.",
    )

    @field_validator("timezone")
    @classmethod
    def _is_a_place(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, OSError, ValueError) as error:
            raise ValueError(
                f"there is no time zone {name!r}: use a name of the IANA database, such as UTC"
            ) from error
        return name

    @model_validator(mode="after")
    def _takes_time(self) -> Self:
        if self.start_time == self.end_time:
            raise ValueError(_NO_TIME)
        return self


class ScalingFallback(Model):
    """What to do while nothing can be measured."""

    failure_threshold: int = Field(
        3, ge=1, le=360, description="So many looks in a row, 10 seconds apart, that saw nothing."
    )
    replicas: int = Field(
        ge=0,
        le=MOST_REPLICAS,
        description="Workers of each pool from then on. Fewer than there are changes nothing: what is not known is "
        "no reason to take workers away.",
    )


class Scaling(Model):
    """Workers that follow the load."""

    model_config = rules(
        ("self.minReplicas <= self.maxReplicas", _MIN_ABOVE),
        ("!has(self.fallback) || self.fallback.replicas <= self.maxReplicas", _FALLBACK_ABOVE),
        ("self.schedules.all(s, s.minReplicas <= self.maxReplicas)", _SCHEDULE_ABOVE),
        ("!has(self.maxHourlyCost) || has(self.costPerReplicaHour)", _NO_COST),
    )

    mode: ScalingMode = Field(
        "Auto",
        description="`Auto`: Tidegate decides and acts. `Advise`: it decides, tells in status, and changes nothing. "
        "`External`: replicas belong to whoever sets them in the pool's Deployment: an HPA, KEDA, a person. `Off`: "
        "they stay as they are (in quotes: YAML reads a bare Off as false). Changing the mode never changes them.",
    )
    min_replicas: int = Field(
        1,
        ge=0,
        le=MOST_REPLICAS,
        description="Least workers of each pool. With 0 a pool sleeps after `idleSeconds` without a request, and the "
        "next request wakes it.",
    )
    max_replicas: int = Field(ge=1, le=MOST_REPLICAS, description="Most workers of each pool.")
    metrics: list[ScalingMetric] = Field(
        [],
        max_length=3,
        description="Targets of your own; whichever asks for most workers wins. What is not listed: 75 for "
        "KVCacheUtilization; what waits or runs is held against what a worker was seen to carry.",
        json_schema_extra=list_map("type"),
    )
    behavior: ScalingBehavior = Field(ScalingBehavior(), description="How fast workers come and go.")
    schedules: list[ScalingSchedule] = Field(
        [], max_length=16, description="Floors at certain hours.", json_schema_extra=list_map("name")
    )
    fallback: ScalingFallback | None = Field(
        None, description="What to do while nothing can be measured. Unset: all stays as it is."
    )
    idle_seconds: int = Field(
        1800,
        ge=60,
        le=604_800,
        description="Without a request for so long, a pool whose `minReplicas` is 0 goes to sleep; not while it "
        "starts, nor within two cold starts after it was woken.",
    )
    cold_start_seconds: int | None = Field(
        None,
        ge=1,
        le=7200,
        description="How long a worker takes from its creation until it answers. Unset: as measured.",
    )
    cost_per_replica_hour: str | None = _money(
        'What one worker costs in an hour, in any currency, as text: "4.10".'
    )
    max_hourly_cost: str | None = _money(
        "Most that all workers of this LLMService together may cost in an hour."
    )

    @model_validator(mode="after")
    def _asks_for_what_can_be(self) -> Self:
        if self.min_replicas > self.max_replicas:
            raise ValueError(_MIN_ABOVE)
        if self.fallback is not None and self.fallback.replicas > self.max_replicas:
            raise ValueError(_FALLBACK_ABOVE)
        if any(one.min_replicas > self.max_replicas for one in self.schedules):
            raise ValueError(_SCHEDULE_ABOVE)
        if self.max_hourly_cost is not None and self.cost_per_replica_hour is None:
            raise ValueError(_NO_COST)
        return self

    def target(self, kind: str) -> int | None:
        """Return the target of one metric, None where the user sets none."""
        return next((one.target for one in self.metrics if one.type == kind), None)


class ColdStart(Model):
    """What becomes of requests while no worker can take them, because they sleep or start."""

    mode: Literal["Hold", "Reject"] = Field(
        "Hold",
        description="`Hold`: they wait for the first worker. `Reject`: they get 503 at once. Both wake the pool.",
    )
    timeout_seconds: int = Field(
        300, ge=1, le=3600, description="Longest that one is held; after it a request gets 503."
    )
    max_queue: int = Field(
        100,
        ge=0,
        le=10_000,
        description="Most requests of a class that are held in one gateway; the next one gets 503.",
    )


class DemandMark(Model):
    """A request that waits for a pool without workers."""

    pool: str = Field(max_length=63, description="Which pool.")
    requested_at: str = Field(
        description="When a gateway last held one (RFC 3339, UTC).", json_schema_extra=_DATE_TIME
    )


Number = Annotated[str, StringConstraints(max_length=32)]


class ScalingTerm(Model):
    """One reason for a number of workers."""

    name: str = Field(max_length=63, description="Which one.")
    value: Number = Field(description="What was measured.")
    target: Number = Field(description="What it is held against.")
    replicas: Number = Field(description="The workers that follow from it, before rounding.")


class ScalingClamp(Model):
    """What kept the workers from what the terms ask for."""

    reason: str = Field(max_length=64, description="One CamelCase word.")
    message: str = Field(max_length=1024, description="The same for people.")


class ScalingChange(Model):
    """One change of what is wanted."""

    at: str = Field(description="When (RFC 3339, UTC).", json_schema_extra=_DATE_TIME)
    from_: int = Field(ge=0, alias="from", description="Workers wanted before.")
    to: int = Field(ge=0, description="Workers wanted from then on.")
    binding: str = Field(max_length=64, description="The term or the clamp that decided.")
    message: str = Field(max_length=1024, description="Why, in a sentence.")


class ColdStartSeconds(Model):
    """How long workers took from their creation until they answered, in seconds."""

    p50: int = Field(ge=0, description="Half of them took less.")
    p90: int = Field(ge=0, description="Nine of ten took less.")
    p99: int = Field(ge=0, description="Of a hundred, all but one took less.")


class PoolScaling(Model):
    """What is wanted of one pool, and why. Written when that changes, so its numbers are those of that moment."""

    pool: str = Field(max_length=63, description="Which pool.")
    mode: ScalingMode = Field(description="Who acts on it.")
    wanted: int = Field(ge=0, description="Workers that Tidegate wants.")
    binding: str = Field(
        max_length=64, description="The term that asks for most, or what decided in its place."
    )
    message: str = Field(max_length=1024, description="Why, in a sentence.")
    decided_at: str = Field(description="When (RFC 3339, UTC).", json_schema_extra=_DATE_TIME)
    terms: list[ScalingTerm] | None = Field(
        None, max_length=16, description="All reasons that had data.", json_schema_extra=list_map("name")
    )
    clamps: list[ScalingClamp] | None = Field(
        None,
        max_length=16,
        description="What kept the workers from what the terms ask for.",
        json_schema_extra=list_map("reason"),
    )
    cold_start_seconds: ColdStartSeconds | None = Field(
        None, description="How long workers of the pool take to start, as measured."
    )
    learned: dict[str, Any] | None = Field(
        None,
        description="What the operator has found out about one worker, so that it need not learn it again.",
        json_schema_extra=opaque(),
    )
    history: list[ScalingChange] | None = Field(
        None,
        max_length=HISTORY_LENGTH,
        description="The last changes, the newest first.",
        json_schema_extra=list_map("at"),
    )


def hourly_cost(text: str | None) -> Decimal | None:
    """Return an amount of money as a number."""
    return None if text is None else Decimal(text)
