"""How the engine's container is started and asked how it is: vLLM behind our preflight, or a container of the user's.

Owns command, arguments and probes. Must not know security, volumes or resources.
"""

from typing import Any

from tidegate_api.names import WORKER_PORT_NAME
from tidegate_operator.desired import Service

_VLLM_HEALTH_PATH = "/health"
_VLLM_READY_PATH = "/v1/models"


def command(service: Service) -> dict[str, Any]:
    """Return command and arguments; what another engine's user leaves out is its image's."""
    if service.custom is not None:
        said = {"command": list(service.custom.command), "args": list(service.engine_args)}
        return {field: words for field, words in said.items() if words}
    return {
        "command": ["python3", "-m", "tidegate_worker", "serve"],
        "args": [
            # There is no directory to look into where the engine reads the model itself.
            *([f"--model-path={service.model.path}"] if service.model.source is not None else []),
            f"--drain-seconds={service.drain_seconds}",
            "--",
            *service.engine_args,
        ],
    }


def probes(service: Service) -> dict[str, Any]:
    """Return the probes: half an hour to load, ready when a model is served, killed only when long deaf."""
    custom = service.custom
    health = _VLLM_HEALTH_PATH if custom is None else custom.health_path
    ready = _VLLM_READY_PATH if custom is None else custom.ready_path
    return {
        "startupProbe": {
            "httpGet": {"path": health, "port": WORKER_PORT_NAME},
            "periodSeconds": 5,
            "timeoutSeconds": 5,
            "failureThreshold": 360,
        },
        "readinessProbe": {
            "httpGet": {"path": ready, "port": WORKER_PORT_NAME},
            "periodSeconds": 5,
            "timeoutSeconds": 5,
            "failureThreshold": 3,
        },
        "livenessProbe": {
            "httpGet": {"path": health, "port": WORKER_PORT_NAME},
            "periodSeconds": 20,
            "timeoutSeconds": 15,
            "failureThreshold": 6,
        },
    }
