"""The values of the Helm chart: every one with its meaning, default and bounds.

Owns the interface of whoever installs Tidegate; `values.yaml`, its schema and its reference page are generated
from here. Must not hold what the operator's settings define already: those models are used as they are.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints

from tidegate_api.quantity import Quantity
from tidegate_api.schema import Model
from tidegate_api.settings import (
    VERSION,
    AbsolutePath,
    ModelCacheSettings,
    NetworkPolicySettings,
    ProfileName,
    PrometheusSettings,
    ResourceProfile,
    ScalingSettings,
    TracingSettings,
    UpdatePolicy,
    WorkerImages,
    default_profiles,
)

DnsLabel = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
OptionalDnsLabel = Annotated[
    str, StringConstraints(pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$", max_length=63)
]
OptionalName = Annotated[
    str, StringConstraints(pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$", max_length=253)
]
SecretName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)]
Image = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]\S*$", max_length=512)]
AlertName = Annotated[str, StringConstraints(pattern=r"^Tidegate[A-Za-z]+$", max_length=63)]
LogLevel = Literal["debug", "info", "warning", "error"]
# Kept back for the system's own classes.
HIGHEST_PRIORITY: Final = 1_000_000_000


class Crds(Model):
    """The custom resource definitions."""

    enabled: bool = Field(True, description="Install and upgrade them with the chart.")
    keep: bool = Field(
        True, description="Leave them, and with them all LLMServices, in the cluster on `helm uninstall`."
    )


class Images(Model):
    """Which images run, each as a whole reference: `NAME:TAG`, `NAME@sha256:DIGEST` or both."""

    registry: str = Field(
        "",
        pattern=r"^[^\s/]*(/[^\s/]+)*$",
        description="Put before every image below, such as `registry.example.com/mirror`.",
    )
    operator: Image = Field(f"tidegate/operator:{VERSION}", description="Image of the operator.")
    gateway: Image = Field(f"tidegate/gateway:{VERSION}", description="Image of the gateway.")
    console: Image = Field(f"tidegate/console:{VERSION}", description="Image of the console.")
    worker: WorkerImages = Field(WorkerImages(), description="Images of the workers, by accelerator.")
    loader: Image = Field(
        f"tidegate/loader:{VERSION}", description="Image of what downloads models and looks at them."
    )
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        "IfNotPresent", description="When a node pulls an image."
    )
    pull_secrets: list[SecretName] = Field(
        [],
        max_length=16,
        description="Names of the Secrets to pull images with. For workers they must exist in the namespace of "
        "the LLMService.",
    )


class Resources(Model):
    """Compute resources of one Pod of the operator, the gateway or the console."""

    requests: dict[str, Quantity] = Field(
        {}, max_length=16, description="Least of each resource that a node must have free."
    )
    limits: dict[str, Quantity] = Field(
        {}, max_length=16, description="Most of each resource that the container may use."
    )


class Placement(Model):
    """What the Pods of the operator, the gateway and the console have in common."""

    replicas: int | None = Field(1, ge=0, le=100, description="Number of Pods.")
    resources: Resources = Field(Resources(), description="Compute resources of one Pod.")
    pod_annotations: dict[str, str] = Field({}, description="Annotations of the Pods.")
    extra_env: list[dict[str, Any]] = Field(
        [], max_length=64, description="Environment variables of the container, as in a Pod."
    )
    extra_volumes: list[dict[str, Any]] = Field([], max_length=32, description="Volumes of the Pods.")
    extra_volume_mounts: list[dict[str, Any]] = Field(
        [], max_length=32, description="Volume mounts of the container."
    )
    node_selector: dict[str, str] = Field({}, description="Labels that a node must have.")
    tolerations: list[dict[str, Any]] = Field([], max_length=32, description="Taints that are tolerated.")
    affinity: dict[str, Any] = Field({}, description="Affinity of the Pods.")
    topology_spread_constraints: list[dict[str, Any]] = Field(
        [],
        max_length=8,
        description="How the Pods spread over nodes and zones; without a `labelSelector`, that of the Pods is used.",
    )
    priority_class_name: str = Field("", max_length=253, description="PriorityClass of the Pods.")


class Operator(Placement):
    """The operator: turns LLMServices into Deployments, and says how they are."""

    replicas: int = Field(
        1, ge=0, le=2, description="1, or 2 for a standby that takes over by a Lease when the first one ends."
    )
    resources: Resources = Field(
        Resources(requests={"cpu": "50m", "memory": "128Mi"}, limits={"memory": "512Mi"}),
        description="Compute resources of one Pod.",
    )


class GatewayPort(Model):
    """The Service in front of the gateway."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = Field(
        "ClusterIP", description="Type of the Service."
    )
    port: int = Field(80, ge=1, le=65535, description="Port of the Service.")
    annotations: dict[str, str] = Field({}, description="Annotations of the Service.")


