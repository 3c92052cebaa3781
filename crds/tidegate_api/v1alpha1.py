"""The custom resource LLMService: every field with its meaning, default, bounds and rules.

Owns the schema, with `source.py`, `serving.py`, `qos.py` and `scaling.py`; a field is here only when it already works.
Must not hold what depends on the operator's settings or on the cluster: that is resolved by the operator and shown in
status.
"""

from typing import Any, Final, Literal, Self

from pydantic import Field, model_validator

from tidegate_api.adapters import MOST_ADAPTERS, AdapterState, ServedModel
from tidegate_api.condition import Condition
from tidegate_api.model import LLMModel
from tidegate_api.names import QOS_CLASSES
from tidegate_api.parallelism import Parallelism
from tidegate_api.qos import PoolStatus, Qos, Routing
from tidegate_api.rollout import Rollout, RolloutStatus
from tidegate_api.scaling import ColdStart, DemandMark, PoolScaling, Scaling
from tidegate_api.schema import Model, list_map, opaque, pattern_message, rules
from tidegate_api.serving import Engine, Resources
from tidegate_api.source import MemoryEstimate, ModelState
from tidegate_api.startup import Startup
from tidegate_api.tenant import LLMTenant
from tidegate_api.tuning import EngineState

__all__ = ["LLMModel", "LLMService", "LLMServiceSpec", "LLMTenant"]

_NO_SHARED_POOL: Final = (
    "replicas is the size of the shared pool, and there is none while high, medium and low are all Dedicated: set "
    "replicas to 1, and qos.classes.replicas instead"
)
_REPLICAS_AND_SCALING: Final = (
    "replicas and scaling exclude each other: a number that you set, or bounds between which it follows the load; "
    "remove one of them (set it to null where it is stored)"
)
_CLASS_AND_SCALING: Final = (
    "qos.classes.replicas and scaling exclude each other: bound the pool with qos.classes.minReplicas and "
    "qos.classes.maxReplicas"
)
_BOUNDS_WITHOUT_SCALING: Final = (
    "qos.classes.minReplicas and maxReplicas need spec.scaling; without it set qos.classes.replicas"
)
_NO_KV_METRIC: Final = (
    "scaling.metrics of KVCacheUtilization needs vLLM's metrics: where engine.type is Custom use QueueDepth or "
    "Concurrency"
)
_NO_PARALLELISM: Final = (
    "parallelism is told to vLLM: where engine.type is Custom spread the model by engine.args, inside one Pod"
)
_NO_LORA: Final = (
    "model.lora is told to vLLM: where engine.type is Custom tell the engine of adapters in engine.args"
)
_CLASS_MIN_ABOVE: Final = (
    "qos.classes.minReplicas must not be above maxReplicas, where one that is unset is that of spec.scaling"
)


class LLMServiceSpec(Model):
    """What is wanted: a model, how it is served, on what, how many times, and to whom first."""

    model_config = rules(
        (
            "!has(self.replicas) || self.replicas <= 1 || "
            "self.qos.classes.filter(c, c.pool == 'Dedicated').size() < 3",
            _NO_SHARED_POOL,
        ),
        ("!has(self.replicas) || !has(self.scaling)", _REPLICAS_AND_SCALING),
        ("!has(self.scaling) || self.qos.classes.all(c, !has(c.replicas))", _CLASS_AND_SCALING),
        (
            "has(self.scaling) || self.qos.classes.all(c, !has(c.minReplicas) && !has(c.maxReplicas))",
            _BOUNDS_WITHOUT_SCALING,
        ),
        (
            "!has(self.scaling) || self.qos.classes.all(c, "
            "(has(c.minReplicas) ? c.minReplicas : self.scaling.minReplicas) <= "
            "(has(c.maxReplicas) ? c.maxReplicas : self.scaling.maxReplicas))",
            _CLASS_MIN_ABOVE,
        ),
        (
            "self.engine.type != 'Custom' || !has(self.scaling) || "
            "self.scaling.metrics.all(m, m.type != 'KVCacheUtilization')",
            _NO_KV_METRIC,
        ),
        ("self.engine.type != 'Custom' || !has(self.parallelism)", _NO_PARALLELISM),
        ("self.engine.type != 'Custom' || !has(self.model.lora)", _NO_LORA),
    )

    model: ServedModel = Field(description="The model to serve.")
    engine: Engine = Field(Engine(), description="How it is served: by vLLM, or by another engine.")
    resource_profile: str = Field(
        "cpu:1",
        max_length=70,
        pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?:[1-9][0-9]{0,2}$",
        description="Named set of resources from the chart's `resourceProfiles`, and how many units of it each "
        "worker gets: `cpu:1`, `nvidia-l4:2`.",
        json_schema_extra=pattern_message(
            "resourceProfile must be NAME:COUNT with a COUNT from 1 to 999, such as cpu:1 or nvidia-l4:2"
        ),
    )
    resources: Resources = Field(Resources(), description="Overrides single resources of the profile.")
    parallelism: Parallelism | None = Field(
        None,
        description="Over how many accelerators one worker spreads the model; the profile's COUNT is how many a Pod "
        "has, and where tensor x pipeline is more, a worker is several Pods. Unset: all GPUs of its Pod, by tensor.",
    )
    replicas: int | None = Field(
        None,
        ge=0,
        le=1000,
        description="How many workers serve the classes that have none of their own: all classes, unless "
        "`qos.classes` says otherwise. Default: 1, unless `scaling` decides. Set it where something reads or sets it "
        "through `/scale`.",
    )
    scaling: Scaling | None = Field(
        None, description="Lets the number of workers follow the load. Unset: it is `replicas`."
    )
    cold_start: ColdStart = Field(
        ColdStart(), description="What becomes of requests while no worker can take them."
    )
    qos: Qos = Field(Qos(), description="How the classes of callers are served.")
    routing: Routing = Field(Routing(), description="Which worker a request goes to.")
    rollout: Rollout = Field(Rollout(), description="How workers are replaced when the spec asks for others.")
    pod_template: dict[str, Any] = Field(
        {},
        description="Merged last into the workers' Pod template (a strategic merge: lists of named entries merge by "
        "name; the engine's container is `main`). For node selectors, tolerations, volumes and the like.",
        json_schema_extra=opaque(),
    )
    suspend: bool = Field(
        False,
        description="True stops all workers and keeps everything else; requests get 503 until it is false.",
    )

    @model_validator(mode="after")
    def _sizes_no_pool_it_has_not(self) -> Self:
        if (self.replicas or 0) > 1 and len(self.qos.dedicated) == len(QOS_CLASSES):
            raise ValueError(_NO_SHARED_POOL)
        return self

    @model_validator(mode="after")
    def _measures_what_its_engine_tells(self) -> Self:
        is_custom, scaling = self.engine.type == "Custom", self.scaling
        if is_custom and scaling is not None and scaling.target("KVCacheUtilization") is not None:
            raise ValueError(_NO_KV_METRIC)
        return self

    @model_validator(mode="after")
    def _spreads_only_what_it_knows(self) -> Self:
        if self.engine.type == "Custom" and self.parallelism is not None:
            raise ValueError(_NO_PARALLELISM)
        if self.engine.type == "Custom" and self.model.lora is not None:
            raise ValueError(_NO_LORA)
        return self

    @model_validator(mode="after")
    def _has_one_word_on_numbers(self) -> Self:
        classes = self.qos.classes
        if self.scaling is None:
            if any(one.min_replicas is not None or one.max_replicas is not None for one in classes):
                raise ValueError(_BOUNDS_WITHOUT_SCALING)
            return self
        if self.replicas is not None:
            raise ValueError(_REPLICAS_AND_SCALING)
        if any(one.replicas is not None for one in classes):
            raise ValueError(_CLASS_AND_SCALING)
        for one in classes:
            least = self.scaling.min_replicas if one.min_replicas is None else one.min_replicas
            most = self.scaling.max_replicas if one.max_replicas is None else one.max_replicas
            if least > most:
                raise ValueError(_CLASS_MIN_ABOVE)
        return self


