"""The Job that brings a model into the cache. It runs once: whether and when it is tried again the operator decides."""

from typing import Any, Final

from tidegate_api.names import ATTEMPT_ANNOTATION, CACHE_MOUNT, LOADER_PORT
from tidegate_operator.models.build import names
from tidegate_operator.models.build.pod import pod_template
from tidegate_operator.models.request import Request

# How long a Job that has ended can be looked at.
_KEPT_SECONDS: Final = 3600


def load(wanted: Request, attempt: int, failures: int) -> dict[str, Any]:
    """Return the Job of an attempt, counted from 1; `failures` before it were of a kind that may pass."""
    metadata = names.owned(wanted)
    told = {
        ATTEMPT_ANNOTATION: str(attempt),
        names.FAILURES_ANNOTATION: str(failures),
        names.FINGERPRINT_ANNOTATION: wanted.fingerprint,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {**metadata, "annotations": told},
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "suspend": False,
            "ttlSecondsAfterFinished": _KEPT_SECONDS,
            "template": pod_template(
                metadata["labels"],
                _words(wanted),
                _environment(wanted),
                volume=wanted.volume,
                placement=wanted.placement,
                settings=wanted.settings,
            ),
        },
    }


def _words(wanted: Request) -> list[str]:
    return [
        "load",
        *("--uri", wanted.uri),
        *("--revision", wanted.revision),
        *(("--adapter",) if wanted.type == "Adapter" else ()),
        *("--cache", CACHE_MOUNT),
        *(word for path in wanted.in_use for word in ("--in-use", path)),
        *(("--limit-bytes", str(wanted.limit_bytes)) if wanted.limit_bytes is not None else ()),
        *(("--offline",) if wanted.settings.models.offline else ()),
        *("--port", str(LOADER_PORT)),
    ]


def _environment(wanted: Request) -> list[dict[str, Any]]:
    """Return the variables; the token comes from its Secret when the container is made, and is in no object of ours."""
    models = wanted.settings.models
    endpoints = {"HF_ENDPOINT": models.hub_endpoint, "MODELSCOPE_ENDPOINT": models.model_scope_endpoint}
    told = [{"name": name, "value": value} for name, value in endpoints.items() if value]
    own = [{"name": one.name, "value": one.value} for one in models.env]
    if wanted.token is None:
        return [*told, *own]
    variable = "MODELSCOPE_API_TOKEN" if wanted.uri.startswith("ms://") else "HF_TOKEN"
    reference = {"secretKeyRef": {"name": wanted.token.name, "key": wanted.token.key}}
    return [*told, *own, {"name": variable, "valueFrom": reference}]
