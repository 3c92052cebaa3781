"""The names that more than one part of Tidegate must agree on: labels, ports, headers, files, classes.

Owns spelling and the one inversion of priority. Must not import anything but the standard library, hold
behaviour of one part only, or be copied: a name written out elsewhere is a bug.
"""

from typing import Final, Literal

GROUP: Final = "serving.tidegate.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
SERVICE_KIND: Final = "LLMService"
TENANT_KIND: Final = "LLMTenant"
SERVICES_PLURAL: Final = "llmservices"
TENANTS_PLURAL: Final = "llmtenants"

# Labels of everything the operator makes for an LLMService; the gateway finds worker Pods by them.
MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"
MANAGED_BY: Final = "tidegate"
COMPONENT_LABEL: Final = "app.kubernetes.io/component"
WORKER_COMPONENT: Final = "worker"
GATEWAY_COMPONENT: Final = "gateway"
SERVICE_LABEL: Final = f"{GROUP}/service"
POOL_LABEL: Final = f"{GROUP}/pool"
# SHA-256 of the manifest last applied, so that a second reconcile can tell "ours, unchanged" without a write.
APPLIED_HASH_ANNOTATION: Final = f"{GROUP}/applied-hash"

# The pool that all classes share while no class has a pool of its own.
SHARED_POOL: Final = "shared"

WORKER_CONTAINER: Final = "main"
WORKER_PORT_NAME: Final = "http"
WORKER_PORT: Final = 8000
GATEWAY_PORT: Final = 8080
# Health, readiness and metrics of operator and gateway, apart from what clients can reach.
ADMIN_PORT: Final = 9090

MODELS_MOUNT: Final = "/models"
# Where a worker says why it cannot serve; the operator reads it back from the Pod's status.
TERMINATION_MESSAGE_PATH: Final = "/dev/termination-log"
WORKER_UID: Final = 65532

REQUEST_ID_HEADER: Final = "x-request-id"
KEY_PREFIX: Final = "sk-"

QosClass = Literal["high", "medium", "low"]
# Higher wins wherever a user sees a priority (Kubernetes, Gateway API, llm-d).
PRIORITY_BY_CLASS: Final[dict[QosClass, int]] = {"high": 100, "medium": 50, "low": 0}


def engine_priority(priority: int) -> int:
    """Return vLLM's request priority for ours: there the lower number is served first."""
    return -priority


def pool_name(service: str, pool: str) -> str:
    """Return the name of the Deployment (and of its PodDisruptionBudget) of one pool of a service."""
    return f"{service}-{pool}"