class LLMServiceStatus(Model):
    """What is there: written by the operator only, but for `demand`."""

    phase: Literal["Pending", "Loading", "Ready", "Degraded", "Failed", "Suspended"] | None = Field(
        None, description="The conditions in one word, for a glance."
    )
    url: str | None = Field(
        None, max_length=512, description="Base URL for OpenAI clients, inside the cluster; ends in /v1."
    )
    model_name: str | None = Field(
        None, max_length=128, description="The `model` that clients send, with its default filled in."
    )
    observed_generation: int | None = Field(
        None, ge=0, description="The generation of the spec that was read."
    )
    replicas: int | None = Field(
        None, ge=0, description="Workers of the shared pool that exist, ready or not; for /scale."
    )
    ready_replicas: int | None = Field(
        None, ge=0, description="Workers that answer requests, all pools together."
    )
    desired_replicas: int | None = Field(None, ge=0, description="Workers wanted, all pools together.")
    selector: str | None = Field(
        None, max_length=512, description="Label selector of the shared pool's workers; for /scale."
    )
    ready: str | None = Field(None, max_length=16, description="Ready workers out of those wanted, as `2/3`.")
    image: str | None = Field(None, max_length=512, description="Worker image in use.")
    model: ModelState | None = Field(
        None, description="The files of a model of a hub. Absent for a model that needs no download."
    )
    estimate: MemoryEstimate | None = Field(
        None,
        description="What a worker needs of memory, reckoned before it starts. Absent where nobody can know.",
    )
    startup: Startup | None = Field(
        None, description="How long the last workers took to start. Absent before the first was ready."
    )
    engine: EngineState | None = Field(
        None, description="What Tidegate has chosen for vLLM. Absent for another engine."
    )
    pools: list[PoolStatus] | None = Field(
        None, max_length=8, description="Each pool.", json_schema_extra=list_map("name")
    )
    scaling: list[PoolScaling] | None = Field(
        None,
        max_length=8,
        description="What is wanted of each pool that `spec.scaling` decides about, and why.",
        json_schema_extra=list_map("pool"),
    )
    adapters: list[AdapterState] | None = Field(
        None,
        max_length=MOST_ADAPTERS,
        description="The LoRA adapters of `spec.model.lora`: which workers have which, and why not.",
        json_schema_extra=list_map("name"),
    )
    rollout: RolloutStatus | None = Field(
        None, description="Which versions of the workers there are, and how far a new one has come."
    )
    demand: list[DemandMark] | None = Field(
        None,
        max_length=8,
        description="Pools without workers for which requests wait: written by gateways, to wake them.",
        json_schema_extra=list_map("pool"),
    )
    conditions: list[Condition] | None = Field(
        None,
        max_length=16,
        description="Ready needs ConfigValid, ModelReady, WorkloadsReady and RouteReady.",
        json_schema_extra=list_map("type"),
    )


class LLMService(Model):
    """A model behind an OpenAI-compatible endpoint."""

    model_config = rules(
        (
            "self.metadata.name.size() <= 50",
            "metadata.name must be at most 50 characters: names of Pods and Services are made from it",
        ),
        (
            "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
            "metadata.name must be lower-case letters, digits and '-', and start with a letter",
        ),
    )

    spec: LLMServiceSpec = Field(description="What is wanted.")
    status: LLMServiceStatus | None = Field(None, description="What is there.")
