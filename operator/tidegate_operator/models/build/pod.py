"""The Pod template of a loader, under the Pod Security Standard "restricted": no GPU, no account, one volume.

Owns its security, volumes and environment. Must not know what a loader is told to do.
"""

from collections.abc import Sequence
from typing import Any

from tidegate_api.names import (
    CACHE_MOUNT,
    LOADER_CONTAINER,
    LOADER_PORT,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    TERMINATION_MESSAGE_PATH,
)
from tidegate_api.settings import Settings
from tidegate_operator.build import restricted
from tidegate_operator.models.naming import CacheVolume
from tidegate_operator.models.request import Placement

# Long enough to finish a write; what is there is complete to the byte at any moment.
_END_SECONDS = 15
_SCRATCH = "1Gi"


def pod_template(
    labels: dict[str, str],
    words: Sequence[str],
    env: Sequence[dict[str, Any]],
    *,
    volume: CacheVolume,
    placement: Placement,
    settings: Settings,
) -> dict[str, Any]:
    """Return the Pod template of a loader that is told these words."""
    return {
        "metadata": {"labels": labels},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": _END_SECONDS,
            # Without the policy, the kubelet walks through the whole cache at each start.
            "securityContext": {**restricted.pod_security(), "fsGroupChangePolicy": "OnRootMismatch"},
            **_placed(placement, volume, settings),
            "containers": [_container(words, env, settings)],
            "volumes": [
                {"name": "cache", **volume.source},
                {"name": "tmp", "emptyDir": {"sizeLimit": _SCRATCH}},
            ],
        },
    }


def _placed(placement: Placement, volume: CacheVolume, settings: Settings) -> dict[str, Any]:
    fields = {
        "nodeSelector": dict(placement.node_selector),
        "tolerations": [dict(toleration) for toleration in placement.tolerations],
        "imagePullSecrets": [{"name": name} for name in settings.image_pull_secrets],
        "affinity": restricted.near({MANAGED_BY_LABEL: MANAGED_BY}) if volume.claim is not None else {},
    }
    return {field: value for field, value in fields.items() if value}


def _container(words: Sequence[str], env: Sequence[dict[str, Any]], settings: Settings) -> dict[str, Any]:
    resources = settings.models.resources
    return {
        "name": LOADER_CONTAINER,
        "image": settings.models.loader_image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": ["python3", "-m", "tidegate_loader"],
        "args": list(words),
        "env": [{"name": "HOME", "value": "/tmp"}, {"name": "HF_HOME", "value": "/tmp/hf"}, *env],  # noqa: S108
        "ports": [{"name": "progress", "containerPort": LOADER_PORT, "protocol": "TCP"}],
        "resources": {"requests": dict(resources.requests), "limits": dict(resources.limits)},
        "terminationMessagePath": TERMINATION_MESSAGE_PATH,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": restricted.container_security(),
        "volumeMounts": [
            {"name": "cache", "mountPath": CACHE_MOUNT},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
        ],
    }
