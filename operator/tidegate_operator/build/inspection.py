"""The Job that looks into a model which no loader has seen: its config.json and the headers of its weights.

Owns its Pod, which may do nothing but read. Must not wait for what it finds, or decide when it runs.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from tidegate_api.names import (
    COMPONENT_LABEL,
    INSPECTED_FOR_LABEL,
    INSPECTOR_COMPONENT,
    LOADER_CONTAINER,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    MODELS_MOUNT,
    SERVICE_LABEL,
    TERMINATION_MESSAGE_PATH,
)
from tidegate_operator import podtemplate
from tidegate_operator.build import metadata, restricted
from tidegate_operator.desired import Inspection, Plan, Service

# Pulling the image and mounting the volume included; one that cannot be mounted must not wait for ever.
_DEADLINE_SECONDS: Final = 300
# The kubelet waits 10, 20, 40 and 80 seconds before them: a model still being copied at the first look is found.
_RETRIES: Final = 4
_NAME_DIGITS: Final = 4
_PLACING: Final = frozenset(
    {"affinity", "imagePullSecrets", "nodeSelector", "schedulerName", "securityContext", "tolerations"}
)


def inspection(plan: Plan) -> dict[str, Any] | None:
    """Return the Job, None where none is to be.

    A Job's Pod template can never change, so the name ends in a digest of it: what changes is another Job.
    """
    service = plan.service
    if not plan.is_inspected or service.inspection is None:
        return None
    named = metadata.of_service(service)
    labels = {**named["labels"], COMPONENT_LABEL: INSPECTOR_COMPONENT}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {**named, "name": inspection_name(service), "labels": labels},
        "spec": _spec(service, service.inspection),
    }


def inspection_name(service: Service) -> str | None:
    """Return the name of the Job that looks into the model as it is named now, None where nobody has to look."""
    if service.inspection is None:
        return None
    return f"{service.key.name}-inspect-{_digest(_spec(service, service.inspection))}"


def _spec(service: Service, asked: Inspection) -> dict[str, Any]:
    return {
        "backoffLimit": _RETRIES,
        "activeDeadlineSeconds": _DEADLINE_SECONDS,
        "template": {
            "metadata": {"labels": _labels(service)},
            "spec": podtemplate.merge(_pod(service, asked), _where(service)),
        },
    }


def _where(service: Service) -> dict[str, Any]:
    """Return what the user says of where workers run, and as whom: the model may be only there."""
    spec = service.pod_template.get("spec") or {}
    return {field: value for field, value in spec.items() if field in _PLACING}


def _labels(service: Service) -> dict[str, str]:
    """Return labels that are not those of a worker: no request, disruption budget or policy is for this Pod."""
    return {
        MANAGED_BY_LABEL: MANAGED_BY,
        COMPONENT_LABEL: INSPECTOR_COMPONENT,
        INSPECTED_FOR_LABEL: service.key.name,
    }


def _digest(spec: Mapping[str, Any]) -> str:
    text = json.dumps(spec, sort_keys=True, separators=(",", ":"))
    return (
        base64.b32encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii").lower()[:_NAME_DIGITS]
    )


def _pod(service: Service, asked: Inspection) -> dict[str, Any]:
    placement = service.placement
    fields = {
        "nodeSelector": dict(placement.node_selector),
        "tolerations": [dict(toleration) for toleration in placement.tolerations],
        "imagePullSecrets": [{"name": name} for name in service.image_pull_secrets],
    }
    return {
        "serviceAccountName": service.key.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "OnFailure",
        "securityContext": restricted.pod_security(owns_volumes=False),
        "affinity": restricted.near({SERVICE_LABEL: service.key.name}),
        **{field: value for field, value in fields.items() if value},
        "containers": [_container(service, asked)],
        "volumes": [{"name": "model", **(service.model.source or {})}],
    }


def _container(service: Service, asked: Inspection) -> dict[str, Any]:
    return {
        "name": LOADER_CONTAINER,
        "image": asked.image,
        "imagePullPolicy": service.image_pull_policy,
        "command": ["python3", "-m", "tidegate_loader", "inspect"],
        "args": [f"--path={service.model.path}"],
        "resources": {"requests": dict(asked.requests), "limits": dict(asked.limits)},
        "terminationMessagePath": TERMINATION_MESSAGE_PATH,
        "terminationMessagePolicy": "File",
        "securityContext": restricted.container_security(),
        "volumeMounts": [{"name": "model", "mountPath": MODELS_MOUNT, "readOnly": True}],
    }