class Gateway(Placement):
    """The gateway: takes OpenAI requests, knows who calls, and picks a worker."""

    replicas: int | None = Field(
        1,
        ge=0,
        le=100,
        description="Number of Pods, all of them serving. More than 1 get a PodDisruptionBudget. null: whatever an "
        "autoscaler says, which no upgrade changes then.",
    )
    resources: Resources = Field(
        Resources(requests={"cpu": "100m", "memory": "128Mi"}, limits={"memory": "512Mi"}),
        description="Compute resources of one Pod.",
    )
    service: GatewayPort = Field(GatewayPort(), description="The Service in front of it.")
    url: str = Field(
        "",
        pattern=r"^(https?://[^/\s]+)?$",
        description="Base URL that clients use, such as `https://llm.example.com`; it is shown in `status.url` of "
        "LLMServices. Empty: the Service's name inside the cluster.",
    )
    drain_seconds: int = Field(
        300, ge=1, le=3600, description="How long a stopping gateway may finish the answers it has begun."
    )
    stall_seconds: int = Field(
        300, ge=1, le=3600, description="How long a worker may send nothing before its answer is given up."
    )
    anonymous_tenant: str = Field(
        "",
        pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$",
        max_length=317,
        description="LLMTenant, as `NAMESPACE/NAME`, to which requests without a key belong: they get its class, its "
        "limits and the models of its namespace. Empty: a request without a key gets 401.",
    )
    access_log: bool = Field(False, description="Log one line per request: never its content, never its key.")


