"""The operator's settings: what an administrator decides once for all LLMServices.

Owns the shape and the defaults; the chart writes them into a ConfigMap. Must not hold what a user of one model
decides: that belongs into the LLMService.
"""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from tidegate_api.customengine import Argument
from tidegate_api.names import ADMIN_PORT, COMPONENT_LABEL, GATEWAY_COMPONENT
from tidegate_api.quantity import Quantity
from tidegate_api.schema import Model
from tidegate_api.serving import EnvVar

# The version of Tidegate whose worker images are the default; the same as in pyproject.toml.
VERSION: Final = "0.1.0"

Accelerator = Literal["cpu", "nvidia"]
ProfileName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=63)]
OptionalName = Annotated[
    str, StringConstraints(pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$", max_length=253)
]
AbsolutePath = Annotated[str, StringConstraints(pattern=r"^/", max_length=1024)]


class GatewayService(Model):
    """Where the gateway runs."""

    name: str = Field("tidegate-gateway", min_length=1, max_length=63, description="Name of its Service.")
    namespace: str = Field(
        "tidegate-system", min_length=1, max_length=63, description="Namespace of its Service and Pods."
    )
    pod_labels: dict[str, str] = Field(
        {
            "app.kubernetes.io/name": "tidegate",
            "app.kubernetes.io/instance": "tidegate",
            COMPONENT_LABEL: GATEWAY_COMPONENT,
        },
        description="Labels by which its Pods are known.",
    )
    admin_port: int = Field(
        ADMIN_PORT,
        ge=1,
        le=65535,
        description="Port of its Pods on which they tell what they count and hold.",
    )


class WorkerImages(Model):
    """Worker image of each accelerator, where an LLMService names none."""

    cpu: str = Field(f"tidegate/worker-cpu:{VERSION}", min_length=1, description="Worker without a GPU.")
    nvidia: str = Field(f"tidegate/worker-cuda:{VERSION}", min_length=1, description="Worker on NVIDIA GPUs.")


class ResourceProfile(Model):
    """One unit of compute: `resourceProfile: NAME:COUNT` gives a worker COUNT times these resources."""

    accelerator: Accelerator = Field(description="Which worker image runs, and how the engine is set up.")
    requests: dict[str, Quantity] = Field({}, description="Requests of one unit.")
    limits: dict[str, Quantity] = Field({}, description="Limits of one unit.")
    accelerator_memory: Quantity | None = Field(
        None,
        description="Memory of one accelerator in bytes, as its driver tells it: less than the round number it is sold "
        "under (an L4 of 24 GB has 22Gi). Unset: not known, and nothing is said of what fits.",
    )
    args: list[Argument] = Field([], max_length=64, description="vLLM flags; those of an LLMService win.")
    env: list[EnvVar] = Field(
        [], max_length=64, description="Environment variables; those of an LLMService win."
    )
    node_selector: dict[str, str] = Field({}, description="Labels that a node must have.")
    tolerations: list[dict[str, Any]] = Field([], max_length=32, description="Taints that are tolerated.")
    runtime_class_name: str | None = Field(None, description="RuntimeClass, such as `nvidia`.")
    priority_class_name: str | None = Field(
        None, description="PriorityClass of these workers, over the operator's `priorityClassName`."
    )


class PriorityClassNames(Model):
    """PriorityClass of the Pods of a Dedicated pool, by its class; empty: that of all workers."""

    high: OptionalName = Field("tidegate-high", description="For the class high.")
    medium: OptionalName = Field("tidegate-medium", description="For the class medium.")
    low: OptionalName = Field("tidegate-low", description="For the class low.")


class NetworkPolicySettings(Model):
    """Whether workers are closed to everything but the gateway."""

    enabled: bool = Field(
        False, description="Make a NetworkPolicy for each LLMService: in from the gateway, out to DNS only."
    )
    prometheus_namespace: str | None = Field(
        None, description="Namespace that may also reach the workers, to scrape their metrics."
    )


class PrometheusSettings(Model):
    """Where the workers' metrics can be asked for."""

    url: str = Field(
        "",
        pattern=r"^(https?://[^\s/]+(/\S*)?)?$",
        max_length=512,
        description="Base URL of a Prometheus that scrapes the workers and keeps the labels `namespace` and `pod`, "
        "such as `http://prometheus.monitoring.svc:9090`. Empty, or where it does not answer: workers are read "
        "directly.",
    )
    timeout_seconds: int = Field(
        5, ge=1, le=9, description="How long one look at Prometheus may take, all questions together."
    )


class TracingSettings(Model):
    """Where spans go: one place for gateway and workers, so that a request is one trace."""

    endpoint: str = Field(
        "",
        pattern=r"^(https?://[^/\s]+(/\S*)?)?$",
        max_length=512,
        description="Base URL of an OpenTelemetry collector that takes OTLP over HTTP, such as "
        "`http://collector.monitoring.svc:4318`. Empty: no spans are made; a client's `traceparent` is handed on to "
        "workers all the same. Workers that run already get it when they are next replaced.",
    )
    sample_ratio: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of the requests that are traced of those whose client does not say by its `traceparent`; "
        "workers follow the gateway.",
    )


