"""The Pod template of the workers, under the Pod Security Standard "restricted".

Owns the container's security and volumes; how it is started and asked is in `start.py`. Must not read anything but the
Service and the pool.
"""

from typing import Any, Final

from tidegate_api.names import (
    MODELS_MOUNT,
    TERMINATION_MESSAGE_PATH,
    WORKER_CONTAINER,
    WORKER_PORT_NAME,
)
from tidegate_operator import podtemplate
from tidegate_operator.build import group, metadata, restricted, start
from tidegate_operator.desired import Pool, Service

# While a worker stops, it still answers: this long for every gateway to see that its Pod is going.
PRE_STOP_SECONDS = 5
# Beyond the drain, for the engine to end before the kubelet kills it.
END_SECONDS = 15

# What an engine compiles and keeps is a few gigabytes at most. A Pod that fills more is ended, and not its whole node.
_SCRATCH: Final = "16Gi"


def pod_template(service: Service, pool: Pool) -> dict[str, Any]:
    """Return the Pod template, the user's part worked in."""
    template = {"metadata": _metadata(service, pool), "spec": _spec(service, pool)}
    return group.led(podtemplate.merge(template, service.pod_template), service)


def _metadata(service: Service, pool: Pool) -> dict[str, Any]:
    labels = {"labels": metadata.pool_labels(service, pool)}
    if service.custom is not None:  # whether it has metrics, its user knows
        return labels
    return {
        **labels,
        "annotations": {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": str(service.port),
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
            *({"name": one.name, **one.source} for one in service.side_volumes),
            {"name": "tmp", "emptyDir": {"sizeLimit": _SCRATCH}},
            # The engine's processes talk through shared memory; a container's own 64 MiB are too few.
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": _shared_memory(service)}},
        ],
    }


def _shared_memory(service: Service) -> str:
    return str(2**30 + service.shared_memory) if service.shared_memory else "1Gi"


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
        **start.command(service),
        "env": [{"name": name, "value": value} for name, value in service.env.items()],
        **({"envFrom": [{"secretRef": {"name": service.credentials}}]} if service.credentials else {}),
        "ports": [{"name": WORKER_PORT_NAME, "containerPort": service.port, "protocol": "TCP"}],
        "resources": {"requests": dict(service.requests), "limits": dict(service.limits)},
        **start.probes(service),
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
            *(
                {"name": one.name, "mountPath": one.mount, **({"readOnly": True} if one.is_read_only else {})}
                for one in service.side_volumes
            ),
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108
        ],
    }
