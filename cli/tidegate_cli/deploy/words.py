"""What `tidegate deploy` says: how far a service is, why it does not come, and how it is called. Pure.

Must not ask a cluster or read the clock.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tidegate_cli.modelwords import amount
from tidegate_cli.status.report import condition, phase
from tidegate_models.values import PASSING, Progress
from tidegate_operator.reasons import REASONS

Json = Mapping[str, Any]
# What the operator tries again by itself, and what an administrator may mend while one waits.
_MAY_PASS: Final = frozenset({*PASSING, "WaitingForGPU", "Unschedulable", "ImagePullFailed"})


def is_ready(service: Json) -> bool:
    """Tell whether a service answers, as it is specified now."""
    return phase(service) in ("Ready", "Degraded") and condition(service, "Ready").get("status") == "True"


def has_failed(service: Json) -> bool:
    """Tell whether nothing more is to come unless somebody changes something."""
    return phase(service) == "Failed" and condition(service, "Ready").get("reason") not in _MAY_PASS


def progress(service: Json) -> str:
    """Return how far a service is, in one line."""
    ready, status = condition(service, "Ready"), service.get("status") or {}
    model = status.get("model") or {}
    if model and (model.get("percent") or 0) < 100:
        told = amount(
            Progress(
                name="",
                phase="Downloading",
                percent=model.get("percent"),
                bytes_done=model.get("bytesDone"),
                bytes_total=model.get("bytesTotal"),
                bytes_per_second=model.get("bytesPerSecond"),
                remaining_seconds=model.get("remainingSeconds"),
            )
        )
        return f"Downloading {told}".rstrip()
    if phase(service) == "Pending" and not ready:
        return "Pending: the operator has not looked at it yet"
    return ": ".join(filter(None, (phase(service), ready.get("reason"), ready.get("message"))))


def headline(service: Json) -> tuple[str, str, int]:
    """Return what makes a state worth a line of its own where lines stay: phase, reason, each tenth of a download."""
    model = (service.get("status") or {}).get("model") or {}
    return phase(service), condition(service, "Ready").get("reason", ""), (model.get("percent") or 0) // 10


def why_not(service: Json) -> str:
    """Return why a service does not answer, and what to do."""
    ready = condition(service, "Ready")
    reason = ready.get("reason", "")
    fix = REASONS[reason].fix if reason in REASONS else ""
    return " ".join(filter(None, (f"{reason}: {ready.get('message', '')}".strip(": "), fix)))


def how_to_call(service: Json) -> Iterator[str]:
    """Yield commands by which a service is called."""
    metadata, status = service["metadata"], service.get("status") or {}
    namespace = metadata["namespace"]
    model = status.get("modelName") or (service["spec"]["model"].get("name") or metadata["name"])
    yield "Call it:"
    yield f"  export TIDEGATE_API_KEY=$(tidegate keys create my-team -n {namespace})"
    yield f'  tidegate chat {model} "What is the capital of France?" -n {namespace}'
    if status.get("url"):
        yield f'or inside the cluster with any OpenAI client: base_url="{status["url"]}", model="{model}"'


def waits(service: Json) -> str:
    """Return how one sees what becomes of a service that is not waited for."""
    metadata = service["metadata"]
    return f"tidegate status {metadata['name']} -n {metadata['namespace']}"