class ConsolePort(Model):
    """The Service in front of the console."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = Field(
        "ClusterIP", description="Type of the Service."
    )
    port: int = Field(80, ge=1, le=65535, description="Port of the Service.")
    annotations: dict[str, str] = Field({}, description="Annotations of the Service.")


class Console(Placement):
    """The console: a web UI and its API, with the rights of whoever signs in."""

    enabled: bool = Field(
        True,
        description="Install it. It is reached by `kubectl port-forward`, or by an Ingress of yours with TLS: people "
        "send it their Kubernetes tokens.",
    )
    replicas: int = Field(1, ge=0, le=100, description="Number of Pods; none of them holds anything.")
    resources: Resources = Field(
        Resources(requests={"cpu": "50m", "memory": "128Mi"}, limits={"memory": "512Mi"}),
        description="Compute resources of one Pod.",
    )
    service: ConsolePort = Field(ConsolePort(), description="The Service in front of it.")
    read_only_without_sign_in: bool = Field(
        True,
        description="Show LLMServices, LLMModels, LLMTenants, their events and what is live to whoever reaches it, "
        "changing nothing: its own account may get, list and watch these. `false`: nothing without a token, and its "
        "account has no right at all.",
    )
    allowed_hosts: list[SecretName] = Field(
        [],
        max_length=16,
        description="Host names, such as that of your Ingress, under which it shows anything without a token. "
        "Addresses, localhost and names of Services always work; others are refused, since a page of another site can "
        "have a name of its own lead here.",
    )


class Worker(Model):
    """What all workers have in common."""

    drain_seconds: int = Field(
        300, ge=1, le=3600, description="How long a stopping worker may finish the answers it has begun."
    )
    priority_class_name: str = Field(
        "", max_length=253, description="PriorityClass of workers, unless their resource profile names one."
    )
    update_policy: UpdatePolicy = Field(
        "OnSpecChange",
        description="When workers are replaced by others. `OnSpecChange`: when their LLMService asks for something "
        "else, and not because the operator or these values have changed; the condition Progressing then says "
        "WorkersOutdated, and `tidegate services renew NAME` renews them. `Always`: also then.",
    )


class PriorityClass(Model):
    """One PriorityClass."""

    name: OptionalName = Field(
        description="Its name. Empty: workers of a pool of this class get that of all workers."
    )
    value: int = Field(ge=-HIGHEST_PRIORITY, le=HIGHEST_PRIORITY, description="Higher wins.")


class PriorityClasses(Model):
    """PriorityClasses of the workers of a Dedicated pool, by its class; they belong to the whole cluster."""

    create: bool = Field(
        True,
        description="Make them. Of several releases in one cluster only one can: turn it off in the others, which "
        "use them all the same.",
    )
    high: PriorityClass = Field(
        PriorityClass(name="tidegate-high", value=100_000), description="For what must run first."
    )
    medium: PriorityClass = Field(
        PriorityClass(name="tidegate-medium", value=10_000), description="For what matters as most does."
    )
    low: PriorityClass = Field(
        PriorityClass(name="tidegate-low", value=1_000), description="For what may wait or be displaced."
    )


class Rbac(Model):
    """Rights for people."""

    aggregate_roles: bool = Field(
        True,
        description="Let the cluster's `view`, `edit` and `admin` roles include LLMServices, LLMTenants and LLMModels. "
        "Only without `watchNamespaces`.",
    )


class NetworkPolicies(NetworkPolicySettings):
    """NetworkPolicies; they take a network plugin that enforces them."""

    enabled: bool = Field(
        False,
        description="Close operator, gateway and workers to all but what they need: workers take requests from the "
        "gateway only and reach nothing but DNS.",
    )
    prometheus_namespace: OptionalDnsLabel = Field(
        "", description="Namespace that may also reach the metrics of all three."
    )
    api_server_ports: list[Annotated[int, Field(ge=1, le=65535)]] = Field(
        [443, 6443],
        max_length=8,
        description="Ports on which operator and gateway reach the API server, whatever its address.",
    )


class PodMonitors(Model):
    """PodMonitors for the Prometheus operator; left out where the cluster does not know the kind."""

    enabled: bool = Field(
        False,
        description="Make one for operator and gateway, one for the workers, and the rule that records "
        "`llm_gpu_memory_usage_bytes` where NVIDIA's DCGM exporter is scraped. Without them the Pods of operator and "
        "gateway ask to be scraped by the annotations `prometheus.io/scrape`, `port` and `path`, as workers always do.",
    )
    labels: dict[str, str] = Field({}, description="Labels by which your Prometheus selects them.")
    interval: str = Field("30s", pattern=r"^[1-9][0-9]*(ms|s|m)$", description="How often metrics are read.")


class Alerts(Model):
    """A PrometheusRule with the alerts; left out where the cluster does not know the kind."""

    enabled: bool = Field(
        False, description="Make a PrometheusRule with the alerts of docs/reference/alerts.md."
    )
    labels: dict[str, str] = Field({}, description="Labels by which your Prometheus selects it.")
    disabled: list[AlertName] = Field(
        [], max_length=64, description="Names of alerts that are left out, such as `TidegateAtMaxReplicas`."
    )
    runbook_base: str = Field(
        "",
        pattern=r"^(https?://[^\s#]+)?$",
        description="Where you publish docs/reference/alerts.md, if you do: each alert then has a `runbook_url` that "
        "leads there, with `#NAME` put to its end. Without, an alert says its first step and names that page.",
    )


class Dashboards(Model):
    """Dashboards for Grafana, as ConfigMaps that its sidecar finds."""

    enabled: bool = Field(
        False, description="Make a ConfigMap for each dashboard. They need Grafana 11 or later."
    )
    labels: dict[str, str] = Field(
        {"grafana_dashboard": "1"}, description="Labels by which Grafana's sidecar finds them."
    )
    annotations: dict[str, str] = Field(
        {"grafana_folder": "Tidegate"},
        description="Annotations; the sidecar reads the folder from the one that its `folderAnnotation` names.",
    )


class Test(Model):
    """`helm test`: one completion through the gateway, with a tenant made for it and removed after it."""

    service: OptionalDnsLabel = Field("", description="LLMService to ask. Empty: any that is Ready.")
    namespace: OptionalDnsLabel = Field(
        "", description="Namespace of that LLMService. Empty: all that the release watches."
    )
    timeout_seconds: int = Field(120, ge=5, le=3600, description="How long the answer may take.")


class Values(Model):
    """All values of the chart."""

    name_override: OptionalDnsLabel = Field("", description="Replaces `tidegate` in the names of objects.")
    fullname_override: OptionalDnsLabel = Field("", description="Replaces the whole first part of names.")
    common_labels: dict[str, str] = Field({}, description="Labels of every object of the chart.")
    crds: Crds = Field(Crds(), description="The custom resource definitions.")
    watch_namespaces: list[DnsLabel] = Field(
        [],
        max_length=100,
        description="Namespaces whose LLMServices are served. Empty: all, by ClusterRoles. A list: these only, by a "
        "Role in each, and no ClusterRole at all; the namespaces must exist.",
    )
    images: Images = Field(Images(), description="Which images run.")
    log_level: LogLevel = Field("info", description="Least level of log lines (JSON, on standard error).")
    operator: Operator = Field(Operator(), description="The operator.")
    gateway: Gateway = Field(Gateway(), description="The gateway.")
    console: Console = Field(Console(), description="The console.")
    worker: Worker = Field(Worker(), description="What all workers have in common.")
    resource_profiles: dict[ProfileName, ResourceProfile] = Field(
        default_factory=default_profiles,
        description="What `resourceProfile` of an LLMService can name. Yours are added to these; one set to null "
        "is taken away.",
    )
    allowed_file_paths: list[AbsolutePath] = Field(
        [],
        max_length=32,
        description="Directories of the nodes below which `file://` models may lie. None: no `file://` at all.",
    )
    models: ModelCacheSettings = Field(
        ModelCacheSettings(), description="Where models of `hf://` and `ms://` are kept."
    )
    network_policies: NetworkPolicies = Field(NetworkPolicies(), description="NetworkPolicies.")
    priority_classes: PriorityClasses = Field(PriorityClasses(), description="PriorityClasses.")
    prometheus: PrometheusSettings = Field(
        PrometheusSettings(), description="Where the operator can ask for the workers' metrics."
    )
    scaling: ScalingSettings = Field(ScalingSettings(), description="What all LLMServices share that scale.")
    pod_monitors: PodMonitors = Field(PodMonitors(), description="PodMonitors.")
    alerts: Alerts = Field(Alerts(), description="Alerts for Prometheus.")
    dashboards: Dashboards = Field(Dashboards(), description="Dashboards for Grafana.")
    tracing: TracingSettings = Field(
        TracingSettings(), description="Where spans of requests go, the gateway's and the workers' alike."
    )
    rbac: Rbac = Field(Rbac(), description="Rights for people.")
    test: Test = Field(Test(), description="What `helm test` asks.")
    extra_objects: list[dict[str, Any]] = Field(
        [],
        max_length=64,
        description="Objects made with the release, such as an Ingress or a Secret of an external store. Their texts "
        "are templates: `{{ .Release.Namespace }}` works in them. They get the labels of every object here.",
    )
    global_: dict[str, Any] = Field({}, alias="global", description="Not read; Helm hands it to subcharts.")
