"""The Pod template of the workers, under the Pod Security Standard "restricted".

Owns the container's security, probes and volumes. Must not read anything but the Service and the pool.
"""

from typing import Any

from tidegate_api.names import (
    MODELS_MOUNT,
    TERMINATION_MESSAGE_PATH,
    WORKER_CONTAINER,
    WORKER_PORT,
    WORKER_PORT_NAME,
)
from tidegate_operator import podtemplate
from tidegate_operator.build import metadata, restricted
from tidegate_operator.desired import Pool, Service

# While a worker stops, it still answers: this long for every gateway to see that its Pod is going.
PRE_STOP_SECONDS = 5
# Beyond the drain, for the engine to end before the kubelet kills it.
END_SECONDS = 15


def pod_template(service: Service, pool: Pool) -> dict[str, Any]:
    """Return the Pod template, the user's part worked in."""
    template = {"metadata": _metadata(service, pool), "spec": _spec(service, pool)}
    return podtemplate.merge(template, service.pod_template)


def _metadata(service: Service, pool: Pool) -> dict[str, Any]:
    return {
        "labels": metadata.pool_labels(service, pool),
        "annotations": {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": str(WORKER_PORT),
            "prometheus.io/path": "/metrics",
        },
    }


def _spec(service: Service, pool: Pool) -> dict[str, Any]:
    return {
        "serviceAccountName": service.key.name,
        "automountServiceAccountToken": False,
        # Without this, a Service named `vllm` would set VLLM_PORT and the like for the engine to trip over.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": PRE_STOP_SECONDS + service.drain_seconds + END_SECONDS,
        "securityContext": restricted.pod_security(),
        **_placement(service, pool),
        "containers": [_container(service)],
        "volumes": [
            *([{"name": "model", **service.model.source}] if service.model.source is not None else []),
            {"name": "tmp", "emptyDir": {}},
            # The engine's processes talk through shared memory; a container's own 64 MiB are too few.
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
        ],
    }


def _placement(service: Service, pool: Pool) -> dict[str, Any]:
    placement = service.placement
    fields = {
        "nodeSelector": dict(placement.node_selector),
        "tolerations": [dict(toleration) for toleration in placement.tolerations],
        "runtimeClassName": placement.runtime_class_name,
        "priorityClassName": pool.priority_class_name,
        "imagePullSecrets": [{"name": name} for name in service.image_pull_secrets],
    }
    return {field: value for field, value in fields.items() if value}


def _container(service: Service) -> dict[str, Any]:
    return {
        "name": WORKER_CONTAINER,
        "image": service.image,
        "imagePullPolicy": service.image_pull_policy,
        "command": ["python3", "-m", "tidegate_worker", "serve"],
        "args": [
            # There is no directory to look into where the engine reads the model itself.
            *([f"--model-path={service.model.path}"] if service.model.source is not None else []),
            f"--drain-seconds={service.drain_seconds}",
            "--",
            *service.engine_args,
        ],
        "env": [{"name": name, "value": value} for name, value in service.env.items()],
        **({"envFrom": [{"secretRef": {"name": service.credentials}}]} if service.credentials else {}),
        "ports": [{"name": WORKER_PORT_NAME, "containerPort": WORKER_PORT, "protocol": "TCP"}],
        "resources": {"requests": dict(service.requests), "limits": dict(service.limits)},
        **_probes(),
        "lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}},
        "terminationMessagePath": TERMINATION_MESSAGE_PATH,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": restricted.container_security(),
        "volumeMounts": [
            *(
                [{"name": "model", "mountPath": MODELS_MOUNT, "readOnly": True}]
                if service.model.source is not None
                else []
            ),
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108
        ],
    }


def _probes() -> dict[str, Any]:
    """Return the probes: half an hour to load, ready when a model is served, killed only when long deaf."""
    return {
        "startupProbe": {
            "httpGet": {"path": "/health", "port": WORKER_PORT_NAME},
            "periodSeconds": 5,
            "timeoutSeconds": 5,
            "failureThreshold": 360,
        },
        "readinessProbe": {
            "httpGet": {"path": "/v1/models", "port": WORKER_PORT_NAME},
            "periodSeconds": 5,
            "timeoutSeconds": 5,
            "failureThreshold": 3,
        },
        "livenessProbe": {
            "httpGet": {"path": "/health", "port": WORKER_PORT_NAME},
            "periodSeconds": 20,
            "timeoutSeconds": 15,
            "failureThreshold": 6,
        },
    }
