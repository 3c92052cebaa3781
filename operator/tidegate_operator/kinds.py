"""The kinds of objects that the operator reads or writes, and how the API server spells them in URLs.

Owns this table: it is fixed, so nothing has to be discovered at start. Must not know what any kind is used for.
"""

from typing import Final, NamedTuple

from tidegate_api.names import (
    API_VERSION,
    MODEL_KIND,
    MODELS_PLURAL,
    SERVICE_KIND,
    SERVICES_PLURAL,
    TENANT_KIND,
    TENANTS_PLURAL,
)


class Kind(NamedTuple):
    """One kind of object: its `apiVersion`, its `kind` and its plural in URLs."""

    api_version: str
    kind: str
    plural: str

    @property
    def group(self) -> str:
        """Return the API group, empty for the core one."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        """Return the version without its group."""
        return self.api_version.rpartition("/")[2]


LLM_SERVICE: Final = Kind(API_VERSION, SERVICE_KIND, SERVICES_PLURAL)
LLM_TENANT: Final = Kind(API_VERSION, TENANT_KIND, TENANTS_PLURAL)
LLM_MODEL: Final = Kind(API_VERSION, MODEL_KIND, MODELS_PLURAL)
DEPLOYMENT: Final = Kind("apps/v1", "Deployment", "deployments")
STATEFUL_SET: Final = Kind("apps/v1", "StatefulSet", "statefulsets")
# Of a project of its own: not every cluster knows it.
LEADER_WORKER_SET: Final = Kind("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", "leaderworkersets")
# What makes the workers of a pool, and has their number.
WORKLOADS: Final = frozenset({DEPLOYMENT.kind, LEADER_WORKER_SET.kind})
CONTROLLER_REVISION: Final = Kind("apps/v1", "ControllerRevision", "controllerrevisions")
SERVICE: Final = Kind("v1", "Service", "services")
SERVICE_ACCOUNT: Final = Kind("v1", "ServiceAccount", "serviceaccounts")
DISRUPTION_BUDGET: Final = Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
NETWORK_POLICY: Final = Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")
JOB: Final = Kind("batch/v1", "Job", "jobs")
CONFIG_MAP: Final = Kind("v1", "ConfigMap", "configmaps")
POD: Final = Kind("v1", "Pod", "pods")
CLAIM: Final = Kind("v1", "PersistentVolumeClaim", "persistentvolumeclaims")
ENDPOINT_SLICE: Final = Kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")
LEASE: Final = Kind("coordination.k8s.io/v1", "Lease", "leases")
EVENT: Final = Kind("events.k8s.io/v1", "Event", "events")
POD_AUTOSCALER: Final = Kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")

ALL: Final = (
    LLM_SERVICE,
    LLM_TENANT,
    LLM_MODEL,
    DEPLOYMENT,
    STATEFUL_SET,
    LEADER_WORKER_SET,
    CONTROLLER_REVISION,
    SERVICE,
    SERVICE_ACCOUNT,
    DISRUPTION_BUDGET,
    NETWORK_POLICY,
    JOB,
    CONFIG_MAP,
    POD,
    CLAIM,
    ENDPOINT_SLICE,
    LEASE,
    EVENT,
    POD_AUTOSCALER,
)
_BY_NAME: Final = {(kind.api_version, kind.kind): kind for kind in ALL}


def kind_of(api_version: str, kind: str) -> Kind:
    """Return the kind that an object says it is of."""
    return _BY_NAME[api_version, kind]