UpdatePolicy = Literal["OnSpecChange", "Always"]


class WorkersSettings(Model):
    """What holds for the workers of all LLMServices."""

    update_policy: UpdatePolicy = Field(
        "OnSpecChange",
        description="When workers are replaced by others. `OnSpecChange`: when their LLMService asks for something "
        "else, and not because the operator or its settings have changed; `Progressing` then says WorkersOutdated, and "
        "`tidegate services renew NAME` renews them. `Always`: also then.",
    )


class ScalingSettings(Model):
    """What all LLMServices share that scale."""

    max_accelerators: int | None = Field(
        None,
        ge=0,
        le=1_000_000,
        description="Most accelerators that workers of all LLMServices may hold together; a worker without one "
        "counts as 1. Who goes without first is decided by class: low, then medium, then high. Unset: no limit.",
    )


class LoaderResources(Model):
    """Compute resources of a loader's Pod."""

    requests: dict[str, Quantity] = Field(
        {}, max_length=16, description="Least of each resource that a node must have free."
    )
    limits: dict[str, Quantity] = Field(
        {}, max_length=16, description="Most of each resource that the loader may use."
    )


class ModelCacheSettings(Model):
    """Where the models of `hf://` and `ms://` are kept, one cache for each namespace, and how they come there."""

    strategy: Literal["PVC", "HostPath", "None"] = Field(
        "PVC",
        description="`PVC`: a PersistentVolumeClaim in each namespace. `HostPath`: a directory of the nodes, one that "
        "all share or that of a single node. `None`: no cache, and so no `hf://` and no `ms://`.",
    )
    claim_name: OptionalName = Field(
        "tidegate-models",
        min_length=1,
        description="Name of that claim. One that is there already is used as it is; else the operator makes it. It is "
        "never changed and never deleted by Tidegate.",
    )
    size: Quantity = Field("100Gi", description="Size of a claim that the operator makes.")
    storage_class_name: OptionalName | None = Field(
        None, description="StorageClass of a claim that the operator makes. Unset: the cluster's default."
    )
    access_mode: Literal["ReadWriteOnce", "ReadWriteMany"] = Field(
        "ReadWriteOnce",
        description="Access mode of a claim that the operator makes: ReadWriteMany lets workers run on several nodes, "
        "where the StorageClass knows it.",
    )
    host_path: str = Field(
        "",
        pattern=r"^(/.*[^/])?$",
        max_length=1024,
        description="For `HostPath`: the directory below which each namespace has one of its name, as "
        "`HOSTPATH/NAMESPACE`; it must be there, and uid 65532 must be able to write to it.",
    )
    limit: Quantity | None = Field(
        None,
        description="Most bytes of models in the cache of one namespace; for a new one the least recently used that "
        "nobody uses go. Unset: what the volume holds.",
    )
    hub_endpoint: str = Field(
        "",
        pattern=r"^(https?://[^\s/@]+(/[^\s@]*)?)?$",
        max_length=512,
        description="Base URL of a mirror of the Hugging Face Hub. Empty: the Hub itself.",
    )
    model_scope_endpoint: str = Field(
        "",
        pattern=r"^(https?://[^\s/@]+(/[^\s@]*)?)?$",
        max_length=512,
        description="Base URL of a mirror of ModelScope. Empty: ModelScope itself.",
    )
    offline: bool = Field(
        False, description="Ask no hub: only models that are in the cache already can be used."
    )
    env: list[EnvVar] = Field(
        [],
        max_length=64,
        description="Environment variables of the loader, such as `HTTPS_PROXY`. Never a token: that is in the Secret "
        "that `tokenSecretRef` names.",
    )
    resources: LoaderResources = Field(
        LoaderResources(requests={"cpu": "250m", "memory": "256Mi"}, limits={"memory": "1Gi"}),
        description="Compute resources of a loader's Pod.",
    )

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        if self.strategy == "HostPath" and not self.host_path:
            raise ValueError(
                "models.hostPath must name a directory of the nodes where models.strategy is HostPath"
            )
        return self


