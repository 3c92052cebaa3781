"""How an LLMService treats the classes of its callers, and what becomes of their requests.

Owns the fields `qos`, `routing` and `status.pools`. Must not hold a class's defaults: those that differ from class
to class are in `names.py`, where the gateway reads them too.
"""

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from tidegate_api.names import QOS_CLASSES, QosClass
from tidegate_api.schema import Model, list_map, pattern_message, rules

_NO_REPLICAS: Final = (
    "qos.classes.replicas is the size of a pool of one's own: set pool to Dedicated, or use spec.replicas, which is "
    "the size of the shared pool"
)
_NO_BOUNDS: Final = (
    "qos.classes.minReplicas and maxReplicas bound a pool of one's own: set pool to Dedicated, or use spec.scaling, "
    "which bounds the shared pool"
)
_NO_PRIORITY: Final = (
    "qos.classes.priorityClassName is for a pool of one's own: set pool to Dedicated, or leave it out"
)
_TOO_MUCH: Final = "qos.classes.minSharePercent must not exceed 100 in sum"


class Objective(Model):
    """What a class is promised."""

    ttft_milliseconds: int | None = Field(
        None,
        ge=1,
        le=600_000,
        description="Longest time from a request's arrival until the first token of its answer. Gateways count those "
        "that take longer, and workers are added while too many do.",
    )


class ClassPolicy(Model):
    """How one class of callers is served."""

    model_config = rules(
        ("self.pool == 'Dedicated' || !has(self.replicas)", _NO_REPLICAS),
        ("self.pool == 'Dedicated' || (!has(self.minReplicas) && !has(self.maxReplicas))", _NO_BOUNDS),
        ("self.pool == 'Dedicated' || !has(self.priorityClassName)", _NO_PRIORITY),
    )

    name: QosClass = Field(description="Which class. One that is not listed is served with the defaults.")
    pool: Literal["Shared", "Dedicated"] = Field(
        "Shared",
        description="`Dedicated` gives the class workers of its own, in a Deployment that ends in its name. `Shared`: "
        "the workers that `spec.replicas` counts, together with all other classes that share.",
    )
    replicas: int | None = Field(
        None,
        ge=0,
        le=1000,
        description="How many workers a Dedicated pool has. Default: 1. Not together with `spec.scaling`.",
    )
    min_replicas: int | None = Field(
        None,
        ge=0,
        le=1000,
        description="Least workers of a Dedicated pool that `spec.scaling` decides about. Default: its minReplicas.",
    )
    max_replicas: int | None = Field(
        None, ge=1, le=1000, description="Most workers of such a pool. Default: its maxReplicas."
    )
    slo: Objective = Field(Objective(), description="What the class is promised.")
    priority_class_name: str | None = Field(
        None,
        min_length=1,
        max_length=253,
        pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        description="PriorityClass of the Pods of a Dedicated pool. Default: that of the class in the chart's "
        "`priorityClasses`.",
        json_schema_extra=pattern_message(
            "priorityClassName must be lower-case letters, digits, '-' and '.', such as tidegate-high"
        ),
    )
    min_share_percent: int | None = Field(
        None,
        ge=0,
        le=100,
        description="Least share of the tokens admitted to its pool that the class gets while it waits, whatever "
        "waits above it. Default: 70 for high, 25 for medium, 5 for low.",
    )
    max_queue: int = Field(
        100,
        ge=0,
        le=10000,
        description="Most requests of the class that wait in one gateway; the next one gets 503.",
    )
    queue_timeout_seconds: int | None = Field(
        None,
        ge=1,
        le=3600,
        description="Longest wait; after it a request gets 503. Default: 30 for high and medium, 300 for low.",
    )

    @model_validator(mode="after")
    def _says_nothing_of_a_pool_it_has_not(self) -> Self:
        if self.pool == "Shared" and self.replicas is not None:
            raise ValueError(_NO_REPLICAS)
        if self.pool == "Shared" and (self.min_replicas is not None or self.max_replicas is not None):
            raise ValueError(_NO_BOUNDS)
        if self.pool == "Shared" and self.priority_class_name is not None:
            raise ValueError(_NO_PRIORITY)
        return self


class Qos(Model):
    """How the classes of callers are told apart. A caller's class is that of its LLMTenant."""

    model_config = rules(
        # The API server tries the rule on the bare default of `qos` too, before that of `classes` is in it.
        (
            "!has(self.classes) || "
            "self.classes.map(c, has(c.minSharePercent) ? c.minSharePercent : 0).sum() <= 100",
            _TOO_MUCH,
        ),
    )

    classes: list[ClassPolicy] = Field(
        [],
        max_length=3,
        description="What differs from the defaults, for high, medium and low.",
        json_schema_extra=list_map("name"),
    )

    @property
    def dedicated(self) -> tuple[ClassPolicy, ...]:
        """Return the classes with a pool of their own, those served first first."""
        own = [one for one in self.classes if one.pool == "Dedicated"]
        return tuple(sorted(own, key=lambda one: QOS_CLASSES.index(one.name)))

    @model_validator(mode="after")
    def _shares_out_no_more_than_all(self) -> Self:
        if sum(one.min_share_percent or 0 for one in self.classes) > 100:
            raise ValueError(_TOO_MUCH)
        return self


class Routing(Model):
    """Which of the ready workers a request goes to."""

    strategy: Literal["Auto", "LeastLoad", "PrefixHash"] = Field(
        "Auto",
        description="`Auto`: where the first token is expected soonest, by what the worker has cached of the prompt, "
        "its backlog and its memory. `LeastLoad`: where the fewest tokens are in flight. `PrefixHash`: the same "
        "beginning goes to the same worker, unless that one has more than its share.",
    )
    prefix_cache: Literal["PerTenant", "Shared"] = Field(
        "PerTenant",
        description="`PerTenant`: no tenant profits from what another has sent, so none can find out by timing. "
        "`Shared`: all do; faster where all send the same long system prompt.",
    )


class ClassStatus(Model):
    """How one class stands in one pool, over all gateways."""

    name: QosClass = Field(description="Which class.")
    queued: int = Field(ge=0, description="Requests that wait.")
    running: int = Field(ge=0, description="Requests that a worker is answering.")
    share_percent: int | None = Field(
        None,
        ge=0,
        le=100,
        description="Its part of the tokens admitted in the last 60 seconds (mean of the gateways). Unset: none were.",
    )


class PoolStatus(Model):
    """How one pool of workers stands."""

    name: str = Field(max_length=63, description="Name of the pool: `shared`, or the class that it is of.")
    desired: int = Field(ge=0, description="Workers wanted.")
    ready: int = Field(ge=0, description="Workers that answer requests.")
    queued: int | None = Field(None, ge=0, description="Requests that wait, in all gateways.")
    running: int | None = Field(None, ge=0, description="Requests that its workers are answering.")
    credits_used: int | None = Field(
        None, ge=0, description="Tokens in flight: of prompts, and of answers as far as they are expected."
    )
    credits_limit: int | None = Field(
        None, ge=0, description="Tokens that may be in flight now; grown and cut by what the engines report."
    )
    # No default: the API server would add it to what the operator wrote, which then looks changed.
    classes: list[ClassStatus] | None = Field(
        None,
        max_length=3,
        description="Each class that has used the pool.",
        json_schema_extra=list_map("name"),
    )
