"""The names that more than one part of Tidegate must agree on: labels, ports, headers, files, classes.

Owns spelling and the one inversion of priority. Must not import anything but the standard library, hold
behaviour of one part only, or be copied: a name written out elsewhere is a bug.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

GROUP: Final = "serving.tidegate.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
SERVICE_KIND: Final = "LLMService"
TENANT_KIND: Final = "LLMTenant"
MODEL_KIND: Final = "LLMModel"
SERVICES_PLURAL: Final = "llmservices"
TENANTS_PLURAL: Final = "llmtenants"
MODELS_PLURAL: Final = "llmmodels"

# Labels of everything the operator makes for an LLMService; the gateway finds worker Pods by them.
MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"
MANAGED_BY: Final = "tidegate"
COMPONENT_LABEL: Final = "app.kubernetes.io/component"
WORKER_COMPONENT: Final = "worker"
GATEWAY_COMPONENT: Final = "gateway"
OPERATOR_COMPONENT: Final = "operator"
SERVICE_LABEL: Final = f"{GROUP}/service"
POOL_LABEL: Final = f"{GROUP}/pool"
# Which version of its service a worker runs; and of the workers of a new version that is still being tried, that.
REVISION_LABEL: Final = f"{GROUP}/revision"
TRACK_LABEL: Final = f"{GROUP}/track"
CANARY_TRACK: Final = "canary"
# Of the Pods that are one worker together: the one that answers, and those that only compute.
ROLE_LABEL: Final = f"{GROUP}/role"
LEADER_ROLE: Final = "leader"
FOLLOWER_ROLE: Final = "follower"
# Of all Pods of such workers, with the name of their LLMService; followers have no SERVICE_LABEL: nobody asks them.
MEMBER_LABEL: Final = f"{GROUP}/member-of"
# Of followers: the name of their leader's Pod.
LEADER_LABEL: Final = f"{GROUP}/leader"
# Of leaders: how many Pods, itself included, are one worker.
GROUP_SIZE_ANNOTATION: Final = f"{GROUP}/group-size"
# Of everything that is made for an LLMModel, with its name.
MODEL_LABEL: Final = f"{GROUP}/model"
LOADER_COMPONENT: Final = "loader"
# Of the Pod that looks into a model which needs no download, with the name of its LLMService.
INSPECTED_FOR_LABEL: Final = f"{GROUP}/inspected-for"
INSPECTOR_COMPONENT: Final = "inspector"
# On a loader's Job: which attempt it is, counted from 1.
ATTEMPT_ANNOTATION: Final = f"{GROUP}/attempt"
# On an LLMService, set by `tidegate services renew`: another value renders its workers anew.
RENEW_ANNOTATION: Final = f"{GROUP}/renew"
# On an LLMService, set by `tidegate rollouts`: `promote:REVISION` or `abort:REVISION`; of any other revision it is
# nothing.
ROLLOUT_ANNOTATION: Final = f"{GROUP}/rollout"
# SHA-256 of the manifest last applied, so that a second reconcile can tell "ours, unchanged" without a write.
APPLIED_HASH_ANNOTATION: Final = f"{GROUP}/applied-hash"

# On a worker's Pod since it is to go (RFC 3339): no request goes there any more, and what it has, it finishes.
DRAINING_ANNOTATION: Final = f"{GROUP}/draining"
# Kubernetes takes the Pod with the lowest first.
DELETION_COST_ANNOTATION: Final = "controller.kubernetes.io/pod-deletion-cost"
# On a pool's Deployment while its LLMService is suspended: how many workers it had.
SUSPENDED_REPLICAS_ANNOTATION: Final = f"{GROUP}/suspended-replicas"
# As whom the operator writes, and as whom gateways write `status.demand` and nothing else.
OPERATOR_FIELD_MANAGER: Final = "tidegate-operator"
GATEWAY_FIELD_MANAGER: Final = "tidegate-gateway"

# The pool of all classes without a pool of their own; such a one is called as its class is.
SHARED_POOL: Final = "shared"

WORKER_CONTAINER: Final = "main"
WORKER_PORT_NAME: Final = "http"
WORKER_PORT: Final = 8000
# On a worker's page of metrics, by `phase`: how long each part of its start took.
STARTUP_METRIC: Final = "tidegate_startup_seconds"
# Where a leader waits for its followers, and where a follower shows that it is linked.
LINK_PORT: Final = 29400
GATEWAY_PORT: Final = 8080
# Health, readiness and metrics of operator and gateway, apart from what clients can reach.
ADMIN_PORT: Final = 9090
# What a gateway counts and holds, for the operator; on its admin port.
STATE_PATH: Final = "/state"
# "namespace/name" of the LLMTenant to which requests without a key belong.
ANONYMOUS_TENANT_VARIABLE: Final = "TIDEGATE_ANONYMOUS_TENANT"

MODELS_MOUNT: Final = "/models"
# Where workers find the volumes of adapters that are not on that of the model.
ADAPTERS_MOUNT: Final = "/adapters"
# By which another engine than vLLM learns where its model is.
MODEL_PATH_VARIABLE: Final = "MODEL_PATH"
# Where a loader finds the cache of its namespace, and how it tells how far it is.
CACHE_MOUNT: Final = "/cache"
LOADER_CONTAINER: Final = "loader"
LOADER_PORT: Final = 8000
# Why a loader brought no model: a reason of the LLMModel's condition as it stands.
LoaderReason = Literal[
    "AccessDenied",
    "CacheUnavailable",
    "CorruptWeights",
    "HubOffline",
    "HubRateLimited",
    "HubUnreachable",
    "InsufficientStorage",
    "InvalidModelConfig",
    "LoaderFailed",
    "ModelNotFound",
    "RevisionNotFound",
    "TokenInvalid",
    "TokenMissing",
    "UnsafeFormat",
]
LOADER_REASONS: Final[frozenset[str]] = frozenset(get_args(LoaderReason))
# What a worker or a loader exits with where trying again changes nothing until somebody changes something: sysexits'
# EX_CONFIG.
EXIT_MEND: Final = 78
PROGRESS_PATH: Final = "/progress"
# Where a worker says why it cannot serve; the operator reads it back from the Pod's status.
TERMINATION_MESSAGE_PATH: Final = "/dev/termination-log"
WORKER_UID: Final = 65532

REQUEST_ID_HEADER: Final = "x-request-id"
KEY_PREFIX: Final = "sk-"

QosClass = Literal["high", "medium", "low"]
# Who is served first comes first.
QOS_CLASSES: Final[tuple[QosClass, ...]] = ("high", "medium", "low")
DEFAULT_CLASS: Final[QosClass] = "medium"
DEFAULT_BATCH_CLASS: Final[QosClass] = "low"
# Higher wins wherever a user sees a priority (Kubernetes, Gateway API, llm-d).
PRIORITY_BY_CLASS: Final[dict[QosClass, int]] = {"high": 100, "medium": 50, "low": 0}


@dataclass(frozen=True, slots=True)
class ClassDefaults:
    """What holds for a class of which an LLMService says nothing."""

    # Percent of the tokens admitted to its pool, while it waits.
    min_share_percent: int
    # Requests that wait in one gateway.
    max_queue: int
    queue_timeout_seconds: int


CLASS_DEFAULTS: Final[Mapping[QosClass, ClassDefaults]] = {
    "high": ClassDefaults(min_share_percent=70, max_queue=100, queue_timeout_seconds=30),
    "medium": ClassDefaults(min_share_percent=25, max_queue=100, queue_timeout_seconds=30),
    "low": ClassDefaults(min_share_percent=5, max_queue=100, queue_timeout_seconds=300),
}


def engine_priority(priority: int) -> int:
    """Return vLLM's request priority for ours: there the lower number is served first."""
    return -priority


def pool_name(service: str, pool: str) -> str:
    """Return the name of the Deployment (and of its PodDisruptionBudget) of one pool of a service."""
    return f"{service}-{pool}"


def canary_name(service: str, pool: str) -> str:
    """Return the name of the Deployment of the workers of a pool that try a new version."""
    return f"{pool_name(service, pool)}-{CANARY_TRACK}"