class ModelSettings(ModelCacheSettings):
    """Where models of hubs are kept, and what brings them there."""

    loader_image: str = Field(
        f"tidegate/loader:{VERSION}", min_length=1, max_length=512, description="Image of the loader."
    )


def _gpu(memory: str, cpu: str, product: str, accelerator_memory: str) -> ResourceProfile:
    """Return one NVIDIA GPU of a kind, found by the label that GPU feature discovery sets."""
    return ResourceProfile(
        accelerator="nvidia",
        accelerator_memory=accelerator_memory,
        requests={"cpu": cpu, "memory": memory},
        limits={"memory": memory, "nvidia.com/gpu": "1"},
        node_selector={"nvidia.com/gpu.product": product},
        tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    )


def default_profiles() -> dict[ProfileName, ResourceProfile]:
    """Return the profiles that come with Tidegate; `nvidia` takes any NVIDIA GPU."""
    return {
        "cpu": ResourceProfile(
            accelerator="cpu",
            requests={"cpu": "500m", "memory": "3Gi"},
            limits={"memory": "6Gi"},
            args=["--enforce-eager"],
        ),
        "nvidia": ResourceProfile(
            accelerator="nvidia",
            requests={"cpu": "4", "memory": "24Gi"},
            limits={"memory": "24Gi", "nvidia.com/gpu": "1"},
            tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        ),
        "nvidia-l4": _gpu("24Gi", "4", "NVIDIA-L4", "22Gi"),
        "nvidia-a100-80gb": _gpu("96Gi", "8", "NVIDIA-A100-SXM4-80GB", "79Gi"),
        "nvidia-h100-80gb": _gpu("128Gi", "8", "NVIDIA-H100-80GB-HBM3", "79Gi"),
    }


class Settings(Model):
    """What the operator is told at its start."""

    gateway_url: str = Field(
        "http://tidegate-gateway.tidegate-system.svc",
        alias="gatewayURL",
        pattern=r"^https?://[^/]+$",
        description="Base URL of the gateway for clients, without a path; `status.url` is made from it.",
    )
    gateway_service: GatewayService = Field(GatewayService(), description="Where the gateway runs.")
    worker_images: WorkerImages = Field(WorkerImages(), description="Default worker images.")
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        "IfNotPresent", description="When a node pulls the worker image."
    )
    image_pull_secrets: list[str] = Field(
        [],
        max_length=16,
        description="Names of the Secrets, in the LLMService's namespace, to pull images with.",
    )
    resource_profiles: dict[ProfileName, ResourceProfile] = Field(
        default_factory=default_profiles, description="What `resourceProfile` can name."
    )
    allowed_file_paths: list[AbsolutePath] = Field(
        [],
        max_length=32,
        description="Directories of the nodes below which `file://` models may lie. None: no `file://` at all.",
    )
    network_policy: NetworkPolicySettings = Field(
        NetworkPolicySettings(), description="Whether workers are closed to everything but the gateway."
    )
    anonymous_tenant: str = Field(
        "",
        max_length=317,
        description="LLMTenant, as `NAMESPACE/NAME`, to which requests without a key belong; empty: none.",
    )
    models: ModelSettings = Field(
        ModelSettings(), description="Where models of hubs are kept, and what brings them there."
    )
    drain_seconds: int = Field(
        300, ge=1, le=3600, description="How long a stopping worker may finish the answers it has begun."
    )
    workers: WorkersSettings = Field(
        WorkersSettings(), description="What holds for the workers of all LLMServices."
    )
    priority_class_name: str | None = Field(
        None, description="PriorityClass of workers, unless their resource profile names one."
    )
    priority_class_names: PriorityClassNames = Field(
        PriorityClassNames(),
        description="PriorityClass of the workers of a Dedicated pool, where its LLMService names none.",
    )
    prometheus: PrometheusSettings = Field(
        PrometheusSettings(), description="Where the workers' metrics can be asked for."
    )
    scaling: ScalingSettings = Field(ScalingSettings(), description="What all LLMServices share that scale.")
    tracing: TracingSettings = Field(TracingSettings(), description="Where the workers' spans go.")
